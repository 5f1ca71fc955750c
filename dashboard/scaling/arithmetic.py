"""Values → replicas, as the HPA controller of Kubernetes 1.34 computes them.

It computes in whole thousandths (`MilliValue`, rounded up), and a pod without a value counts as on target
when pods would go and as idle when pods would come, so that what is not known never makes a change larger.

https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/controller/podautoscaler/replica_calculator.go
"""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction

from dashboard.client import cluster


class NoResult(Exception):
    """The controller gives up on this metric, and says so in these words."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far a ratio may be from 1 without anything happening."""

    up: Fraction
    down: Fraction

    def hold(self, ratio: float) -> bool:
        return 1.0 - float(self.down) <= ratio <= 1.0 + float(self.up)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one metric asks for. `usage` is what is compared with the target, in thousandths."""

    usage: int
    ratio: float
    replicas: int
    missing: tuple[str, ...] = ()  # running pods without a value
    waiting: tuple[str, ...] = ()  # pending pods


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """What all metrics together lead to, before stabilization; `why` only where it is not their maximum."""

    replicas: int
    why: str


def milli(value: Fraction) -> int:
    return math.ceil(value * 1000)


def per_pod(
    values: Mapping[str, int],
    *,
    target: int,
    pods: Sequence[cluster.Pod],
    current: int,
    bounds: Bounds,
) -> Result:
    """A Pods metric: the average over the pods that have a value."""
    if not pods:
        raise NoResult("no pods returned by selector while calculating replica count")
    left_out = {pod.name for pod in pods if pod.going or pod.phase == "Failed"}
    waiting = {pod.name for pod in pods if pod.phase == "Pending"} - left_out
    missing = {pod.name for pod in pods} - left_out - waiting - set(values)
    known = {name: value for name, value in values.items() if name not in left_out | waiting}
    if not known:
        raise NoResult("did not receive metrics for targeted pods (pods might be unready)")
    usage = _average(known.values())
    ratio = usage / target
    replicas = _replicas(
        known,
        ratio=ratio,
        target=target,
        missing=missing,
        waiting=waiting if ratio > 1 else set(),
        ready=len(pods) - len(left_out) - len(waiting) - len(missing),
        current=current,
        bounds=bounds,
    )
    return Result(
        usage=usage,
        ratio=ratio,
        replicas=replicas,
        missing=tuple(sorted(missing)),
        waiting=tuple(sorted(waiting)),
    )


def whole(value: int, *, target: int, pods: Sequence[cluster.Pod], current: int, bounds: Bounds) -> Result:
    """A `Value` target: one figure, which is expected to change with the number of ready pods."""
    ratio = value / target
    if not current:
        return Result(usage=value, ratio=ratio, replicas=math.ceil(ratio))
    if bounds.hold(ratio):
        return Result(usage=value, ratio=ratio, replicas=current)
    if not pods:
        raise NoResult("no pods returned by selector while calculating replica count")
    ready = sum(pod.phase == "Running" and pod.ready for pod in pods)
    return Result(usage=value, ratio=ratio, replicas=math.ceil(ratio * ready))


def shared(value: int, *, target: int, there: int, bounds: Bounds) -> Result:
    """An `AverageValue` target of one figure: it is divided among the pods that are there."""
    if not there:
        return Result(usage=value, ratio=math.inf if value else 1.0, replicas=math.ceil(value / target))
    ratio = value / (target * there)
    return Result(
        usage=math.ceil(value / there),
        ratio=ratio,
        replicas=there if bounds.hold(ratio) else math.ceil(value / target),
    )


def decide(proposals: Sequence[int | None], *, current: int, minimum: int, maximum: int) -> Decision:
    """All metrics together; None is a metric that gave no result."""
    known = [one for one in proposals if one is not None]
    if not current and minimum:
        return Decision(0, "autoscaling is off while the target has 0 replicas")
    if current > maximum:
        return Decision(maximum, f"more than maxReplicas ({maximum}) are there")
    if current < minimum:
        return Decision(minimum, f"less than minReplicas ({minimum}) are there")
    if not known:
        return Decision(current, "no metric is known, so nothing changes")
    wanted = max(known)
    if len(known) < len(proposals) and wanted < current:
        return Decision(current, "no pods go while a metric is unknown")
    if wanted > maximum:
        return Decision(maximum, f"{wanted} are wanted, maxReplicas is {maximum}")
    if wanted < minimum:
        return Decision(minimum, f"{wanted} would do, minReplicas is {minimum}")
    return Decision(wanted, "")


def _replicas(
    known: Mapping[str, int],
    *,
    ratio: float,
    target: int,
    missing: Collection[str],
    waiting: Collection[str],
    ready: int,
    current: int,
    bounds: Bounds,
) -> int:
    if not missing and not waiting:
        return current if bounds.hold(ratio) else math.ceil(ratio * ready)
    assumed = target if ratio < 1 else 0
    filled = {**known, **dict.fromkeys(waiting, 0)}
    if ratio != 1:
        filled |= dict.fromkeys(missing, assumed)
    filled_ratio = _average(filled.values()) / target
    if bounds.hold(filled_ratio) or (ratio - 1) * (filled_ratio - 1) < 0:
        return current
    replicas = math.ceil(filled_ratio * len(filled))
    turned = (filled_ratio < 1 and replicas > current) or (filled_ratio > 1 and replicas < current)
    return current if turned else replicas


def _average(values: Collection[int]) -> int:
    """Whole thousandths, rounded down, as Go divides."""
    return sum(values) // len(values)
