"""Notes of `kubectl traffic hpa`: they explain a state that is not wrong, and the command succeeds."""

import datetime as dt
from collections.abc import Callable

import pytest

from tests.dashboard import hpas
from tests.fakes import autoscaled


def _young(scaled: autoscaled.Cluster) -> None:
    scaled.values(hpas.pods_of_an_hpa(scaled), {"checkout-a": "8", "checkout-b": "8"})
    scaled.pods(("checkout-a", "checkout-b", "checkout-c"), started=dt.datetime.now(dt.UTC))


def _off(scaled: autoscaled.Cluster) -> None:
    scaled.scale(0)
    scaled.hpa(
        autoscaled.object_metric(hpas.P99, target="200m"),
        conditions=(("ScalingActive", "False", "ScalingDisabled", "the replica count is zero"),),
    )
    hpas.answered(scaled)


def _unseen(scaled: autoscaled.Cluster) -> None:
    scaled.hpa(autoscaled.pods_metric(hpas.RPS, target="12"), conditions=())
    hpas.answered(scaled)


def _without_pods(scaled: autoscaled.Cluster) -> None:
    hpas.answered(scaled)
    scaled.hpa(autoscaled.pods_metric(hpas.RPS, target="12"))
    scaled.refuse(autoscaled.PODS, 403, 'pods is forbidden: User "ann" cannot list resource "pods"')


def _less(scaled: autoscaled.Cluster) -> None:
    hpas.answered(scaled)
    scaled.hpa(autoscaled.pods_metric(hpas.RPS, target="20"))


def _held_down(scaled: autoscaled.Cluster) -> None:
    hpas.answered(scaled)
    behavior = {"scaleDown": {"selectPolicy": "Disabled"}}
    scaled.hpa(autoscaled.pods_metric(hpas.RPS, target="20"), behavior=behavior)


def _cpu_unasked(scaled: autoscaled.Cluster) -> None:
    scaled.hpa(autoscaled.pods_metric(hpas.RPS, target="12"), autoscaled.cpu_metric(70), conditions=())
    hpas.answered(scaled)


def _tiny(scaled: autoscaled.Cluster) -> None:
    hpas.pods_of_an_hpa(scaled)
    scaled.hpa(autoscaled.pods_metric(hpas.RPS, target="500m"), maximum=100)
    hpas.answered(scaled)


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (_young, "New pods without values yet: checkout-c"),
        (_off, "kubectl scale -n shop Deployment/checkout --replicas=1"),
        (_unseen, "has not evaluated this HPA yet"),
        (_without_pods, "Pods without values cannot be found: pods is forbidden"),
        (_less, "It scales down after 5m without a higher result"),
        (
            _held_down,
            "The HPA will not change the replicas: its behavior.scaleDown.selectPolicy is Disabled.",
        ),
        (_cpu_unasked, "The HPA has not requested it yet"),
        (_tiny, "For 500 requests per second write 500."),
    ],
)
def test_what_only_explains_is_a_note_and_no_failure(
    scaled: autoscaled.Cluster, run: hpas.Run, prepare: Callable[[autoscaled.Cluster], None], words: str
) -> None:
    prepare(scaled)
    result = run("checkout")
    assert words in result.output
    assert result.exit_code == 0, result.output
