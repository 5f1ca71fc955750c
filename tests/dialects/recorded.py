"""What a dialect's sources expose, as a recording of a minute in which the traffic happens at each scrape."""

from __future__ import annotations

from tests.dialects import writers
from tests.metrics_server import recording

EVERY = 5.0
"""Seconds between two scrapes."""
_SCRAPES = 13
_AGE = 3600.0
_EARLIEST = 1e9
"""Unix seconds: the start of a process is later, and its age is less."""


def recorded(dialect: writers.Dialect, *, until: float) -> recording.Recording:
    """Return the recording, whose last scrape is at Unix time `until`."""
    times = [until - EVERY * step for step in reversed(range(_SCRAPES))]
    found = []
    for source in dialect.sources(dialect.calls):
        target = {"job": dialect.job, "instance": source.instance, **source.labels}
        found.append(recording.series("up", [(time, 1.0) for time in times], **target))
        alive = dialect.alive(until - _AGE)
        for one in [*alive, *source.samples]:
            own = {**source.fixed, **one.labels}
            labels = {f"exported_{label}" if label in target else label: own[label] for label in own} | target
            if one in alive:
                age = one.value < _EARLIEST
                values = [(time, one.value - (until - time if age else 0.0)) for time in times]
            else:
                values = [
                    (time, one.value * (number if one.grows else 1)) for number, time in enumerate(times, 1)
                ]
            found.append(recording.series(one.name, values, **labels))
    return recording.Recording(found)
