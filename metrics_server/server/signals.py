"""SIGINT and SIGTERM while the program loads: they end it at once, without a traceback.

Loading takes a second. In this time Python would answer Ctrl-C with a traceback of an import, and the first
process of a container would ignore SIGTERM.
"""

from __future__ import annotations

import os
import signal
from types import FrameType


def end_by_signals() -> None:
    """Make SIGINT and SIGTERM end this process at once, with the usual exit status: 128 and their number."""
    # The kernel protects the first process of a container from the default action.
    action = _end if os.getpid() == 1 else signal.SIG_DFL
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, action)


def _end(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)
