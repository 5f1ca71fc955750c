"""Signals that end a program at once and without a traceback, until it can end gracefully.

Loading takes a second, in which Python would answer Ctrl-C with a traceback of whatever it was importing, and
in which the first process of a container would ignore SIGTERM.
"""

from __future__ import annotations

import os
import signal
from types import FrameType


def end_by_signals() -> None:
    """Let SIGINT and SIGTERM end this process at once, with the exit status of a process that they end."""
    # The kernel protects the first process of a container from the default action.
    action = _end if os.getpid() == 1 else signal.SIG_DFL
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, action)


def _end(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)
