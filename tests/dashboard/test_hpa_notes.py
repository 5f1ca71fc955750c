"""What `kubectl traffic hpa` only explains: nothing is wrong, and the command does not fail."""

import datetime as dt
import pathlib
from collections.abc import Callable, Iterator

import pytest

from tests.dashboard import hpas
from tests.fakes import autoscaled


@pytest.fixture
def fake() -> Iterator[autoscaled.Cluster]:
    with autoscaled.Cluster() as running:
        yield running


@pytest.fixture
def run(fake: autoscaled.Cluster, tmp_path: pathlib.Path) -> hpas.Run:
    return hpas.typed(fake, tmp_path)


def _young(fake: autoscaled.Cluster) -> None:
    fake.values(hpas.pods_of_an_hpa(fake), {"checkout-a": "8", "checkout-b": "8"})
    fake.pods(("checkout-a", "checkout-b", "checkout-c"), started=dt.datetime.now(dt.UTC))


def _off(fake: autoscaled.Cluster) -> None:
    fake.scale(0)
    fake.hpa(
        autoscaled.object_metric(hpas.P99, target="200m"),
        conditions=(("ScalingActive", "False", "ScalingDisabled", "the replica count is zero"),),
    )
    hpas.answered(fake)


def _unseen(fake: autoscaled.Cluster) -> None:
    fake.hpa(autoscaled.pods_metric(hpas.RPS, target="12"), conditions=())
    hpas.answered(fake)


def _without_pods(fake: autoscaled.Cluster) -> None:
    hpas.answered(fake)
    fake.hpa(autoscaled.pods_metric(hpas.RPS, target="12"))
    fake.refuse(autoscaled.PODS, 403, 'pods is forbidden: User "ann" cannot list resource "pods"')


def _less(fake: autoscaled.Cluster) -> None:
    hpas.answered(fake)
    fake.hpa(autoscaled.pods_metric(hpas.RPS, target="20"))


def _held_down(fake: autoscaled.Cluster) -> None:
    hpas.answered(fake)
    behavior = {"scaleDown": {"selectPolicy": "Disabled"}}
    fake.hpa(autoscaled.pods_metric(hpas.RPS, target="20"), behavior=behavior)


def _cpu_unasked(fake: autoscaled.Cluster) -> None:
    fake.hpa(autoscaled.pods_metric(hpas.RPS, target="12"), autoscaled.cpu_metric(70), conditions=())
    hpas.answered(fake)


def _tiny(fake: autoscaled.Cluster) -> None:
    hpas.pods_of_an_hpa(fake)
    fake.hpa(autoscaled.pods_metric(hpas.RPS, target="500m"), maximum=100)
    hpas.answered(fake)


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (_young, "New, so not measured yet: checkout-c"),
        (_off, "kubectl scale -n shop Deployment/checkout --replicas=1"),
        (_unseen, "has not looked at this HPA yet"),
        (_without_pods, "Pods without figures cannot be seen here: pods is forbidden"),
        (_less, "Pods go only after 5m without a higher wish"),
        (_held_down, "The HPA may not: its behavior.scaleDown.selectPolicy is Disabled."),
        (_cpu_unasked, "the HPA has not asked for it"),
        (_tiny, "If 500 are meant, write 500."),
    ],
)
def test_what_only_explains_is_a_note_and_no_failure(
    fake: autoscaled.Cluster, run: hpas.Run, prepare: Callable[[autoscaled.Cluster], None], words: str
) -> None:
    prepare(fake)
    result = run("checkout")
    assert words in result.output
    assert result.exit_code == 0, result.output
