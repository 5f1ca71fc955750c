"""What a request asks, and why it cannot be answered: parameters in, and faults out as Kubernetes
Statuses.

A hint names only what its request was authorized for: no function that makes one takes names without a reach.
"""

from __future__ import annotations

import contextlib
import difflib
import logging
import math
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from apiservice.http import errors
from apiservice.resources import declaration
from metrics_server.model import faults, kinds, quantity
from metrics_server.model import window as bounds
from metrics_server.store import store

logger = logging.getLogger(__name__)
_STATUS: tuple[tuple[type[faults.Fault], type[errors.StatusError]], ...] = (
    (faults.BadRequest, errors.BadRequest),
    (faults.NotFound, errors.NotFound),
    (faults.Unavailable, errors.ServiceUnavailable),
)
_RANGE = " to ".join(map(quantity.render_duration, (bounds.SHORTEST, bounds.LONGEST)))
_GRID = ((120.0, 1.0), (600.0, 10.0), (bounds.LONGEST, 60.0))
"""Up to how many seconds windows are told apart by how many: each other window is another fetch, and these
are 218 in all. What stands in docs/api.md.
"""
_FEW = 6
"""Names in one hint."""
PARTIAL = "Prometheus warns that its answer is incomplete"
PARAMETERS = tuple(
    declaration.Parameter(
        name=name,
        description=f"{about} A duration such as 30s, 5m or 1h; from {_RANGE}. "
        "It is rounded up to whole seconds, beyond 2m to whole 10s, beyond 10m to whole minutes, and widened "
        "where it would hold fewer than two scrapes.",
        schema={"type": "string"},
    )
    for name, about in (
        ("window", "The time over which requests are counted."),
        ("t", "The same as `window`, as smi-metrics had it."),
    )
)


@contextlib.contextmanager
def answered() -> Iterator[None]:
    """Turn a fault inside into the Status a client gets; what only operators may see goes to the log."""
    try:
        yield
    except faults.Fault as fault:
        if fault.detail:
            logger.warning("%s (%s)", fault.message, fault.detail)
        status = next(status for kind, status in _STATUS if isinstance(fault, kind))
        raise status(fault.message) from fault


def warnings(moment: store.Moment | None) -> tuple[str, ...]:
    """Return what a reader of the moment is to be told beside the figures."""
    return tuple(missing(moment)) if moment is not None else ()


def missing(moment: store.Moment) -> list[str]:
    """Return why traffic may be missing from a moment, if it may."""
    why = [f"{PARTIAL}: traffic may be missing from these figures"] if moment.snapshot.partial else []
    if moment.snapshot.absent:
        names = " and ".join(moment.snapshot.absent)
        why.append(f"the newest scrapes of {names} are too old: that traffic is missing from these figures")
    return why


def window(query: declaration.Query, *, default: float) -> float:
    """Return the window asked for, in seconds. Raises errors.BadRequest."""
    given = {name: query.parameters[name] for name in ("window", "t") if name in query.parameters}
    if len(set(given.values())) > 1:
        raise errors.BadRequest("`window` and `t` mean the same and differ here; give one of them")
    return next((seconds(name, text) for name, text in given.items()), default)


def seconds(name: str, text: str) -> float:
    """Return the seconds of a window that a parameter gives, on the grid. Raises errors.BadRequest."""
    try:
        given = quantity.duration(text)
    except ValueError as error:
        raise errors.BadRequest(f"{name}: {error}") from error
    if not bounds.SHORTEST <= given <= bounds.LONGEST:
        raise errors.BadRequest(f"{name}: {text!r} is outside {_RANGE}")
    return on_grid(given)


def on_grid(window: float) -> float:
    """Return the shortest window of the grid that is no shorter."""
    step = next(step for longest, step in _GRID if window <= longest)
    # To the microsecond: a sum of decimal parts may be a little more than what it is written as.
    return step * math.ceil(round(window / step, 6))


def home(ref: kinds.Ref) -> str:
    """Return the namespace whose reader may see a resource; a namespace is at home in itself."""
    return ref.name if ref.kind == kinds.NAMESPACE.name else ref.namespace


class Named(NamedTuple):
    """A name that a hint may hold, and the namespace whose readers may be told of it; empty for none."""

    home: str
    name: str


def nearest(name: str, known: Iterable[Named], *, what: str, reach: declaration.Reach) -> str:
    """Return the words that help after "not found": near names, or what there is, within a reach."""
    if alike := near(name, known := list(known), reach=reach):
        return alike
    if not (there := some(known, reach=reach)):
        return f"no {what} has a scraped proxy here"
    return f"{what}s with a scraped proxy: {there}"


def near(name: str, known: Iterable[Named], *, reach: declaration.Reach) -> str:
    """Return the question whether a name alike was meant; empty where a reach has none."""
    return near_word(name, _within(reach, known))


def some(known: Iterable[Named], *, reach: declaration.Reach) -> str:
    """Return the first few of what a reach has, in words; empty where it has none."""
    there = sorted(_within(reach, known))
    return f"{', '.join(there[:_FEW])}{', …' if len(there) > _FEW else ''}"


def near_word(name: str, served: Collection[str]) -> str:
    """Return the question whether a word alike was meant that everybody may know, as that of a metric."""
    alike = difflib.get_close_matches(name, served, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(alike)}?" if alike else ""


def _within(reach: declaration.Reach, known: Iterable[Named]) -> set[str]:
    return {one.name for one in known if reach.covers(one.home)}
