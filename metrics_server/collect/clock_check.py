"""Checks whether the clocks of Prometheus and this server agree, from the times of scrapes. Pure.

Queries are evaluated at this server's time. If its clock is behind that of Prometheus, the answers are
from the past and look fresh. This is detected if a scrape is later than the evaluation time, or if an
earlier answer had a scrape later than the present time (this server's clock was set back). If the clock is
ahead, figures look too old and are refused as stale.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from metrics_server.model import faults

_ROUNDING = 1.0
"""Seconds by which a scrape may be later than the evaluation time: backends may round that time."""
_SLEW = 0.001
"""Share of the elapsed time that a clock may lose while it is slewed: twice the maximum of Linux (500
ppm).
"""

_NOTABLE = 120.0
"""Seconds. If this server's clock is further ahead of the newest known time, the message about old figures
says so.
"""


class ClockBound:
    """The earliest time that Prometheus' clock can show now. `uptime`: a monotonic clock in seconds."""

    def __init__(self, uptime: Callable[[], float]) -> None:
        self._uptime = uptime
        self._known = -math.inf
        self._since = 0.0
        """The uptime at which `_known` was the earliest possible time."""

    def lead(self, asked: float) -> float:
        """Return by how many seconds Prometheus' clock is ahead of an evaluation time, at least; 0 if it
        need not be.
        """
        lead = self._least() - asked
        return lead if lead > _ROUNDING else 0.0

    def doubt(self, asked: float) -> str:
        """Return a sentence for a message about old figures, if this server's clock may be the cause; else
        an empty text.
        """
        jump = asked - self._least()
        if jump < _NOTABLE or math.isinf(jump):
            return ""
        return (
            f" Or is this server's clock wrong? It went ahead by about {jump:.0f} s "
            "since it last had figures."
        )

    def heard(self, newest: float, *, asked: float) -> None:
        """Record the newest scrape in an answer evaluated at `asked`. Raises faults.Ahead if it is later."""
        if newest - asked > _ROUNDING:
            raise differ(newest - asked)
        self._known, self._since = max(newest, self._least()), self._uptime()

    def forget(self) -> None:
        """Forget all scrapes: Prometheus' clock was wrong and has been corrected."""
        self._known = -math.inf

    def _least(self) -> float:
        return self._known + (self._uptime() - self._since) * (1 - _SLEW)


def differ(seconds: float) -> faults.Ahead:
    """Return the fault for scrapes that are this many seconds later than this server's time."""
    return faults.Ahead(
        f"Prometheus has scrapes that are {seconds:.0f} s later than this server's time: the clocks of "
        "this server and of Prometheus differ by that much or more, so it is unknown how old figures are. "
        "Is time synchronized on both machines?"
    )
