"""`kubectl traffic hpa` shows the values that an HPA gets, and what to do if one is missing."""

import contextlib
import json
import pathlib
import re
from typing import Any

import pytest
import syrupy.assertion

from dashboard.client import cluster, connection, kubeconfig
from dashboard.scaling import examination
from tests.dashboard import hpas
from tests.fakes import autoscaled


def _without_ages(text: str) -> str:
    return re.sub(r"\b\d+s old", "4s old", text)


def _well(scaled: autoscaled.Cluster) -> None:
    scaled.hpa(
        autoscaled.pods_metric(hpas.RPS, target="8", matchLabels={"window": "10s"}),
        autoscaled.object_metric(hpas.P99, target="200m"),
        hpas.EDGE,
        autoscaled.cpu_metric(70),
        seen=(
            *({"type": ""},) * 3,
            {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 45}}},
        ),
    )
    hpas.answered(scaled)


def _broken(scaled: autoscaled.Cluster) -> None:
    unable = "the HPA was unable to compute the replica count: unable to get metric requests_per_secnd"
    scaled.hpa(
        autoscaled.pods_metric("requests_per_secnd", target="8"),
        autoscaled.object_metric(hpas.P99, target="200"),
        name="broken",
        conditions=(
            ("AbleToScale", "True", "SucceededGetScale", "the HPA controller was able to get the scale"),
            ("ScalingActive", "False", "FailedGetPodsMetric", unable),
        ),
    )
    reply = (
        "the server could not find the metric requests_per_secnd for pods: did you mean requests_per_second?"
    )
    scaled.refuse(f"{autoscaled.OF_PODS}/requests_per_secnd", 404, reply)


@pytest.mark.parametrize(
    "arguments", [("checkout",), ("broken",), (), ("-A",)], ids=lambda given: "_".join(given) or "plain"
)
def test_the_text_is_the_one_that_was_reviewed(
    scaled: autoscaled.Cluster,
    run: hpas.Run,
    arguments: tuple[str, ...],
    snapshot: syrupy.assertion.SnapshotAssertion,
) -> None:
    _well(scaled)
    _broken(scaled)
    result = run(*arguments)
    assert result.exit_code == (0 if arguments == ("checkout",) else 1)
    assert _without_ages(result.output) == snapshot


def test_programs_get_the_same_as_numbers(scaled: autoscaled.Cluster, run: hpas.Run) -> None:
    _well(scaled)
    (reply,) = json.loads(run("-o", "json").stdout)
    assert (reply["replicas"], reply["wanted"], reply["well"]) == (3, 5, True)
    by_type = {metric["type"]: metric for metric in reply["metrics"]}
    assert {sort: metric["replicas"] for sort, metric in by_type.items()} == {
        "Pods": 5,
        "Object": 2,
        "External": 2,
        "Resource": 2,
    }
    assert by_type["Object"]["value"] == 0.085
    assert by_type["Object"]["figures"][0]["value"] == 0.0842
    assert by_type["External"]["asked"] == f"{hpas.OF_EDGE}?labelSelector=from%3Dfrontend%2Cto%3Dcheckout"
    assert by_type["External"]["server"] == "trafficmetrics/trafficmetrics"
    assert by_type["Resource"]["asked"] is None


def test_what_is_asked_is_what_the_hpa_controller_asks(scaled: autoscaled.Cluster, run: hpas.Run) -> None:
    scaled.hpa(
        autoscaled.pods_metric(hpas.RPS, target="8"),
        autoscaled.object_metric(hpas.P99, target="1", of="apps/v1/Deployment/checkout"),
        autoscaled.object_metric(hpas.RPS, target="1", of="v1/Namespace/other", sort="AverageValue"),
        hpas.EDGE,
    )
    scaled.serve(autoscaled.CUSTOM, "v1beta1")
    assert run("checkout").exit_code == 1
    custom = f"/apis/{autoscaled.CUSTOM}/v1beta1/namespaces/shop"
    assert [path for path in scaled.asked if "metrics.k8s.io/v1beta1/" in path] == [
        f"{custom}/pods/%2A/{hpas.RPS}?labelSelector=app%3Dcheckout",
        f"{custom}/deployments.apps/checkout/{hpas.P99}",
        f"{custom}/metrics/{hpas.RPS}",
        f"{hpas.OF_EDGE}?labelSelector=from%3Dfrontend%2Cto%3Dcheckout",
    ]


def test_one_metric_that_is_known_still_adds_pods(scaled: autoscaled.Cluster, run: hpas.Run) -> None:
    hpas.answered(scaled)
    scaled.hpa(
        autoscaled.pods_metric(hpas.RPS, target="8"), autoscaled.object_metric("p50_latency", target="1")
    )
    reply = run("checkout").output
    assert "has 3 replicas and should have 5" in reply
    assert "While a metric has no value, the HPA can add pods but removes none." in reply


def test_one_metric_that_hangs_does_not_hide_the_others(
    scaled: autoscaled.Cluster, tmp_path: pathlib.Path
) -> None:
    scaled.hpa(
        autoscaled.pods_metric(hpas.RPS, target="8"), autoscaled.object_metric(hpas.P99, target="200m")
    )
    hpas.answered(scaled)
    scaled.hanging = {f"{hpas.OF_SERVICE}/{hpas.P99}"}
    context = kubeconfig.load([scaled.kubeconfig(tmp_path / "config")])
    impatient = cluster.ClusterReader(connection.ApiConnection(context, timeouts=(2.0, 0.2)))
    with contextlib.closing(impatient) as source:
        found = examination.Examiner(source).examine(source.hpa("shop", "checkout"))
    assert found.decision is not None
    assert found.decision.replicas == 5
    (wrong,) = found.wrong
    assert "is served by trafficmetrics/trafficmetrics, which does not answer" in wrong.text


def test_an_hpa_that_is_not_there_is_one_sentence(scaled: autoscaled.Cluster, run: hpas.Run) -> None:
    scaled.refuse(f"{autoscaled.HPAS}/x", 404, 'horizontalpodautoscalers.autoscaling "x" not found')
    result = run("x")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: There is no HorizontalPodAutoscaler x in namespace shop.")
    assert result.stderr.count("\n") == 1


def test_a_server_on_its_own_says_that_it_has_no_hpas(run: hpas.Run) -> None:
    result = run()
    assert result.exit_code == 1
    assert "A TrafficMetrics server on its own has none" in result.stderr


def test_a_namespace_without_hpas_is_said_beside_the_output(
    scaled: autoscaled.Cluster, run: hpas.Run
) -> None:
    scaled.documents[autoscaled.HPAS] = (200, {"items": []})
    result = run()
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "No HorizontalPodAutoscalers found in shop namespace.\n"


def test_a_credential_that_is_not_accepted_ends_it(scaled: autoscaled.Cluster, run: hpas.Run) -> None:
    scaled.token = "another"
    result = run("checkout")
    assert result.exit_code == 1
    assert "does not accept the credential" in result.stderr


@pytest.mark.parametrize("arguments", [("-A", "-n", "shop"), ("checkout", "-A"), ("-o", "yaml")])
def test_wrong_usage_is_exit_code_two(run: hpas.Run, arguments: Any) -> None:
    assert run(*arguments).exit_code == 2
