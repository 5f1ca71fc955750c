"""End a program at SIGINT or SIGTERM without a traceback while it still loads.

The imports take about a second. During that time Python would print a traceback at Ctrl-C, and PID 1 of a
container would ignore SIGTERM.
"""

import os
import signal
from types import FrameType


def end_by_signals() -> None:
    """Let SIGINT and SIGTERM end this process at once, with exit status 128 + signal."""
    # The kernel does not apply the default action of a signal to PID 1.
    action = _end if os.getpid() == 1 else signal.SIG_DFL
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, action)


def _end(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)
