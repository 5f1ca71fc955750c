"""The OpenAPI schemas of values: what `kubectl explain` shows."""

from __future__ import annotations

from typing import Any

from apiservice.discovery import meta_schemas


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


def _schema(description: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "description": description, "properties": properties}


_SELECTOR_SCHEMA = {
    "type": "object",
    "nullable": True,
    "description": "The metric selector of the request, which selects the traffic.",
    "properties": {
        "matchLabels": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Each label and its value.",
        }
    },
}
_WINDOW_SCHEMA = {"type": "integer", "description": "Seconds over which requests were counted."}
_VALUE = {
    "timestamp": _text("When the newest data was scraped; stale data is refused.", format="date-time"),
    "value": _text("The value as a quantity: 250m is a quarter, 48200u a latency of 48.2 ms."),
}
_DESCRIBED = _schema(
    "The described object.",
    {
        "kind": _text("Its kind, such as Pod."),
        "namespace": _text("The namespace of the object; left out if it has none."),
        "name": _text("The name of the object."),
        "apiVersion": _text("The version of its API, such as apps/v1."),
    },
)
_OWN = {
    "v1beta2": {
        "metric": _schema(
            "Which metric.", {"name": _text("The name of the metric."), "selector": _SELECTOR_SCHEMA}
        ),
        "windowSeconds": _WINDOW_SCHEMA,
    },
    "v1beta1": {
        "metricName": _text("Which metric."),
        "selector": _SELECTOR_SCHEMA,
        "window": _WINDOW_SCHEMA,
    },
}
CUSTOM = {
    version: _schema(
        "A MetricValue is one figure of the traffic of one object.",
        {
            "apiVersion": meta_schemas.API_VERSION,
            "kind": meta_schemas.KIND,
            "describedObject": _DESCRIBED,
            **own,
            **_VALUE,
        },
    )
    for version, own in _OWN.items()
}
EXTERNAL = _schema(
    "An ExternalMetricValue is one figure of the traffic of one resource or edge.",
    {
        "apiVersion": meta_schemas.API_VERSION,
        "kind": meta_schemas.KIND,
        "metricName": _text("Which metric."),
        "metricLabels": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "The labels of the request, which select the traffic.",
        },
        "window": _WINDOW_SCHEMA,
        **_VALUE,
    },
)
