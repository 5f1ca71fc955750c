"""The programs as they are installed: signals are looked after before anything is loaded."""

from dashboard import signals


def dashboard() -> None:
    """`trafficmetrics-dashboard`."""
    signals.end_by_signals()
    from dashboard import __main__ as commands

    commands.main()


def terminal() -> None:
    """`kubectl traffic`."""
    signals.end_by_signals()
    from dashboard.terminal import __main__ as commands

    commands.main()
