"""The OpenAPI schemas of the group: what `kubectl explain` shows."""

from __future__ import annotations

from typing import Any

from apiservice.discovery import meta_schemas
from metrics_server.api import traffic_metrics
from metrics_server.api.smi import split_rows
from metrics_server.model import kinds
from metrics_server.settings import settings


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


def _object(
    description: str, properties: dict[str, Any], *, required: tuple[str, ...] = ()
) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "description": description, "properties": properties}
    return schema | ({"required": list(required)} if required else {})


_REFERENCE = {
    "kind": _text(
        "Kind of the resource, such as Deployment; ExternalWorkload or Host outside Kubernetes; "
        "Remote in another cluster."
    ),
    "namespace": _text("The namespace of the resource; left out if it has none."),
    "name": _text("The name of the resource."),
}

_NAMES = (*traffic_metrics.LATENCIES, *(one.name for one in traffic_metrics.COUNTS))
_METRIC = _object(
    "One figure. Unknown figures are left out of the list: an idle resource has counts of 0 and no latency.",
    {
        "name": _text(
            f"{', '.join(_NAMES[:-1])} or {_NAMES[-1]}; of a split's backend also {split_rows.SHARE}."
        ),
        "unit": _text("`seconds` for latencies; counts have no unit."),
        "value": _text("The value as a quantity: 48200u is 48.2 ms, 12 is 12 requests in the window."),
    },
    required=("name", "value"),
)

_EDGE = _object(
    "Which traffic of the resource is described.",
    {
        "direction": _text(
            "`from`: traffic the resource receives; `to`: traffic it sends.",
            enum=[direction.value for direction in kinds.Direction],
        ),
        "side": _text(
            "Where it was observed: `client`, at the caller's proxy, or `server`, at the callee's. "
            "Only the caller's proxy sees timeouts and requests that succeeded after a retry.",
            enum=[side.value for side in kinds.Side],
        ),
        "resource": _object("The peer. Empty means all peers, or an unknown one.", _REFERENCE),
    },
)

_BACKEND = _object(
    "The backend of a traffic split. Left out for a split as a whole, and for other resources.",
    {
        "apex": _text("What callers address: a service, or a host."),
        "name": _text("The service that receives a part of the traffic."),
        "namespace": _text("The namespace of that service, if it is not that of the split."),
        "subset": _text("The subset of its pods, as named in Istio's DestinationRule."),
        "weight": {
            "type": "integer",
            "format": "int64",
            "description": "The declared weight, relative to the sum of the weights of all backends.",
        },
    },
    required=("apex", "name", "weight"),
)

_METADATA = meta_schemas.reference(
    meta_schemas.OBJECT_META,
    description="Name, namespace and labels of the described resource. The annotation "
    f"{traffic_metrics.PROFILE_ANNOTATION} names the profiles of the meshes whose metrics were read; "
    f"{traffic_metrics.CLAMPED_ANNOTATION} lists latencies that are only "
    "lower limits, because they lie beyond the last bucket; "
    f"{traffic_metrics.BELOW_ANNOTATION} lists latencies of which only an upper limit is known, with that "
    "limit in seconds, because they lie in the first bucket; "
    f"{traffic_metrics.APPROXIMATE_ANNOTATION} lists latencies that are the highest of quantiles "
    "which proxies computed; "
    f"{traffic_metrics.WITHOUT_ANNOTATION} lists requests that are counted and not timed; "
    f"{split_rows.UNCLEAR_ANNOTATION} says why a split's backend has no figures.",
)


def _traffic(description: str, **more: Any) -> dict[str, Any]:
    return _object(
        description,
        {
            "apiVersion": meta_schemas.API_VERSION,
            "kind": meta_schemas.KIND,
            "metadata": _METADATA,
            "resource": _object("The described resource.", _REFERENCE),
            "edge": _EDGE,
            **more,
            "timestamp": _text(
                "When the newest data was scraped, not when the answer was made. "
                f"Data older than {settings.STALE_AFTER:g} s is refused by default.",
                format="date-time",
            ),
            "window": _text(
                "The time over which requests were counted, such as 30s. The rate is count ÷ window."
            ),
            "metrics": {
                "type": "array",
                "items": _METRIC,
                "description": "The figures over the window that ends at the timestamp.",
            },
        },
        required=("resource", "edge", "timestamp", "window", "metrics"),
    )


SCHEMAS: dict[str, dict[str, Any]] = {
    traffic_metrics.METRICS_KIND: _traffic(
        "TrafficMetrics are the requests, failures and latencies of one resource: "
        "all traffic it receives, or one edge of it.",
        backend=_BACKEND,
    ),
    traffic_metrics.EDGE_KIND: _traffic(
        "TrafficEdge is the traffic from one resource to another: requests, failures and latencies."
    ),
}
