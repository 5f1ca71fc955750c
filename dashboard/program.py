"""Entry points of the installed programs; they handle signals before they import anything slow."""

from dashboard import signals


def dashboard() -> None:
    """Run `trafficmetrics-dashboard`."""
    signals.end_by_signals()
    from dashboard import __main__ as commands

    commands.main()


def terminal() -> None:
    """Run `kubectl traffic`."""
    signals.end_by_signals()
    from dashboard.terminal import __main__ as commands

    commands.main()
