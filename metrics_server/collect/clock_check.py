"""Whether Prometheus' clock and this server's agree, as far as the scrapes that it told of show.

Prometheus is asked what it knows at this server's time. Where that is behind Prometheus', the answers are of
the past and look fresh. A scrape later than the time asked about shows it, and so does one that was told
before this server's clock was set back. Where the clock was ahead, figures are too old, as elsewhere. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from metrics_server.model import faults

_ROUNDING = 1.0
"""Seconds by which a scrape may be later than the time asked about: backends may round that."""
_SLEW = 0.001
"""Part of the time gone by that a clock may lose while it is corrected little by little: twice what Linux
does.
"""

_NOTABLE = 120.0
"""Seconds by which a clock may be later than what is known, since figures may be 90 s old."""


class Agreement:
    """What time it is by Prometheus' clock, at least. `uptime`: seconds that nobody sets."""

    def __init__(self, uptime: Callable[[], float]) -> None:
        self._uptime = uptime
        self._known = -math.inf
        self._since = 0.0
        """At this uptime it was that late at least."""

    def lead(self, asked: float) -> float:
        """Return by how many seconds it must be later than a time that is asked about; 0 if it need not."""
        lead = self._least() - asked
        return lead if lead > _ROUNDING else 0.0

    def doubt(self, asked: float) -> str:
        """Return what is to be said where a time that is asked about is so late that figures look old."""
        jump = asked - self._least()
        if jump < _NOTABLE or math.isinf(jump):
            return ""
        return f" Or is this server's clock wrong? It went ahead by some {jump:.0f} s since it had figures."

    def heard(self, newest: float, *, asked: float) -> None:
        """Remember the newest scrape that was told at a time. Raises faults.Ahead."""
        if newest - asked > _ROUNDING:
            raise differ(newest - asked)
        self._known, self._since = max(newest, self._least()), self._uptime()

    def forget(self) -> None:
        """Believe this server's clock again: it was Prometheus' that was wrong before."""
        self._known = -math.inf

    def _least(self) -> float:
        return self._known + (self._uptime() - self._since) * (1 - _SLEW)


def differ(seconds: float) -> faults.Ahead:
    """Return the refusal where scrapes are so much later than this server's time."""
    return faults.Ahead(
        f"Prometheus knows of scrapes that are {seconds:.0f} s later than this server's time: the clocks of "
        "this server and of Prometheus differ by that much or more, so no figures can be called fresh. "
        "Is time synchronized on both machines?"
    )
