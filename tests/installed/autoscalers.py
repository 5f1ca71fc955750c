"""HorizontalPodAutoscalers as a user writes them, for the workloads of the kiosk."""

from collections.abc import Mapping, Sequence
from typing import Any

from demo import kiosk

Metric = Mapping[str, Any]

NAMESPACE = kiosk.CHECKOUT.namespace
PATH = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers"


def autoscaler(
    metrics: Sequence[Metric],
    *,
    target: str = kiosk.CHECKOUT.name,
    least: int = 1,
    most: int = 5,
    patience: int | None = None,
) -> Mapping[str, Any]:
    """An autoscaler with the name of its target. `patience`: seconds of stabilisation before it scales
    down.
    """
    spec: dict[str, Any] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
        "minReplicas": least,
        "maxReplicas": most,
        "metrics": list(metrics),
    }
    if patience is not None:
        spec["behavior"] = {"scaleDown": {"stabilizationWindowSeconds": patience}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": target, "namespace": NAMESPACE},
        "spec": spec,
    }


def per_pod(metric: str, *, average: str, **selector: str) -> Metric:
    """`selector` selects within the metric, such as its window."""
    return {
        "type": "Pods",
        "pods": {
            "metric": _metric(metric, selector),
            "target": {"type": "AverageValue", "averageValue": average},
        },
    }


def of_service(metric: str, *, name: str, value: str) -> Metric:
    return {
        "type": "Object",
        "object": {
            "describedObject": {"apiVersion": "v1", "kind": "Service", "name": name},
            "metric": {"name": metric},
            "target": {"type": "Value", "value": value},
        },
    }


def external(metric: str, *, average: str, **selector: str) -> Metric:
    """`selector` selects the figures that the autoscaler reads, such as one edge."""
    return {
        "type": "External",
        "external": {
            "metric": _metric(metric, selector),
            "target": {"type": "AverageValue", "averageValue": average},
        },
    }


def _metric(name: str, selector: Mapping[str, str]) -> Mapping[str, Any]:
    return {"name": name, **({"selector": {"matchLabels": dict(selector)}} if selector else {})}
