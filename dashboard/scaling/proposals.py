"""Compute the replicas for one metric with the formula that the HPA controller uses for its type."""

from collections.abc import Sequence

from dashboard.client import autoscaler, cluster, measures
from dashboard.scaling import arithmetic


def propose(
    one: autoscaler.Autoscaler,
    metric: autoscaler.Metric,
    measured: Sequence[measures.MetricValue],
    *,
    scale: cluster.Scale | None,
    pods: tuple[cluster.Pod, ...] | None,
) -> arithmetic.Result | None:
    """The result for one metric; None if the target is unknown. Raises `arithmetic.NoResult`.

    If the pods are unknown, the ones with values, or as many as there are replicas, count as ready.
    """
    if not measured:
        raise arithmetic.NoResult(f"no metrics returned from {metric.group}")
    if metric.source == "Object" and len(measured) != 1:
        raise arithmetic.NoResult(f"{len(measured)} values were returned, and the HPA expects exactly one")
    if scale is None or not metric.target.value:
        return None
    target = arithmetic.milli(metric.target.value)
    bounds = arithmetic.Tolerances(up=one.tolerance_up, down=one.tolerance_down)
    if metric.source == "Pods":
        known = pods or tuple(cluster.Pod(name=m.name, phase="Running", ready=True) for m in measured)
        values = {measure.name: arithmetic.milli(measure.value) for measure in measured}
        return arithmetic.per_pod(values, target=target, pods=known, current=scale.wanted, bounds=bounds)
    value = sum(arithmetic.milli(measure.value) for measure in measured)
    if metric.target.sort == "AverageValue":
        return arithmetic.shared(value, target=target, there=scale.there, bounds=bounds)
    return arithmetic.whole(
        value, target=target, pods=_or_ready(pods, scale), current=scale.wanted, bounds=bounds
    )


def as_seen(
    one: autoscaler.Autoscaler,
    metric: autoscaler.Metric,
    *,
    scale: cluster.Scale | None,
    pods: tuple[cluster.Pod, ...] | None,
) -> arithmetic.Result | None:
    """The result for the value in the HPA's status; None without one."""
    seen, target = metric.seen, metric.target
    if scale is None or not seen or seen.value is None or seen.sort != target.sort or not target.value:
        return None
    return arithmetic.whole(
        arithmetic.milli(seen.value),
        target=arithmetic.milli(target.value),
        pods=_or_ready(pods, scale),
        current=scale.wanted,
        bounds=arithmetic.Tolerances(up=one.tolerance_up, down=one.tolerance_down),
    )


def _or_ready(pods: tuple[cluster.Pod, ...] | None, scale: cluster.Scale) -> tuple[cluster.Pod, ...]:
    if pods is not None:
        return pods
    return tuple(cluster.Pod(name=str(one), phase="Running", ready=True) for one in range(scale.there))
