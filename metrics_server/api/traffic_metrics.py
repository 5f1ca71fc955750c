"""TrafficMetrics objects as the SMI specification defines them. Unknown figures are left out.

https://github.com/servicemeshinterface/smi-spec/blob/main/apis/traffic-metrics/v1alpha1/traffic-metrics.md
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metrics_server.aggregate import named_metrics, rollup
from metrics_server.model import kinds, quantity

GROUP = "metrics.smi-spec.io"
VERSION = "v1alpha1"
METRICS_KIND = "TrafficMetrics"
EDGE_KIND = "TrafficEdge"
PROFILE_ANNOTATION = f"{GROUP}/profile"
CLAMPED_ANNOTATION = f"{GROUP}/clamped"
BELOW_ANNOTATION = f"{GROUP}/clamped-below"
APPROXIMATE_ANNOTATION = f"{GROUP}/approximate"
WITHOUT_ANNOTATION = f"{GROUP}/latency-without"
COUNTS = tuple(one for one in named_metrics.MEASURES if one.in_objects and not one.quantiles)
"""The metrics of an object that are no latencies."""
LATENCIES = tuple(map(named_metrics.latency_name, kinds.QUANTILES))
"""The names of its latencies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleTime:
    """When the newest sample of the figures was scraped (Unix seconds), and their window (seconds)."""

    timestamp: float
    window: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Traffic of a resource with a peer, as one side observed it.

    The peer `kinds.UNKNOWN` means all peers, or an unknown one.
    """

    resource: kinds.Ref
    direction: kinds.Direction
    peer: kinds.Ref
    figures: rollup.Figures


def item(
    observed: Observation,
    *,
    kind: str,
    name: str,
    namespace: str,
    labels: Mapping[str, str],
    moment: SampleTime,
) -> dict[str, Any]:
    """Return one TrafficMetrics (or TrafficEdge) object."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": kind,
        "metadata": _metadata(name, namespace, labels, _annotations(observed.figures)),
        "resource": reference(observed.resource),
        "edge": {
            "direction": observed.direction.value,
            "side": observed.figures.side.value,
            "resource": reference(observed.peer),
        },
        "timestamp": timestamp(moment.timestamp),
        "window": _window(observed.figures, moment),
        "metrics": list(_metrics(observed.figures)),
    }


def _window(figures: rollup.Figures, moment: SampleTime) -> str:
    """Return the time over which requests were counted, to the millisecond: the rate is count ÷ window."""
    return quantity.render_duration(figures.seconds or moment.window, decimals=3)


def reference(ref: kinds.Ref) -> dict[str, str]:
    """Return an ObjectReference without empty fields."""
    fields = {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name}
    return {field: value for field, value in fields.items() if value}


def timestamp(moment: float) -> str:
    """Return a time (Unix seconds) as RFC 3339 in UTC, rounded down to whole seconds."""
    return datetime.datetime.fromtimestamp(int(moment), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def edge_name(caller: kinds.Ref, callee: kinds.Ref, *, namespace: str) -> str:
    """Return `<caller>:<callee>`; an end in another namespace than the item has its namespace before it."""
    return ":".join(part for end in (caller, callee) for part in _end(end, namespace))


def _end(end: kinds.Ref, namespace: str) -> list[str]:
    elsewhere = [end.namespace] if end.namespace and end.namespace != namespace else []
    return [*elsewhere, str(end)]


def _metadata(
    name: str, namespace: str, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = dict(labels)
    metadata["annotations"] = annotations
    return metadata


def _annotations(figures: rollup.Figures) -> dict[str, str]:
    texts = {
        PROFILE_ANNOTATION: figures.profiles,
        CLAMPED_ANNOTATION: _latency_names(figures.clamped),
        BELOW_ANNOTATION: _upper_limits(figures.below),
        APPROXIMATE_ANNOTATION: _latency_names(figures.approximate),
        WITHOUT_ANNOTATION: not_timed(figures),
    }
    return {annotation: ",".join(values) for annotation, values in texts.items() if values}


def not_timed(figures: rollup.Figures) -> tuple[str, ...]:
    """Return the requests that the latencies leave out, in a word each, and their share where it is clearly
    above 0, such as `17% of requests`. Without latencies there are none.
    """
    if all(seconds is None for seconds in figures.latency):
        return ()
    part = figures.untimed
    return figures.without if part is None else (*figures.without, f"{math.floor(part * 100)}% of requests")


def _upper_limits(below: Sequence[float | None]) -> list[str]:
    """Return `name=bound` for each latency of which only an upper limit is known; bounds in seconds."""
    return [
        f"{named_metrics.latency_name(q)}={quantity.render(bound)}"
        for q, bound in zip(kinds.QUANTILES, below, strict=True)
        if bound is not None
    ]


def _latency_names(chosen: Sequence[bool]) -> list[str]:
    return [
        named_metrics.latency_name(q)
        for q, is_chosen in zip(kinds.QUANTILES, chosen, strict=True)
        if is_chosen
    ]


def _metrics(figures: rollup.Figures) -> list[dict[str, str]]:
    latency = [
        {"name": named_metrics.latency_name(q), "unit": "seconds", "value": quantity.render(seconds)}
        for q, seconds in zip(kinds.QUANTILES, figures.latency, strict=True)
        if seconds is not None
    ]
    counts = ((one.name, one.of(figures)) for one in COUNTS)
    return latency[::-1] + [
        {"name": name, "value": quantity.render(count)} for name, count in counts if count is not None
    ]
