"""Compute replicas from metric values, as the HPA controller of Kubernetes 1.34 does.

All values are whole thousandths (`MilliValue`, rounded up). A pod without a value counts as on target for a
scale-down and as 0 for a scale-up, so an unknown value never makes a change larger.

https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/controller/podautoscaler/replica_calculator.go
"""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction

from dashboard.client import cluster


class NoResult(Exception):
    """The controller computes no replicas for this metric; the message is the controller's."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tolerances:
    """The tolerances: how far a ratio may be from 1 without a change of replicas."""

    up: Fraction
    down: Fraction

    def contain(self, ratio: float) -> bool:
        """Whether a ratio is within the tolerances."""
        return 1.0 - float(self.down) <= ratio <= 1.0 + float(self.up)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The replicas for one metric. `usage` is the value that is compared with the target, in thousandths."""

    usage: int
    ratio: float
    replicas: int
    missing: tuple[str, ...] = ()  # running pods without a value
    pending: tuple[str, ...] = ()  # pending pods


@dataclasses.dataclass(frozen=True, slots=True)
class ReplicaDecision:
    """The replicas for all metrics, before stabilization. `why` is empty if they are the metrics' maximum."""

    replicas: int
    reason: str


def milli(value: Fraction) -> int:
    """Thousandths, rounded up."""
    return math.ceil(value * 1000)


def for_pods(
    values: Mapping[str, int],
    *,
    target: int,
    pods: Sequence[cluster.Pod],
    current: int,
    tolerances: Tolerances,
) -> Result:
    """The replicas for a Pods metric: the average of the pods with a value. Raises NoResult."""
    if not pods:
        raise NoResult("no pods returned by selector while calculating replica count")
    ignored = {pod.name for pod in pods if pod.terminating or pod.phase == "Failed"}
    pending = {pod.name for pod in pods if pod.phase == "Pending"} - ignored
    missing = {pod.name for pod in pods} - ignored - pending - set(values)
    known = {name: value for name, value in values.items() if name not in ignored | pending}
    if not known:
        raise NoResult("did not receive metrics for targeted pods (pods might be unready)")
    usage = _average(known.values())
    ratio = usage / target
    replicas = _replicas(
        known,
        ratio=ratio,
        target=target,
        missing=missing,
        pending=pending if ratio > 1 else set(),
        ready=len(pods) - len(ignored) - len(pending) - len(missing),
        current=current,
        tolerances=tolerances,
    )
    return Result(
        usage=usage,
        ratio=ratio,
        replicas=replicas,
        missing=tuple(sorted(missing)),
        pending=tuple(sorted(pending)),
    )


def for_value(
    value: int, *, target: int, pods: Sequence[cluster.Pod], current: int, tolerances: Tolerances
) -> Result:
    """The replicas for a `Value` target: proportional to the number of ready pods. Raises NoResult."""
    ratio = value / target
    if not current:
        return Result(usage=value, ratio=ratio, replicas=math.ceil(ratio))
    if tolerances.contain(ratio):
        return Result(usage=value, ratio=ratio, replicas=current)
    if not pods:
        raise NoResult("no pods returned by selector while calculating replica count")
    ready = sum(pod.phase == "Running" and pod.ready for pod in pods)
    return Result(usage=value, ratio=ratio, replicas=math.ceil(ratio * ready))


def for_average_value(value: int, *, target: int, replicas: int, tolerances: Tolerances) -> Result:
    """The replicas for an `AverageValue` target: the value divided by `there`, the present replicas."""
    if not replicas:
        return Result(usage=value, ratio=math.inf if value else 1.0, replicas=math.ceil(value / target))
    ratio = value / (target * replicas)
    return Result(
        usage=math.ceil(value / replicas),
        ratio=ratio,
        replicas=replicas if tolerances.contain(ratio) else math.ceil(value / target),
    )


def decide(proposals: Sequence[int | None], *, current: int, minimum: int, maximum: int) -> ReplicaDecision:
    """The replicas for all metrics; None is a metric without a result."""
    known = [one for one in proposals if one is not None]
    if not current and minimum:
        return ReplicaDecision(0, "autoscaling is off while the target has 0 replicas")
    if current > maximum:
        return ReplicaDecision(maximum, f"there are more than maxReplicas ({maximum})")
    if current < minimum:
        return ReplicaDecision(minimum, f"there are fewer than minReplicas ({minimum})")
    if not known:
        return ReplicaDecision(current, "no metric has a value, so the HPA changes nothing")
    wanted = max(known)
    if len(known) < len(proposals) and wanted < current:
        return ReplicaDecision(current, "no scale-down while a metric has no value")
    if wanted > maximum:
        return ReplicaDecision(maximum, f"the metrics need {wanted}, maxReplicas is {maximum}")
    if wanted < minimum:
        return ReplicaDecision(minimum, f"the metrics need {wanted}, minReplicas is {minimum}")
    return ReplicaDecision(wanted, "")


def _replicas(
    known: Mapping[str, int],
    *,
    ratio: float,
    target: int,
    missing: Collection[str],
    pending: Collection[str],
    ready: int,
    current: int,
    tolerances: Tolerances,
) -> int:
    if not missing and not pending:
        return current if tolerances.contain(ratio) else math.ceil(ratio * ready)
    assumed_value = target if ratio < 1 else 0
    filled = {**known, **dict.fromkeys(pending, 0)}
    if ratio != 1:
        filled |= dict.fromkeys(missing, assumed_value)
    filled_ratio = _average(filled.values()) / target
    if tolerances.contain(filled_ratio) or (ratio - 1) * (filled_ratio - 1) < 0:
        return current
    replicas = math.ceil(filled_ratio * len(filled))
    reverses = (filled_ratio < 1 and replicas > current) or (filled_ratio > 1 and replicas < current)
    return current if reverses else replicas


def _average(values: Collection[int]) -> int:
    """The mean in whole thousandths, rounded down like Go's integer division."""
    return sum(values) // len(values)
