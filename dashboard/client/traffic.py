"""Decode the API's lists of TrafficMetrics into values.

A figure that the server leaves out is None, never 0. All text is escaped here (`escaping.one_line`).
"""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any

from dashboard import escaping
from dashboard.client import duration, faults, quantity

_PROFILE = "metrics.smi-spec.io/profile"
_APPROXIMATE = "metrics.smi-spec.io/approximate"
_CLAMPED = "metrics.smi-spec.io/clamped"
_BELOW = "metrics.smi-spec.io/clamped-below"
_WITHOUT = "metrics.smi-spec.io/latency-without"
_LONGEST_WINDOW = 1e9  # seconds
_LATENCY = "_response_latency"


@dataclasses.dataclass(frozen=True, slots=True)
class ResourceReference:
    """The described resource, or its peer. A Host and cluster-scoped kinds have no namespace."""

    kind: str
    name: str
    namespace: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LatencyLimits:
    """What limits the latencies of an item. Latencies are named such as `p99`."""

    approximate: frozenset[str] = frozenset()
    """Approximate latencies: the highest of the quantiles that proxies computed."""
    clamped: frozenset[str] = frozenset()
    """Lower limits: the true latency is at least as high."""
    below: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """Upper limits, in seconds: the true latency is anywhere between 0 and this."""
    not_timed: tuple[str, ...] = ()
    """The requests that are counted and not timed, such as `timeouts` or `17% of requests`."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """The traffic of a resource or an edge. `peer` is None for all peers, or for an unknown one."""

    name: str
    resource: ResourceReference
    peer: ResourceReference | None
    direction: str  # "from": requests to the resource; "to": requests by it
    side: str  # where it was observed: "client" or "server"
    timestamp: dt.datetime
    window: float  # seconds
    success_count: float | None
    failure_count: float | None
    p50: float | None  # seconds, like all latencies
    p90: float | None
    p99: float | None
    limits: LatencyLimits
    labels: Mapping[str, str]
    profile: str  # several, separated by commas, if several meshes report it


def decode_list(answer: Any) -> tuple[Traffic, ...]:
    """The items of a list. Raises `faults.Failed` if the answer has another format."""
    try:
        return tuple(_decode(item) for item in answer["items"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise faults.Failed(
            f"The API's answer is not a list of TrafficMetrics ({type(error).__name__}: {error}). "
            "Check that server and dashboard are of the same version."
        ) from error


def _decode(item: Mapping[str, Any]) -> Traffic:
    metadata = item["metadata"]
    edge = item["edge"]
    resource = _resource(item["resource"])
    if resource is None:
        raise ValueError("an item without a resource")
    annotations = metadata.get("annotations") or {}
    figures = {metric["name"]: _figure(metric["value"]) for metric in item["metrics"]}
    return Traffic(
        name=_text(metadata["name"]),
        resource=resource,
        peer=_resource(edge.get("resource") or {}),
        direction=_text(edge["direction"]),
        side=_text(edge["side"]),
        timestamp=_moment(item["timestamp"]),
        window=_window(item["window"]),
        success_count=figures.get("success_count"),
        failure_count=figures.get("failure_count"),
        p50=figures.get("p50_response_latency"),
        p90=figures.get("p90_response_latency"),
        p99=figures.get("p99_response_latency"),
        limits=_limits(annotations),
        labels={_text(name): _text(value) for name, value in (metadata.get("labels") or {}).items()},
        profile=_text(annotations.get(_PROFILE, "")),
    )


def _limits(annotations: Mapping[str, str]) -> LatencyLimits:
    bounds = (each.partition("=") for each in _listed(annotations, _BELOW))
    return LatencyLimits(
        approximate=frozenset(name.removesuffix(_LATENCY) for name in _listed(annotations, _APPROXIMATE)),
        clamped=frozenset(name.removesuffix(_LATENCY) for name in _listed(annotations, _CLAMPED)),
        below={name.removesuffix(_LATENCY): _figure(bound) for name, _, bound in bounds},
        not_timed=tuple(_listed(annotations, _WITHOUT)),
    )


def _listed(annotations: Mapping[str, str], annotation: str) -> list[str]:
    """The entries of an annotation that is a list; none if it is not there."""
    return [_text(entry) for entry in annotations.get(annotation, "").split(",") if entry]


def _resource(reference: Mapping[str, str]) -> ResourceReference | None:
    if not reference:
        return None
    return ResourceReference(
        _text(reference["kind"]), _text(reference["name"]), _text(reference.get("namespace", ""))
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} instead of a string")
    return escaping.one_line(value)


def _figure(value: Any) -> float:
    """A count or a latency; neither can be negative."""
    figure = float(quantity.parse(str(value)))
    if figure < 0:
        raise ValueError(f"a figure of {figure:g}")
    return figure


def _window(value: str) -> float:
    seconds = duration.parse(value)
    if not 0 < seconds < _LONGEST_WINDOW:
        raise ValueError(f"a window of {seconds:g} s")
    return seconds


def _moment(text: str) -> dt.datetime:
    """A time of RFC 3339. One without a zone is refused, because Python would read it as local time."""
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {text!r}")
    return moment.astimezone(dt.UTC)
