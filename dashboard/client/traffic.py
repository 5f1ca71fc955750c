"""One item of the wire as a value, and the lists of them.

What the server leaves out stays None here: an unknown latency is never a zero, nor is an unknown count. Every
name is plain text from here on, whatever the API sends.
"""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any

from dashboard import outside
from dashboard.client import duration, faults, quantity

_PROFILE = "metrics.smi-spec.io/profile"
_APPROXIMATE = "metrics.smi-spec.io/approximate"
_LONGEST_WINDOW = 1e9  # seconds
_LATENCY = "_response_latency"


@dataclasses.dataclass(frozen=True, slots=True)
class Resource:
    """What is described, or its peer. A Host and a cluster-wide kind have no namespace."""

    kind: str
    name: str
    namespace: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """The traffic of a resource, or of an edge. `peer` is None for all peers, or for one nobody can name."""

    name: str
    resource: Resource
    peer: Resource | None
    direction: str  # "from": what the resource receives; "to": what it sends
    side: str  # where it was seen: "client" or "server"
    timestamp: dt.datetime
    window: float  # seconds
    success_count: float | None
    failure_count: float | None
    p50: float | None  # seconds, as all latencies
    p90: float | None
    p99: float | None
    approximate: frozenset[str]
    """Which latencies are, such as `p99`: proxies worked them out themselves, and the highest is told."""
    labels: Mapping[str, str]
    profile: str  # several with commas between, where several meshes tell of it


def decode_list(answer: Any) -> tuple[Traffic, ...]:
    """The items of a list; `faults.Failed` when the answer is not the wire format."""
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
        raise ValueError("an item describes no resource")
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
        approximate=frozenset(
            name.removesuffix(_LATENCY) for name in annotations.get(_APPROXIMATE, "").split(",") if name
        ),
        labels={_text(name): _text(value) for name, value in (metadata.get("labels") or {}).items()},
        profile=_text(annotations.get(_PROFILE, "")),
    )


def _resource(reference: Mapping[str, str]) -> Resource | None:
    if not reference:
        return None
    return Resource(_text(reference["kind"]), _text(reference["name"]), _text(reference.get("namespace", "")))


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise ValueError(f"{type(given).__name__} where a text belongs")
    return outside.plain(given)


def _figure(given: Any) -> float:
    """A count or a latency, neither of which can be less than nothing."""
    figure = float(quantity.parse(str(given)))
    if figure < 0:
        raise ValueError(f"a figure of {figure:g}")
    return figure


def _window(given: str) -> float:
    seconds = duration.parse(given)
    if not 0 < seconds < _LONGEST_WINDOW:
        raise ValueError(f"a window of {seconds:g} s")
    return seconds


def _moment(text: str) -> dt.datetime:
    """RFC 3339; a time without a zone would be read as local time, so it is refused."""
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {text!r}")
    return moment.astimezone(dt.UTC)
