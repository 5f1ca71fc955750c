"""A HorizontalPodAutoscaler (`autoscaling/v2`) as a value: its specification and its status.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/horizontal-pod-autoscaler-v2/
"""

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from dashboard.client import faults, measures, quantity

_TOLERANCE = Fraction(1, 10)  # the controller's --horizontal-pod-autoscaler-tolerance
_STABILIZATION_S = 300  # the controller's --horizontal-pod-autoscaler-downscale-stabilization
_NOT_EVALUATED = {"AmbiguousSelector", "InvalidSelector", "ScalingDisabled"}
_SOURCES = {"Pods", "Object", "External", "Resource", "ContainerResource"}


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """An object in the HPA's namespace."""

    api_version: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclasses.dataclass(frozen=True, slots=True)
class MetricTarget:
    """The target of a metric. `written` is the quantity as the HPA has it; `value` is None without one."""

    type: str  # Value, AverageValue or Utilization
    text: str
    value: Fraction | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One entry of `spec.metrics`. `seen` is the current value in the HPA's status."""

    source: str
    name: str
    selector: str
    target: MetricTarget
    described: Reference | None = None
    current: MetricTarget | None = None

    @property
    def group(self) -> str | None:
        """The API group that serves it; None for resource metrics, which come from metrics.k8s.io."""
        if self.source in ("Pods", "Object"):
            return measures.CUSTOM
        return measures.EXTERNAL if self.source == "External" else None


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """One entry of `status.conditions`."""

    type: str
    status: str
    reason: str
    message: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaler:
    """One HPA. Tolerances are shares of the target; `patience` is the scale-down stabilization in seconds."""

    namespace: str
    name: str
    target_ref: Reference
    minimum: int
    maximum: int
    metrics: tuple[Metric, ...]
    conditions: tuple[Condition, ...]
    tolerance_up: Fraction = _TOLERANCE
    tolerance_down: Fraction = _TOLERANCE
    stabilization: float = _STABILIZATION_S
    can_scale_up: bool = True
    can_scale_down: bool = True

    @property
    def was_evaluated(self) -> bool:
        """Whether the controller requested the metrics when it last wrote the status."""
        return any(
            one.type == "ScalingActive" and one.reason not in _NOT_EVALUATED for one in self.conditions
        )


def decode(document: Mapping[str, Any]) -> Autoscaler:
    """The HPA of a JSON object. Raises `faults.Failed` if it is not an HPA of `autoscaling/v2`."""
    try:
        metadata, spec = document["metadata"], document["spec"]
        status = document.get("status") or {}
        behavior = spec.get("behavior") or {}
        up, down = behavior.get("scaleUp") or {}, behavior.get("scaleDown") or {}
        current = status.get("currentMetrics") or []
        return Autoscaler(
            namespace=_text(metadata["namespace"]),
            name=_text(metadata["name"]),
            target_ref=_reference(spec["scaleTargetRef"]),
            minimum=_number(spec.get("minReplicas", 1)),
            maximum=_number(spec["maxReplicas"]),
            metrics=tuple(
                _metric(metric, current[index] if index < len(current) else {})
                for index, metric in enumerate(spec.get("metrics") or [])
            ),
            conditions=tuple(
                Condition(*(_text(one.get(key, "")) for key in ("type", "status", "reason", "message")))
                for one in status.get("conditions") or []
            ),
            tolerance_up=_share(up),
            tolerance_down=_share(down),
            stabilization=_number(down.get("stabilizationWindowSeconds", _STABILIZATION_S)),
            can_scale_up=up.get("selectPolicy") != "Disabled",
            can_scale_down=down.get("selectPolicy") != "Disabled",
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise faults.Failed(
            f"The cluster's answer is not a HorizontalPodAutoscaler of autoscaling/v2 "
            f"({type(error).__name__}: {error}). Check that the cluster is Kubernetes 1.23 or newer."
        ) from error


def _metric(metric: Mapping[str, Any], status: Mapping[str, Any]) -> Metric:
    source = metric["type"]
    if source not in _SOURCES:
        raise ValueError(f"unknown metric type {source!r}")
    key = source[0].lower() + source[1:]
    body = metric[key]
    identity = body.get("metric") or {"name": body.get("name")}
    current = (status.get(key) or {}).get("current") if status.get("type") == source else None
    return Metric(
        source=source,
        name=_text(identity["name"]),
        selector=format_selector(identity.get("selector") or {}),
        target=_target(body["target"]),
        described=_reference(body["describedObject"]) if "describedObject" in body else None,
        current=_target(current) if current else None,
    )


def _target(fields: Mapping[str, Any]) -> MetricTarget:
    """The target in a specification, which has a `type`, or the value in a status, which has none."""
    for type, key in (
        ("Value", "value"),
        ("Utilization", "averageUtilization"),
        ("AverageValue", "averageValue"),
    ):
        if key in fields and fields.get("type", type) == type:
            return MetricTarget(type, str(fields[key]), quantity.parse(str(fields[key])))
    return MetricTarget(str(fields.get("type", "")), "", None)


def _reference(fields: Mapping[str, Any]) -> Reference:
    return Reference(_text(fields.get("apiVersion", "")), _text(fields["kind"]), _text(fields["name"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of a string")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{type(value).__name__} instead of an integer")
    return value


def _share(rules: Mapping[str, Any]) -> Fraction:
    return quantity.parse(str(rules["tolerance"])) if "tolerance" in rules else _TOLERANCE


def format_selector(selector: Mapping[str, Any]) -> str:
    """A LabelSelector as the HPA controller writes it into a request: sorted by key."""
    terms = [(key, f"{key}={value}") for key, value in (selector.get("matchLabels") or {}).items()]
    for one in selector.get("matchExpressions") or []:
        key, values = one["key"], ",".join(sorted(one.get("values") or []))
        terms.append(
            (
                key,
                {
                    "In": f"{key} in ({values})",
                    "NotIn": f"{key} notin ({values})",
                    "Exists": key,
                    "DoesNotExist": f"!{key}",
                }[one["operator"]],
            )
        )
    return ",".join(term for _, term in sorted(terms))
