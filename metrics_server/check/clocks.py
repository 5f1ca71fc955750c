"""How far this machine's clock is from the backend's."""

from __future__ import annotations

import time

from metrics_server.check import report
from metrics_server.model import faults
from metrics_server.query import promql
from metrics_server.upstream import requests_prometheus

_ALLOWED = 2.0
"""Seconds."""


async def lead(backend: requests_prometheus.RecordingClient, found: report.CheckReport) -> float:
    """Return by how many seconds this machine's clock is ahead of the backend's (negative: behind).

    It is 0 if the two agree as far as the duration of the query shows, or if the backend does not say.
    """
    before = time.time()
    try:
        (answer,) = await backend.ask([promql.NOW], at=None)
        theirs = float(answer[0]["value"][1])
    except (faults.Unavailable, LookupError, TypeError, ValueError):
        return 0.0
    after = time.time()
    ahead = before - theirs if before > theirs else after - theirs if after < theirs else 0.0
    if abs(ahead) <= _ALLOWED:
        return 0.0
    found.note(
        f"this machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the backend's: "
        "synchronize both (chronyc tracking, timedatectl). The backend's time is used here."
    )
    return ahead
