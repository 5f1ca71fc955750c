"""The two autoscaling APIs: the exact requests of the HPA controller, and their answers as values.

`custom.metrics.k8s.io` (v1beta2 and v1beta1) and `external.metrics.k8s.io`: https://github.com/kubernetes/metrics
"""

import dataclasses
import datetime as dt
import urllib.parse
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from dashboard.client import faults, quantity

CUSTOM, EXTERNAL = "custom.metrics.k8s.io", "external.metrics.k8s.io"
VERSIONS = {CUSTOM: ("v1beta2", "v1beta1"), EXTERNAL: ("v1beta1",)}
"""The versions that the HPA controller supports, preferred ones first."""


@dataclasses.dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request: an encoded path and its query parameters."""

    group: str
    path: str
    parameters: Mapping[str, str]

    def __str__(self) -> str:
        """The argument for `kubectl get --raw`."""
        query = urllib.parse.urlencode(self.parameters, quote_via=urllib.parse.quote)
        return f"{self.path}?{query}" if query else self.path


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MetricValue:
    """One value. `name` is the described object's, empty for an external metric; `window` is in seconds."""

    name: str
    value: Fraction
    timestamp: dt.datetime
    window: float | None


def of_pods(namespace: str, metric: str, *, version: str, pods: str, selector: str) -> ApiRequest:
    """The request for all pods that match a label selector. The `*` is percent-encoded, as by client-go."""
    return _custom(namespace, "pods/%2A", metric, version, {"labelSelector": pods}, selector)


def of_object(
    namespace: str, metric: str, *, version: str, resource: str, described: str, selector: str
) -> ApiRequest:
    """The request for one object; `resource` is such as `services` or `deployments.apps`."""
    return _custom(namespace, f"{_quoted(resource)}/{_quoted(described)}", metric, version, {}, selector)


def of_namespace(namespace: str, metric: str, *, version: str, selector: str) -> ApiRequest:
    """The request for a metric of a Namespace object."""
    return _custom(namespace, "metrics", metric, version, {}, selector)


def external(namespace: str, metric: str, *, selector: str) -> ApiRequest:
    """The request for an external metric."""
    path = f"/apis/{EXTERNAL}/v1beta1/namespaces/{_quoted(namespace)}/{_quoted(metric)}"
    return ApiRequest(EXTERNAL, path, {"labelSelector": selector} if selector else {})


def decode(answer: Mapping[str, Any]) -> tuple[MetricValue, ...]:
    """The items of a MetricValueList or ExternalMetricValueList. Raises `faults.Failed` for other answers."""
    try:
        return tuple(
            MetricValue(
                name=str((item.get("describedObject") or {}).get("name", "")),
                value=quantity.parse(str(item["value"])),
                timestamp=dt.datetime.fromisoformat(item["timestamp"]).astimezone(dt.UTC),
                window=_seconds(item.get("windowSeconds", item.get("window"))),
            )
            for item in answer["items"] or []
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise faults.Failed(
            f"the answer is not a list of metric values ({type(error).__name__}: {error})"
        ) from error


def _seconds(given: Any) -> float | None:
    if given is not None and not isinstance(given, (int, float)):
        raise TypeError(f"{type(given).__name__} instead of seconds")
    return given


def _custom(
    namespace: str, what: str, metric: str, version: str, parameters: Mapping[str, str], selector: str
) -> ApiRequest:
    path = f"/apis/{CUSTOM}/{version}/namespaces/{_quoted(namespace)}/{what}/{_quoted(metric)}"
    every = {**parameters, "metricLabelSelector": selector}
    return ApiRequest(CUSTOM, path, {name: value for name, value in every.items() if value})


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe="")
