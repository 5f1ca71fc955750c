"""Our computation of replicas has the same results as the HPA controller's.

The cases and their numbers come from Kubernetes 1.34,
https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/controller/podautoscaler/replica_calculator_test.go.
"""

import itertools
from collections.abc import Sequence
from fractions import Fraction

import pytest

from dashboard.client import cluster
from dashboard.scaling import arithmetic

_BOUNDS = arithmetic.Tolerances(up=Fraction(1, 10), down=Fraction(1, 10))
_TIGHT = arithmetic.Tolerances(up=Fraction(1, 100), down=Fraction(1, 10))


def _pods(number: int, *, ready: int | None = None, phase: str = "Running") -> list[cluster.Pod]:
    usable = number if ready is None else ready
    return [cluster.Pod(name=f"pod-{index}", phase=phase, ready=index < usable) for index in range(number)]


def _levels(*levels: int) -> dict[str, int]:
    return {f"pod-{index}": level for index, level in enumerate(levels)}


@pytest.mark.parametrize(
    ("levels", "target", "pods", "current", "expected"),
    [
        ([20_000, 10_000, 30_000], 15_000, 3, 3, (4, 20_000)),
        ([50_000, 15_000, 30_000], 15_000, 3, 3, (7, 31_666)),
        ([12_000] * 5, 20_000, 5, 5, (3, 12_000)),
        ([20_000, 21_000, 21_000], 20_000, 3, 3, (3, 20_666)),
        ([20_000, 19_000, 21_000], 20_000, 5, 5, (5, 20_000)),
        ([10_000, 10_000], 17_000, 3, 2, (2, 10_000)),
    ],
)
def test_a_pods_metric_is_averaged_and_the_missing_dampen(
    levels: list[int], target: int, pods: int, current: int, expected: tuple[int, int]
) -> None:
    result = arithmetic.for_pods(
        _levels(*levels), target=target, pods=_pods(pods), current=current, tolerances=_BOUNDS
    )
    assert (result.replicas, result.usage) == expected


@pytest.mark.parametrize(
    ("value", "target", "pods", "current", "expected"),
    [
        (20_000, 15_000, _pods(3), 3, 4),
        (50_000, 10_000, _pods(3, ready=1), 3, 5),
        (8_600, 4_400, _pods(3, ready=1), 3, 2),
        (12_000, 20_000, _pods(5), 5, 3),
        (20_666, 20_000, _pods(3), 3, 3),
        (2_500, 1_000, [], 0, 3),
    ],
)
def test_a_value_target_multiplies_the_ready_pods(
    value: int, target: int, pods: Sequence[cluster.Pod], current: int, expected: int
) -> None:
    result = arithmetic.for_value(value, target=target, pods=pods, current=current, tolerances=_BOUNDS)
    assert result.replicas == expected


@pytest.mark.parametrize(
    ("value", "target", "there", "expected"),
    [
        (20_000, 5_000, 3, (4, 6_667)),
        (8_600, 2_150, 3, (4, 2_867)),
        (6_000, 2_000, 5, (3, 1_200)),
        (20_166, 5_000, 4, (4, 5_042)),
        (8_600, 2_900, 3, (3, 2_867)),
    ],
)
def test_an_average_value_target_divides_the_figure(
    value: int, target: int, there: int, expected: tuple[int, int]
) -> None:
    result = arithmetic.for_average_value(value, target=target, replicas=there, tolerances=_BOUNDS)
    assert (result.replicas, result.usage) == expected


def test_the_hpas_own_tolerance_is_obeyed() -> None:
    levels = _levels(20_000, 21_000, 21_000)
    result = arithmetic.for_pods(levels, target=20_000, pods=_pods(3), current=3, tolerances=_TIGHT)
    assert result.replicas == 4


def test_a_pod_without_a_figure_is_named_and_never_makes_a_change_larger() -> None:
    ratios = itertools.product((1_000, 9_000, 10_000, 11_500, 40_000), (1, 2, 5))
    for level, missing in ratios:
        levels = _levels(level, level)
        every, some = _pods(2 + missing), _pods(2)
        result = arithmetic.for_pods(
            levels, target=10_000, pods=every, current=len(every), tolerances=_BOUNDS
        )
        known = arithmetic.for_pods(levels, target=10_000, pods=some, current=2, tolerances=_BOUNDS)
        assert len(result.missing) == missing
        assert abs(result.replicas - len(every)) <= abs(known.replicas / 2 - 1) * len(every) + 1


def test_a_pending_pod_counts_as_idle_when_pods_would_be_added() -> None:
    pods = [*_pods(2), cluster.Pod(name="new", phase="Pending", ready=False)]
    result = arithmetic.for_pods(
        _levels(30_000, 30_000), target=10_000, pods=pods, current=3, tolerances=_BOUNDS
    )
    assert (result.replicas, result.pending) == (6, ("new",))


def test_a_pod_that_goes_or_has_failed_does_not_count() -> None:
    pods = [
        *_pods(2),
        cluster.Pod(name="leaving", phase="Running", ready=True, terminating=True),
        cluster.Pod(name="dead", phase="Failed", ready=False),
    ]
    levels = {**_levels(30_000, 10_000), "leaving": 900_000}
    result = arithmetic.for_pods(levels, target=10_000, pods=pods, current=2, tolerances=_BOUNDS)
    assert (result.replicas, result.usage, result.missing) == (4, 20_000, ())


@pytest.mark.parametrize(
    ("levels", "pods", "words"),
    [
        ({}, _pods(2), "did not receive metrics for targeted pods"),
        (_levels(1), [], "no pods returned by selector"),
    ],
)
def test_what_cannot_be_computed_is_said_in_the_controllers_words(
    levels: dict[str, int], pods: list[cluster.Pod], words: str
) -> None:
    with pytest.raises(arithmetic.NoResult, match=words):
        arithmetic.for_pods(levels, target=1, pods=pods, current=2, tolerances=_BOUNDS)


@pytest.mark.parametrize(
    ("proposals", "current", "expected", "why"),
    [
        ([3, 5], 4, 5, ""),
        ([3, None], 4, 4, "no scale-down while a metric has no value"),
        ([6, None], 4, 6, ""),
        ([None, None], 4, 4, "no metric has a value"),
        ([], 4, 4, "no metric has a value"),
        ([14], 4, 10, "the metrics need 14, maxReplicas is 10"),
        ([1], 4, 2, "the metrics need 1, minReplicas is 2"),
        ([5], 0, 0, "autoscaling is off"),
        ([5], 12, 10, "more than maxReplicas"),
        ([5], 1, 2, "fewer than minReplicas"),
    ],
)
def test_the_largest_wish_wins_within_the_limits(
    proposals: list[int | None], current: int, expected: int, why: str
) -> None:
    decision = arithmetic.decide(proposals, current=current, minimum=2, maximum=10)
    assert decision.replicas == expected
    assert why in decision.reason
    assert bool(why) == bool(decision.reason)


def test_values_are_rounded_up_to_thousandths_as_kubernetes_does() -> None:
    assert arithmetic.milli(Fraction("0.0000001")) == 1
    assert arithmetic.milli(Fraction("0.0842")) == 85
    assert arithmetic.milli(Fraction(12)) == 12_000
