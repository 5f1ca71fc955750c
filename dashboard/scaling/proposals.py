"""Figures → the replicas that one metric asks for: which of the controller's sums applies."""

from collections.abc import Sequence

from dashboard.client import autoscaler, cluster, measures
from dashboard.scaling import arithmetic


def propose(
    one: autoscaler.Autoscaler,
    metric: autoscaler.Metric,
    measured: Sequence[measures.Measure],
    *,
    scale: cluster.Scale | None,
    pods: tuple[cluster.Pod, ...] | None,
) -> arithmetic.Result | None:
    """`arithmetic.NoResult` as the controller has it; None where the target is not known.

    Where pods are not known, those that are measured, or there, are taken as ready.
    """
    if not measured:
        raise arithmetic.NoResult(f"no metrics returned from {metric.group}")
    if metric.source == "Object" and len(measured) != 1:
        raise arithmetic.NoResult(f"{len(measured)} figures came where the HPA wants exactly one")
    if scale is None or not metric.target.value:
        return None
    target = arithmetic.milli(metric.target.value)
    bounds = arithmetic.Bounds(up=one.tolerance_up, down=one.tolerance_down)
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
    """From the HPA's own status, for what is not asked here; None where that has no value."""
    seen, target = metric.seen, metric.target
    if scale is None or not seen or seen.value is None or seen.sort != target.sort or not target.value:
        return None
    return arithmetic.whole(
        arithmetic.milli(seen.value),
        target=arithmetic.milli(target.value),
        pods=_or_ready(pods, scale),
        current=scale.wanted,
        bounds=arithmetic.Bounds(up=one.tolerance_up, down=one.tolerance_down),
    )


def _or_ready(pods: tuple[cluster.Pod, ...] | None, scale: cluster.Scale) -> tuple[cluster.Pod, ...]:
    if pods is not None:
        return pods
    return tuple(cluster.Pod(name=str(one), phase="Running", ready=True) for one in range(scale.there))
