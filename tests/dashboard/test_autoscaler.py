"""An HPA is decoded from the Kubernetes format; its metric requests have the HPA controller's paths."""

import contextlib
import pathlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from dashboard.client import autoscaler, cluster, faults, measures
from tests.fakes import autoscaled


@pytest.fixture
def source(scaled: autoscaled.Cluster, tmp_path: pathlib.Path) -> Iterator[cluster.ClusterReader]:
    with contextlib.closing(cluster.connect(str(scaled.kubeconfig(tmp_path / "config")))) as connected:
        yield connected


@pytest.mark.parametrize(
    ("selector", "spelled"),
    [
        ({}, ""),
        ({"matchLabels": {"to": "checkout", "from": "frontend"}}, "from=frontend,to=checkout"),
        (
            {
                "matchLabels": {"window": "1m"},
                "matchExpressions": [
                    {"key": "side", "operator": "In", "values": ["server", "client"]},
                    {"key": "kind", "operator": "NotIn", "values": ["Job"]},
                    {"key": "a", "operator": "Exists"},
                    {"key": "b", "operator": "DoesNotExist"},
                ],
            },
            "a,!b,kind notin (Job),side in (client,server),window=1m",
        ),
    ],
)
def test_a_selector_is_spelled_as_the_controller_does(selector: dict[str, Any], spelled: str) -> None:
    assert autoscaler.format_selector(selector) == spelled


def test_an_hpa_arrives_with_its_targets_and_its_own_words(
    scaled: autoscaled.Cluster, source: cluster.ClusterReader
) -> None:
    scaled.hpa(
        autoscaled.pods_metric("requests_per_second", target="8"),
        autoscaled.object_metric("p99_response_latency", target="200m"),
        autoscaled.cpu_metric(70),
        behavior={
            "scaleUp": {"tolerance": "50m"},
            "scaleDown": {"tolerance": "0", "stabilizationWindowSeconds": 60},
        },
        seen=(
            {"type": ""},
            {"type": ""},
            {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 45}}},
        ),
    )
    one = source.hpa("shop", "checkout")
    assert [metric.group for metric in one.metrics] == [measures.CUSTOM, measures.CUSTOM, None]
    assert one.metrics[1].target == autoscaler.MetricTarget("Value", "200m", Fraction(1, 5))
    assert one.metrics[1].described == autoscaler.Reference("v1", "Service", "checkout")
    assert [metric.current and metric.current.text for metric in one.metrics] == [None, None, "45"]
    assert (one.tolerance_up, one.tolerance_down, one.stabilization) == (Fraction(1, 20), Fraction(0), 60)
    assert one.conditions[0].reason == "ReadyForNewScale"


def test_what_is_no_hpa_is_refused_in_words(
    scaled: autoscaled.Cluster, source: cluster.ClusterReader
) -> None:
    scaled.documents[f"{autoscaled.HPAS}/checkout"] = (200, {"kind": "HorizontalPodAutoscaler", "spec": {}})
    with pytest.raises(faults.Failed, match="not a HorizontalPodAutoscaler of autoscaling/v2"):
        source.hpa("shop", "checkout")


def test_the_star_stays_encoded_on_its_way(scaled: autoscaled.Cluster, source: cluster.ClusterReader) -> None:
    question = measures.of_pods(
        "shop", "requests_per_second", version="v1beta2", pods="app in (a,b)", selector="window=1m"
    )
    source.send(question)
    (asked,) = scaled.asked
    assert asked.partition("?")[0] == (
        "/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop/pods/%2A/requests_per_second"
    )
    assert str(question).endswith("?labelSelector=app%20in%20%28a%2Cb%29&metricLabelSelector=window%3D1m")


@pytest.mark.parametrize(
    ("versions", "preferred"),
    [(("v1beta2", "v1beta1"), "v1beta2"), (("v1beta1",), "v1beta1"), (("v1", "v1beta1"), "v1beta1")],
)
def test_the_version_is_the_one_that_the_controller_takes(
    scaled: autoscaled.Cluster, source: cluster.ClusterReader, versions: tuple[str, ...], preferred: str
) -> None:
    scaled.serve(autoscaled.CUSTOM, *versions)
    assert source.version(autoscaled.CUSTOM) == preferred


def test_a_group_that_nobody_serves_has_no_version(
    scaled: autoscaled.Cluster, source: cluster.ClusterReader
) -> None:
    del scaled.documents[f"/apis/{autoscaled.CUSTOM}"]
    assert source.version(autoscaled.CUSTOM) is None


def test_any_version_of_a_targets_group_will_do(
    scaled: autoscaled.Cluster, source: cluster.ClusterReader
) -> None:
    scaled.documents["/apis/apps"] = (200, {"preferredVersion": {"groupVersion": "apps/v1"}})
    old = autoscaler.Reference("apps/v1beta1", "Deployment", "checkout")
    assert source.scale("shop", old).selector == "app=checkout"


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (autoscaler.Reference("", "Deployment", "x"), "no kind Deployment in v1, which is what an empty"),
        (autoscaler.Reference("apps/v1", "Deploymnt", "x"), "no kind Deploymnt in apps/v1"),
        (autoscaler.Reference("nobody.example/v1", "Thing", "x"), "no kind Thing in nobody.example/v1"),
    ],
)
def test_a_kind_that_is_not_there_is_named(
    source: cluster.ClusterReader, reference: autoscaler.Reference, words: str
) -> None:
    with pytest.raises(faults.NotServed, match=words):
        source.resource(reference)


@pytest.mark.parametrize(
    ("version", "window"), [("v1beta2", {"windowSeconds": 30}), ("v1beta1", {"window": 30}), ("none", {})]
)
def test_both_shapes_of_an_answer_are_read(version: str, window: dict[str, int]) -> None:
    item = {"value": "12400m", "timestamp": "2026-11-24T03:00:00Z", **window}
    (measure,) = measures.decode({"items": [{"describedObject": {"name": "a"}, **item}]})
    assert (measure.name, measure.value) == ("a", Fraction(62, 5))
    assert measure.window == (None if version == "none" else 30)


@pytest.mark.parametrize("answer", [{}, {"items": [{}]}, {"items": [{"value": "x", "timestamp": "y"}]}])
def test_an_answer_of_another_form_is_refused(answer: dict[str, Any]) -> None:
    with pytest.raises(faults.Failed, match="not a list of metric values"):
        measures.decode(answer)
