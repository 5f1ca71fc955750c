"""`kubectl traffic hpa` prints two lines for a wrong HPA: the fault, and what to do."""

from collections.abc import Callable

import pytest

from tests.dashboard import hpas
from tests.fakes import autoscaled


def _nobody(scaled: autoscaled.Cluster) -> None:
    hpas.pods_of_an_hpa(scaled)
    del scaled.documents[f"/apis/{autoscaled.CUSTOM}"]


def _foreign(scaled: autoscaled.Cluster) -> None:
    path = hpas.pods_of_an_hpa(scaled)
    scaled.serve(autoscaled.CUSTOM, "v1beta1", service="monitoring/prometheus-adapter")
    reply = f"the server could not find the metric {hpas.RPS} for pods"
    scaled.refuse(path.replace("v1beta2", "v1beta1"), 404, reply)


def _away(scaled: autoscaled.Cluster) -> None:
    scaled.refuse(hpas.pods_of_an_hpa(scaled), 503, "")
    scaled.register("v1beta2", autoscaled.CUSTOM, failing="no response from https://10.0.0.7:8443")


def _stale_server(scaled: autoscaled.Cluster) -> None:
    scaled.refuse(hpas.pods_of_an_hpa(scaled), 503, "the newest scrape is 4m old: Prometheus is not scraping")


def _stale_figures(scaled: autoscaled.Cluster) -> None:
    scaled.values(
        hpas.pods_of_an_hpa(scaled), dict.fromkeys(("checkout-a", "checkout-b", "checkout-c"), "8"), age=300
    )


def _forbidden(scaled: autoscaled.Cluster) -> None:
    scaled.refuse(
        hpas.pods_of_an_hpa(scaled),
        403,
        f'pods.custom.metrics.k8s.io "*" is forbidden: User "ann" {hpas.RPS}',
    )


def _bad_selector(scaled: autoscaled.Cluster) -> None:
    scaled.hpa(hpas.EDGE)
    scaled.refuse(hpas.OF_EDGE, 400, "unknown label form; known are from, to, window")


def _foreign_edge(scaled: autoscaled.Cluster) -> None:
    scaled.hpa(hpas.EDGE)
    scaled.refuse(
        hpas.OF_EDGE, 403, "db has no end in namespace shop; ask in the namespace of one of its ends"
    )


def _idle(scaled: autoscaled.Cluster) -> None:
    scaled.hpa(autoscaled.object_metric(hpas.P99, target="200m"))
    reply = f'services "checkout" has no {hpas.P99}: no requests in the last 30s'
    scaled.refuse(f"{hpas.OF_SERVICE}/{hpas.P99}", 404, reply)


def _empty(scaled: autoscaled.Cluster) -> None:
    scaled.values(hpas.pods_of_an_hpa(scaled), {})


def _unscraped(scaled: autoscaled.Cluster) -> None:
    scaled.values(hpas.pods_of_an_hpa(scaled), {"checkout-a": "20", "checkout-b": "20"})


def _cpu_lost(scaled: autoscaled.Cluster) -> None:
    valid = ("ScalingActive", "True", "ValidMetricFound", "the HPA was able to calculate a replica count")
    scaled.hpa(autoscaled.pods_metric(hpas.RPS, target="12"), autoscaled.cpu_metric(70), conditions=(valid,))
    hpas.answered(scaled)


def _two_items(scaled: autoscaled.Cluster) -> None:
    scaled.hpa(autoscaled.object_metric(hpas.P99, target="200m"))
    scaled.values(f"{hpas.OF_SERVICE}/{hpas.P99}", {"checkout": "1", "cart": "2"})


def _no_target(scaled: autoscaled.Cluster) -> None:
    scaled.hpa(autoscaled.pods_metric(hpas.RPS, target="8"), target="chekout")
    path = autoscaled.SCALE.replace("checkout", "chekout")
    scaled.refuse(path, 404, 'deployments.apps "chekout" not found')


def _no_api_version(scaled: autoscaled.Cluster) -> None:
    scaled.hpa(autoscaled.object_metric(hpas.P99, target="200m", of="/Deployment/checkout"))


def _no_selector(scaled: autoscaled.Cluster) -> None:
    hpas.pods_of_an_hpa(scaled)
    scaled.scale(3, selector="")


def _at_the_limit(scaled: autoscaled.Cluster) -> None:
    hpas.answered(scaled)
    scaled.hpa(autoscaled.pods_metric(hpas.RPS, target="1"))


def _with_target(metric: autoscaled.Document) -> Callable[[autoscaled.Cluster], None]:
    def prepare(scaled: autoscaled.Cluster) -> None:
        scaled.hpa(metric)

    return prepare


def _says(reason: str, message: str, sort: str = "ScalingActive") -> Callable[[autoscaled.Cluster], None]:
    def prepare(scaled: autoscaled.Cluster) -> None:
        hpas.answered(scaled)
        scaled.hpa(
            autoscaled.pods_metric(hpas.RPS, target="8"), conditions=((sort, "False", reason, message),)
        )

    return prepare


@pytest.mark.parametrize(
    ("prepare", "what", "todo"),
    [
        (_nobody, "No server provides custom.metrics.k8s.io in this cluster", "docs/autoscaling.md"),
        (_foreign, "belongs to monitoring/prometheus-adapter here", "“One owner” in docs/autoscaling.md"),
        (_away, "which does not answer (FailedDiscoveryCheck: no resp", "kubectl get pods -n trafficmetrics"),
        (_stale_server, "the newest scrape is 4m old", "the HPA keeps its replicas"),
        pytest.param(
            *(_stale_figures, "The values are 5m old, and an HPA does not check their age", "gets no newer"),
            marks=pytest.mark.alone,  # one second later the output says 5m1s
        ),
        (_forbidden, 'is forbidden: User "ann"', "This concerns your own rights, not the HPA"),
        (_bad_selector, "known are from, to, window", "Correct metric.selector"),
        (_foreign_edge, "db has no end in namespace shop", "Correct metric.selector"),
        (_idle, "no requests in the last 30s", "Without a value, the HPA keeps its replicas"),
        (_empty, "No metrics returned from custom.metrics.k8s.io", "the HPA keeps its replicas"),
        (_unscraped, "No values for 1 of 3 pods: checkout-c; they count as 0", "not scraped"),
        (_cpu_lost, "The HPA's status has no value of it", "kubectl top pods"),
        (_two_items, "2 values were returned, and the HPA expects exactly one", "the HPA keeps its replicas"),
        (_no_target, 'cannot be read: deployments.apps "chekout" not found', "Correct spec.scaleTargetRef"),
        (_no_api_version, "no kind Deployment in v1, which is what an empty", "Correct describedObject"),
        (_no_selector, "has no label selector", "scale subresource"),
        (_at_the_limit, "The metrics need 37 replicas, and maxReplicas is 10", "Raise maxReplicas"),
        (
            _with_target(autoscaled.object_metric(hpas.P99, target="200")),
            "means 200 seconds",
            "For 200 milliseconds write 200m",
        ),
        (
            _with_target(autoscaled.object_metric("failure_rate", target="5")),
            "The target 5 means 500 %",
            "For 5 % write 50m",
        ),
        (
            _with_target(autoscaled.object_metric("success_rate", target="990m")),
            "adds pods when all requests succeed and removes pods during failures",
            "Scale on requests_per_second",
        ),
        (
            _with_target(autoscaled.object_metric(hpas.RPS, target="100")),
            "does not fall when pods are added",
            "Use type AverageValue",
        ),
        (
            _with_target(autoscaled.object_metric(hpas.P99, target="200m", sort="AverageValue")),
            "divides one latency by the number of pods",
            "Use type Value",
        ),
        (_says("AmbiguousSelector", "pods are controlled by multiple HPAs"), "Pods are con", "Keep one HPA"),
        (_says("FailedUpdateScale", "quota", "AbleToScale"), "Quota.", "why the target cannot be updated"),
        (
            _says("FailedGetPodsMetric", "cannot get: pods is forbidden"),
            "is forbidden",
            "read the API: bind a role",
        ),
        (_says("FailedGetPodsMetric", "no metrics"), "Now there are values", "Try again in 30 seconds"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    scaled: autoscaled.Cluster,
    run: hpas.Run,
    prepare: Callable[[autoscaled.Cluster], None],
    what: str,
    todo: str,
) -> None:
    prepare(scaled)
    result = run("checkout")
    assert result.exit_code == 1, result.output
    lines = result.output.splitlines()
    at = next((index for index, line in enumerate(lines) if "WRONG" in line and what in line), None)
    assert at is not None, result.output
    assert todo in lines[at + 1]
    assert lines[-1].endswith("wrong.")
