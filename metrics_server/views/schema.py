"""The OpenAPI schemas of the group: what `kubectl explain` shows."""

from __future__ import annotations

from typing import Any

from metrics_server import traffic, words

_QUANTITY = {"type": "string"}


def _object(
    description: str, properties: dict[str, Any], *, required: tuple[str, ...] = ()
) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "description": description, "properties": properties}
    return schema | ({"required": list(required)} if required else {})


_REFERENCE = {
    "kind": {"type": "string", "description": "Kind of the resource, such as Deployment; ExternalWorkload or Host outside Kubernetes."},
    "namespace": {"type": "string", "description": "Its namespace; left out where it has none."},
    "name": {"type": "string", "description": "Its name."},
}  # fmt: skip

_METRIC = _object(
    "One figure. A figure that is not known is left out of the list: an idle resource has counts of 0 and no latency.",
    {
        "name": {
            "type": "string",
            "description": "p50_response_latency, p90_response_latency, p99_response_latency, success_count or failure_count.",
        },
        "unit": {"type": "string", "description": "`seconds` for latencies; counts have no unit."},
        "value": _QUANTITY
        | {"description": "The value as a quantity: 48200u is 48.2 ms, 12 is 12 requests in the window."},
    },
    required=("name", "value"),
)

_EDGE = _object(
    "Which traffic of the resource is described.",
    {
        "direction": {
            "type": "string",
            "enum": [direction.value for direction in words.Direction],
            "description": "`from`: traffic the resource receives; `to`: traffic it sends.",
        },
        "side": {
            "type": "string",
            "enum": [side.value for side in words.Side],
            "description": "Where it was observed: `client`, at the caller's proxy, or `server`, at the callee's. Only the caller's sees timeouts and retries.",
        },
        "resource": _object("The peer. Empty means all peers, or one that no proxy can name.", _REFERENCE),
    },
)


def _traffic(description: str) -> dict[str, Any]:
    return _object(
        description,
        {
            "apiVersion": {"type": "string", "description": "Version of this representation."},
            "kind": {"type": "string", "description": "Kind of this object."},
            "metadata": {
                "type": "object",
                "description": "Name, namespace and labels of the described resource. The annotation "
                f"{traffic.PROFILE_ANNOTATION} names the mesh whose metrics were read; {traffic.CLAMPED_ANNOTATION} lists "
                "latencies that are only lower limits, because they lie beyond the last bucket.",
            },
            "resource": _object("The described resource.", _REFERENCE),
            "edge": _EDGE,
            "timestamp": {
                "type": "string",
                "format": "date-time",
                "description": "When the newest data was scraped, not when the answer was made. Data older than 90 s is refused.",
            },
            "window": {
                "type": "string",
                "description": "The time over which requests were counted, such as 30s. The rate is count ÷ window.",
            },
            "metrics": {
                "type": "array",
                "items": _METRIC,
                "description": "The figures over the window that ends at the timestamp.",
            },
        },
        required=("resource", "edge", "timestamp", "window", "metrics"),
    )


SCHEMAS: dict[str, dict[str, Any]] = {
    traffic.METRICS_KIND: _traffic(
        "TrafficMetrics are the requests, failures and latencies of one resource: all traffic it receives, or one edge of it."
    ),
    traffic.EDGE_KIND: _traffic(
        "TrafficEdge is the traffic between two resources: who calls whom, how often, with what outcome and latency."
    ),
}
