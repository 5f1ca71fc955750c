"""`trafficmetrics-server`, as it is installed: signals are looked after before anything is loaded."""

from __future__ import annotations

from metrics_server.server import signals


def main() -> None:
    """Run the command line."""
    signals.end_by_signals()
    from metrics_server import __main__ as commands

    commands.main()
