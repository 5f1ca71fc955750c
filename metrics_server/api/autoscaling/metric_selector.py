"""Metric selectors: labels with one value each, which select traffic."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from apiservice.http import errors
from apiservice.request import selectors
from metrics_server.api import request
from metrics_server.model import kinds, quantity

WINDOW, SIDE, DIRECTION = "window", "side", "direction"
OF_TRAFFIC = frozenset(
    {WINDOW, SIDE, DIRECTION}
    | {f"{end}{part}" for end in ("from", "to") for part in ("", "_kind", "_namespace")}
)
"""Labels that select a part of the traffic of a resource."""


def labels(selector: selectors.LabelSelector, *, known: Collection[str]) -> Mapping[str, str]:
    """Return the labels of a selector with their values. Raises errors.BadRequest."""
    asked: dict[str, str] = {}
    for requirement in selector.requirements:
        if requirement.key not in known:
            raise errors.BadRequest(
                f"metric selector: {requirement.key!r} means nothing here; "
                f"known are {', '.join(sorted(known))}"
            )
        if requirement.operator is not selectors.Operator.IN or len(requirement.values) != 1:
            raise errors.BadRequest(f"metric selector: {requirement.key} takes one value, as in key=value")
        (value,) = requirement.values
        if asked.setdefault(requirement.key, value) != value:
            raise errors.BadRequest(f"metric selector: {requirement.key} has two values; give one")
    return asked


def window(asked: Mapping[str, str], *, default: float) -> float:
    """Return the requested window, in seconds. Raises errors.BadRequest."""
    return request.seconds(WINDOW, asked[WINDOW]) if WINDOW in asked else default


def side(asked: Mapping[str, str]) -> kinds.Side | None:
    """Return the requested side; None if the selector has none. Raises errors.BadRequest."""
    return kinds.Side(_one_of([*kinds.Side], SIDE, asked[SIDE])) if SIDE in asked else None


def direction(asked: Mapping[str, str]) -> kinds.Direction:
    """Return the requested direction; by default `from`, received traffic. Raises errors.BadRequest."""
    if DIRECTION not in asked:
        return kinds.Direction.FROM
    return kinds.Direction(_one_of([*kinds.Direction], DIRECTION, asked[DIRECTION]))


def spelled(asked: Mapping[str, str]) -> Mapping[str, object] | None:
    """Return the selector as a field of the answer."""
    return {"matchLabels": dict(asked)} if asked else None


def _one_of(allowed: Collection[str], name: str, value: str) -> str:
    if value not in allowed:
        raise errors.BadRequest(f"metric selector: {name} is {' or '.join(allowed)}, not {value!r}")
    return value


def duration(seconds: float) -> str:
    """Return a window (seconds) as text for messages, such as `30s`."""
    return quantity.render_duration(seconds)
