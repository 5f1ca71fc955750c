"""Compute the replicas for one metric with the formula that the HPA controller uses for its type."""

from collections.abc import Sequence

from dashboard.client import autoscaler, cluster, measures
from dashboard.scaling import arithmetic


def propose(
    one: autoscaler.Autoscaler,
    metric: autoscaler.Metric,
    values: Sequence[measures.MetricValue],
    *,
    scale: cluster.Scale | None,
    pods: tuple[cluster.Pod, ...] | None,
) -> arithmetic.Result | None:
    """The result for one metric; None if the target is unknown. Raises `arithmetic.NoResult`.

    If the pods are unknown, the ones with values, or as many as there are replicas, count as ready.
    """
    if not values:
        raise arithmetic.NoResult(f"no metrics returned from {metric.group}")
    if metric.source == "Object" and len(values) != 1:
        raise arithmetic.NoResult(f"{len(values)} values were returned, and the HPA expects exactly one")
    if scale is None or not metric.target.value:
        return None
    target = arithmetic.milli(metric.target.value)
    tolerances = arithmetic.Tolerances(up=one.tolerance_up, down=one.tolerance_down)
    if metric.source == "Pods":
        known = pods or tuple(cluster.Pod(name=m.name, phase="Running", ready=True) for m in values)
        by_pod = {value.name: arithmetic.milli(value.value) for value in values}
        return arithmetic.for_pods(
            by_pod, target=target, pods=known, current=scale.replicas, tolerances=tolerances
        )
    total = sum(arithmetic.milli(value.value) for value in values)
    if metric.target.type == "AverageValue":
        return arithmetic.for_average_value(
            total, target=target, replicas=scale.current_replicas, tolerances=tolerances
        )
    return arithmetic.for_value(
        total, target=target, pods=_or_ready(pods, scale), current=scale.replicas, tolerances=tolerances
    )


def from_status(
    one: autoscaler.Autoscaler,
    metric: autoscaler.Metric,
    *,
    scale: cluster.Scale | None,
    pods: tuple[cluster.Pod, ...] | None,
) -> arithmetic.Result | None:
    """The result for the value in the HPA's status; None without one."""
    current, target = metric.current, metric.target
    if (
        scale is None
        or not current
        or current.value is None
        or current.type != target.type
        or not target.value
    ):
        return None
    return arithmetic.for_value(
        arithmetic.milli(current.value),
        target=arithmetic.milli(target.value),
        pods=_or_ready(pods, scale),
        current=scale.replicas,
        tolerances=arithmetic.Tolerances(up=one.tolerance_up, down=one.tolerance_down),
    )


def _or_ready(pods: tuple[cluster.Pod, ...] | None, scale: cluster.Scale) -> tuple[cluster.Pod, ...]:
    if pods is not None:
        return pods
    return tuple(
        cluster.Pod(name=str(one), phase="Running", ready=True) for one in range(scale.current_replicas)
    )
