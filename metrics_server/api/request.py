"""The parameters of a request, and the errors of an answer as Kubernetes Statuses.

A hint, such as "did you mean cart?", contains only names that the request is authorized to read. Therefore
every function that makes a hint takes the request's reach.
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
"""Pairs of an upper limit and a step, in seconds: a window up to the limit is rounded up to the step.

Each different window is a fetch of its own, and the grid allows 218 of them. docs/api.md describes it.
"""
_FEW = 6
"""How many names a hint contains at most."""
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
        ("t", "The same as `window`, as in smi-metrics."),
    )
)


@contextlib.contextmanager
def answered() -> Iterator[None]:
    """Raise a fault of the block as the Status for the client; its detail, for operators only, is logged."""
    try:
        yield
    except faults.Fault as fault:
        if fault.detail:
            logger.warning("%s (%s)", fault.message, fault.detail)
        status = next(status for kind, status in _STATUS if isinstance(fault, kind))
        raise status(fault.message) from fault


def warnings(moment: store.Moment | None) -> tuple[str, ...]:
    """Return the texts of the `Warning` headers of an answer from this snapshot."""
    return tuple(missing(moment)) if moment is not None else ()


def missing(moment: store.Moment) -> list[str]:
    """Return why traffic may be missing from a snapshot; empty if it is complete."""
    why = [f"{PARTIAL}: traffic may be missing from these figures"] if moment.snapshot.partial else []
    if moment.snapshot.absent:
        names = " and ".join(moment.snapshot.absent)
        why.append(f"the newest scrapes of {names} are too old: that traffic is missing from these figures")
    return why


def window(query: declaration.Query, *, default: float) -> float:
    """Return the window of a request, in seconds. Raises errors.BadRequest."""
    given = {name: query.parameters[name] for name in ("window", "t") if name in query.parameters}
    if len(set(given.values())) > 1:
        raise errors.BadRequest("`window` and `t` mean the same and differ here; give one of them")
    return next((seconds(name, text) for name, text in given.items()), default)


def seconds(name: str, text: str) -> float:
    """Return the window in a parameter, in seconds, rounded up to the grid. Raises errors.BadRequest."""
    try:
        given = quantity.duration(text)
    except ValueError as error:
        raise errors.BadRequest(f"{name}: {error}") from error
    if not bounds.SHORTEST <= given <= bounds.LONGEST:
        raise errors.BadRequest(f"{name}: {text!r} is outside {_RANGE}")
    return on_grid(given)


def on_grid(window: float) -> float:
    """Return a window (seconds) rounded up to the grid."""
    step = next(step for longest, step in _GRID if window <= longest)
    # To the microsecond, as a sum of decimal fractions can be slightly more than its exact value.
    return step * math.ceil(round(window / step, 6))


def home(ref: kinds.Ref) -> str:
    """Return the namespace whose readers may see a resource: its own; for a Namespace, itself."""
    return ref.name if ref.kind == kinds.NAMESPACE.name else ref.namespace


class HintName(NamedTuple):
    """A name for a hint, and the namespace whose readers may see it; empty for a cluster-scoped one."""

    home: str
    name: str


def nearest(name: str, known: Iterable[HintName], *, what: str, reach: declaration.Reach) -> str:
    """Return the hint after "not found": similar names, or else the first names within the reach.

    `what` is the plural of what is named, such as `deployments`.
    """
    if alike := near(name, known := list(known), reach=reach):
        return alike
    if not (there := some(known, reach=reach)):
        return f"no {what} here have a scraped proxy"
    return f"{what} with a scraped proxy: {there}"


def near(name: str, known: Iterable[HintName], *, reach: declaration.Reach) -> str:
    """Return "did you mean …?" with similar names within the reach; empty if there are none."""
    return near_word(name, _within(reach, known))


def some(known: Iterable[HintName], *, reach: declaration.Reach) -> str:
    """Return the first names within the reach, with commas between them; empty if there are none."""
    there = sorted(_within(reach, known))
    return f"{', '.join(there[:_FEW])}{', …' if len(there) > _FEW else ''}"


def near_word(name: str, served: Collection[str]) -> str:
    """Return "did you mean …?" with similar words of a public list, such as names of metrics."""
    alike = difflib.get_close_matches(name, served, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(alike)}?" if alike else ""


def _within(reach: declaration.Reach, known: Iterable[HintName]) -> set[str]:
    return {one.name for one in known if reach.covers(one.home)}
