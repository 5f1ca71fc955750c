"""The installed command `trafficmetrics-server`. It handles signals before the slow imports."""

from __future__ import annotations

from metrics_server.server import signals


def main() -> None:
    """Run the command line."""
    signals.end_by_signals()
    from metrics_server import __main__ as commands

    commands.main()
