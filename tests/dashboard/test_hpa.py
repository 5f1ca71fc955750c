"""`kubectl traffic hpa` says what an HPA gets, and whoever reads it at night knows what to do."""

import contextlib
import datetime as dt
import json
import pathlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import click.testing
import pytest
import syrupy.assertion

from dashboard.client import cluster, connection, kubeconfig
from dashboard.scaling import inquiry
from dashboard.terminal import __main__ as terminal
from tests.fakes import autoscaled

_RPS, _P99 = "requests_per_second", "p99_response_latency"
_OF_SERVICE = f"/apis/{autoscaled.CUSTOM}/v1beta2/namespaces/shop/services/checkout"
_OF_EDGE = f"/apis/{autoscaled.EXTERNAL}/v1beta1/namespaces/shop/{_RPS}"
_EDGE = autoscaled.external_metric(_RPS, target="5", **{"from": "frontend", "to": "checkout"})
Run = Callable[..., click.testing.Result]


@pytest.fixture
def fake() -> Iterator[autoscaled.Cluster]:
    with autoscaled.Cluster() as running:
        yield running


@pytest.fixture
def run(fake: autoscaled.Cluster, tmp_path: pathlib.Path) -> Run:
    """The command, as a person types it."""
    kubeconfig = str(fake.kubeconfig(tmp_path / "config"))

    def typed(*arguments: str) -> click.testing.Result:
        return click.testing.CliRunner().invoke(
            terminal.commands,
            ["hpa", *arguments, "--kubeconfig", kubeconfig],
            prog_name="kubectl traffic",
        )

    return typed


def _without_ages(text: str) -> str:
    return re.sub(r"\b\d+s old", "4s old", text)


def _answered(fake: autoscaled.Cluster) -> None:
    """Figures for the three metrics of a busy checkout."""
    values = {"checkout-a": "12400m", "checkout-b": "11", "checkout-c": "13100m"}
    fake.values(f"{autoscaled.OF_PODS}/{_RPS}", values)
    fake.values(f"{_OF_SERVICE}/{_P99}", {"checkout": "84200u"})
    fake.values(_OF_EDGE, {"": "8"}, window=60)


def _well(fake: autoscaled.Cluster) -> None:
    fake.hpa(
        autoscaled.pods_metric(_RPS, target="8", matchLabels={"window": "10s"}),
        autoscaled.object_metric(_P99, target="200m"),
        _EDGE,
        autoscaled.cpu_metric(70),
        seen=(
            *({"type": ""},) * 3,
            {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 45}}},
        ),
    )
    _answered(fake)


def _broken(fake: autoscaled.Cluster) -> None:
    unable = "the HPA was unable to compute the replica count: unable to get metric requests_per_secnd"
    fake.hpa(
        autoscaled.pods_metric("requests_per_secnd", target="8"),
        autoscaled.object_metric(_P99, target="200"),
        name="broken",
        conditions=(
            ("AbleToScale", "True", "SucceededGetScale", "the HPA controller was able to get the scale"),
            ("ScalingActive", "False", "FailedGetPodsMetric", unable),
        ),
    )
    told = (
        "the server could not find the metric requests_per_secnd for pods: did you mean requests_per_second?"
    )
    fake.refuse(f"{autoscaled.OF_PODS}/requests_per_secnd", 404, told)


@pytest.mark.parametrize(
    "arguments", [("checkout",), ("broken",), (), ("-A",)], ids=lambda given: "_".join(given) or "plain"
)
def test_the_text_is_the_one_that_was_reviewed(
    fake: autoscaled.Cluster,
    run: Run,
    arguments: tuple[str, ...],
    snapshot: syrupy.assertion.SnapshotAssertion,
) -> None:
    _well(fake)
    _broken(fake)
    result = run(*arguments)
    assert result.exit_code == (0 if arguments == ("checkout",) else 1)
    assert _without_ages(result.output) == snapshot


def test_programs_get_the_same_as_numbers(fake: autoscaled.Cluster, run: Run) -> None:
    _well(fake)
    (told,) = json.loads(run("-o", "json").stdout)
    assert (told["replicas"], told["wanted"], told["well"]) == (3, 5, True)
    by_type = {metric["type"]: metric for metric in told["metrics"]}
    assert {sort: metric["replicas"] for sort, metric in by_type.items()} == {
        "Pods": 5,
        "Object": 2,
        "External": 2,
        "Resource": 2,
    }
    assert by_type["Object"]["value"] == 0.085
    assert by_type["Object"]["figures"][0]["value"] == 0.0842
    assert by_type["External"]["asked"] == f"{_OF_EDGE}?labelSelector=from%3Dfrontend%2Cto%3Dcheckout"
    assert by_type["External"]["server"] == "trafficmetrics/trafficmetrics"
    assert by_type["Resource"]["asked"] is None


def test_what_is_asked_is_what_the_hpa_controller_asks(fake: autoscaled.Cluster, run: Run) -> None:
    fake.hpa(
        autoscaled.pods_metric(_RPS, target="8"),
        autoscaled.object_metric(_P99, target="1", of="apps/v1/Deployment/checkout"),
        autoscaled.object_metric(_RPS, target="1", of="v1/Namespace/other", sort="AverageValue"),
        _EDGE,
    )
    fake.serve(autoscaled.CUSTOM, "v1beta1")
    assert run("checkout").exit_code == 1
    custom = f"/apis/{autoscaled.CUSTOM}/v1beta1/namespaces/shop"
    assert [path for path in fake.asked if "metrics.k8s.io/v1beta1/" in path] == [
        f"{custom}/pods/%2A/{_RPS}?labelSelector=app%3Dcheckout",
        f"{custom}/deployments.apps/checkout/{_P99}",
        f"{custom}/metrics/{_RPS}",
        f"{_OF_EDGE}?labelSelector=from%3Dfrontend%2Cto%3Dcheckout",
    ]


def _pods_of_an_hpa(fake: autoscaled.Cluster) -> str:
    fake.hpa(autoscaled.pods_metric(_RPS, target="8"))
    return f"{autoscaled.OF_PODS}/{_RPS}"


def _nobody(fake: autoscaled.Cluster) -> None:
    _pods_of_an_hpa(fake)
    del fake.documents[f"/apis/{autoscaled.CUSTOM}"]


def _foreign(fake: autoscaled.Cluster) -> None:
    path = _pods_of_an_hpa(fake)
    fake.serve(autoscaled.CUSTOM, "v1beta1", service="monitoring/prometheus-adapter")
    told = f"the server could not find the metric {_RPS} for pods"
    fake.refuse(path.replace("v1beta2", "v1beta1"), 404, told)


def _away(fake: autoscaled.Cluster) -> None:
    fake.refuse(_pods_of_an_hpa(fake), 503, "")
    fake.register("v1beta2", autoscaled.CUSTOM, failing="no response from https://10.0.0.7:8443")


def _stale_server(fake: autoscaled.Cluster) -> None:
    fake.refuse(_pods_of_an_hpa(fake), 503, "the newest scrape is 4m old: Prometheus is not scraping")


def _stale_figures(fake: autoscaled.Cluster) -> None:
    fake.values(
        _pods_of_an_hpa(fake), dict.fromkeys(("checkout-a", "checkout-b", "checkout-c"), "8"), age=300
    )


def _forbidden(fake: autoscaled.Cluster) -> None:
    fake.refuse(_pods_of_an_hpa(fake), 403, f'pods.custom.metrics.k8s.io "*" is forbidden: User "ann" {_RPS}')


def _bad_selector(fake: autoscaled.Cluster) -> None:
    fake.hpa(_EDGE)
    fake.refuse(_OF_EDGE, 400, "unknown label form; known are from, to, window")


def _foreign_edge(fake: autoscaled.Cluster) -> None:
    fake.hpa(_EDGE)
    fake.refuse(_OF_EDGE, 403, "an external metric of namespace shop has an end in it, and neither has db")


def _idle(fake: autoscaled.Cluster) -> None:
    fake.hpa(autoscaled.object_metric(_P99, target="200m"))
    told = f'services "checkout" has no {_P99}: no requests in the last 30s'
    fake.refuse(f"{_OF_SERVICE}/{_P99}", 404, told)


def _empty(fake: autoscaled.Cluster) -> None:
    fake.values(_pods_of_an_hpa(fake), {})


def _unscraped(fake: autoscaled.Cluster) -> None:
    fake.values(_pods_of_an_hpa(fake), {"checkout-a": "20", "checkout-b": "20"})


def _cpu_lost(fake: autoscaled.Cluster) -> None:
    valid = ("ScalingActive", "True", "ValidMetricFound", "the HPA was able to calculate a replica count")
    fake.hpa(autoscaled.pods_metric(_RPS, target="12"), autoscaled.cpu_metric(70), conditions=(valid,))
    _answered(fake)


def _two_items(fake: autoscaled.Cluster) -> None:
    fake.hpa(autoscaled.object_metric(_P99, target="200m"))
    fake.values(f"{_OF_SERVICE}/{_P99}", {"checkout": "1", "cart": "2"})


def _no_target(fake: autoscaled.Cluster) -> None:
    fake.hpa(autoscaled.pods_metric(_RPS, target="8"), target="chekout")
    path = autoscaled.SCALE.replace("checkout", "chekout")
    fake.refuse(path, 404, 'deployments.apps "chekout" not found')


def _no_api_version(fake: autoscaled.Cluster) -> None:
    fake.hpa(autoscaled.object_metric(_P99, target="200m", of="/Deployment/checkout"))


def _no_selector(fake: autoscaled.Cluster) -> None:
    _pods_of_an_hpa(fake)
    fake.scale(3, selector="")


def _at_the_limit(fake: autoscaled.Cluster) -> None:
    _answered(fake)
    fake.hpa(autoscaled.pods_metric(_RPS, target="1"))


def _with_target(metric: autoscaled.Document) -> Callable[[autoscaled.Cluster], None]:
    def prepare(fake: autoscaled.Cluster) -> None:
        fake.hpa(metric)

    return prepare


def _says(reason: str, message: str, sort: str = "ScalingActive") -> Callable[[autoscaled.Cluster], None]:
    def prepare(fake: autoscaled.Cluster) -> None:
        _answered(fake)
        fake.hpa(autoscaled.pods_metric(_RPS, target="8"), conditions=((sort, "False", reason, message),))

    return prepare


@pytest.mark.parametrize(
    ("prepare", "what", "todo"),
    [
        (_nobody, "Nobody serves custom.metrics.k8s.io in this cluster", "docs/autoscaling.md"),
        (_foreign, "belongs to monitoring/prometheus-adapter here", "“One owner” in docs/autoscaling.md"),
        (_away, "which does not answer (FailedDiscoveryCheck: no resp", "kubectl get pods -n trafficmetrics"),
        (_stale_server, "the newest scrape is 4m old", "the HPA keeps its replicas"),
        (_stale_figures, "The figures are 5m old, and an HPA does not look at that", "gets no newer"),
        (_forbidden, 'is forbidden: User "ann"', "This is about you, not about the HPA"),
        (_bad_selector, "known are from, to, window", "Correct metric.selector"),
        (_foreign_edge, "has an end in it, and neither has db", "Correct metric.selector"),
        (_idle, "no requests in the last 30s", "Until that changes, the HPA keeps its replicas"),
        (_empty, "No metrics returned from custom.metrics.k8s.io", "the HPA keeps its replicas"),
        (_unscraped, "No figures for 1 of 3 pods: checkout-c; counted as idle", "not scraped"),
        (_cpu_lost, "the HPA had no value of it at its last look", "kubectl top pods"),
        (_two_items, "2 figures came where the HPA wants exactly one", "the HPA keeps its replicas"),
        (_no_target, 'is not known: deployments.apps "chekout" not found', "Correct spec.scaleTargetRef"),
        (_no_api_version, "no kind Deployment in v1, which is what an empty", "Correct describedObject"),
        (_no_selector, "names no selector", "scale subresource"),
        (_at_the_limit, "37 replicas are wanted, and maxReplicas is 10", "Raise maxReplicas"),
        (
            _with_target(autoscaled.object_metric(_P99, target="200")),
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
            "adds them when all is well and takes them away during failures",
            "Scale on requests_per_second",
        ),
        (
            _with_target(autoscaled.object_metric(_RPS, target="100")),
            "does not fall when pods are added",
            "Use type AverageValue",
        ),
        (
            _with_target(autoscaled.object_metric(_P99, target="200m", sort="AverageValue")),
            "divides one latency by the number of pods",
            "Use type Value",
        ),
        (_says("AmbiguousSelector", "pods are controlled by multiple HPAs"), "Pods are con", "Keep one HPA"),
        (_says("FailedUpdateScale", "quota", "AbleToScale"), "Quota.", "why the target cannot be written"),
        (_says("FailedGetPodsMetric", "cannot get: pods is forbidden"), "is forbidden", "give system:serv"),
        (_says("FailedGetPodsMetric", "no metrics"), "now there are some", "Ask again in 30 seconds"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    fake: autoscaled.Cluster,
    run: Run,
    prepare: Callable[[autoscaled.Cluster], None],
    what: str,
    todo: str,
) -> None:
    prepare(fake)
    result = run("checkout")
    assert result.exit_code == 1, result.output
    lines = result.output.splitlines()
    at = next((index for index, line in enumerate(lines) if "WRONG" in line and what in line), None)
    assert at is not None, result.output
    assert todo in lines[at + 1]
    assert lines[-1].endswith("wrong.")


def _young(fake: autoscaled.Cluster) -> None:
    fake.values(_pods_of_an_hpa(fake), {"checkout-a": "8", "checkout-b": "8"})
    fake.pods(("checkout-a", "checkout-b", "checkout-c"), started=dt.datetime.now(dt.UTC))


def _off(fake: autoscaled.Cluster) -> None:
    fake.scale(0)
    fake.hpa(
        autoscaled.object_metric(_P99, target="200m"),
        conditions=(("ScalingActive", "False", "ScalingDisabled", "the replica count is zero"),),
    )
    _answered(fake)


def _unseen(fake: autoscaled.Cluster) -> None:
    fake.hpa(autoscaled.pods_metric(_RPS, target="12"), conditions=())
    _answered(fake)


def _without_pods(fake: autoscaled.Cluster) -> None:
    _answered(fake)
    fake.hpa(autoscaled.pods_metric(_RPS, target="12"))
    fake.refuse(autoscaled.PODS, 403, 'pods is forbidden: User "ann" cannot list resource "pods"')


def _less(fake: autoscaled.Cluster) -> None:
    _answered(fake)
    fake.hpa(autoscaled.pods_metric(_RPS, target="20"))


def _held_down(fake: autoscaled.Cluster) -> None:
    _answered(fake)
    behavior = {"scaleDown": {"selectPolicy": "Disabled"}}
    fake.hpa(autoscaled.pods_metric(_RPS, target="20"), behavior=behavior)


def _cpu_unasked(fake: autoscaled.Cluster) -> None:
    fake.hpa(autoscaled.pods_metric(_RPS, target="12"), autoscaled.cpu_metric(70), conditions=())
    _answered(fake)


def _tiny(fake: autoscaled.Cluster) -> None:
    _pods_of_an_hpa(fake)
    fake.hpa(autoscaled.pods_metric(_RPS, target="500m"), maximum=100)
    _answered(fake)


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
    fake: autoscaled.Cluster, run: Run, prepare: Callable[[autoscaled.Cluster], None], words: str
) -> None:
    prepare(fake)
    result = run("checkout")
    assert words in result.output
    assert result.exit_code == 0, result.output


def test_one_metric_that_is_known_still_adds_pods(fake: autoscaled.Cluster, run: Run) -> None:
    _answered(fake)
    fake.hpa(autoscaled.pods_metric(_RPS, target="8"), autoscaled.object_metric("p50_latency", target="1"))
    told = run("checkout").output
    assert "has 3 replicas and should have 5" in told
    assert "While a metric is unknown, the HPA adds pods but takes none away." in told


def test_one_metric_that_hangs_does_not_hide_the_others(
    fake: autoscaled.Cluster, tmp_path: pathlib.Path
) -> None:
    fake.hpa(autoscaled.pods_metric(_RPS, target="8"), autoscaled.object_metric(_P99, target="200m"))
    _answered(fake)
    fake.hanging = {f"{_OF_SERVICE}/{_P99}"}
    context = kubeconfig.load([fake.kubeconfig(tmp_path / "config")])
    impatient = cluster.Cluster(connection.Connection(context, timeouts=(2.0, 0.2)))
    with contextlib.closing(impatient) as source:
        found = inquiry.Inquiry(source).examine(source.hpa("shop", "checkout"))
    assert found.decision is not None
    assert found.decision.replicas == 5
    (wrong,) = found.wrong
    assert "is served by trafficmetrics/trafficmetrics, which does not answer" in wrong.what


def test_an_hpa_that_is_not_there_is_one_sentence(fake: autoscaled.Cluster, run: Run) -> None:
    fake.refuse(f"{autoscaled.HPAS}/x", 404, 'horizontalpodautoscalers.autoscaling "x" not found')
    result = run("x")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: There is no HorizontalPodAutoscaler x in namespace shop.")
    assert result.stderr.count("\n") == 1


def test_a_server_on_its_own_says_that_it_has_no_hpas(run: Run) -> None:
    result = run()
    assert result.exit_code == 1
    assert "A TrafficMetrics server on its own has none" in result.stderr


def test_a_namespace_without_hpas_is_said_beside_the_output(fake: autoscaled.Cluster, run: Run) -> None:
    fake.documents[autoscaled.HPAS] = (200, {"items": []})
    result = run()
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "No HorizontalPodAutoscalers found in shop namespace.\n"


def test_a_credential_that_is_not_accepted_ends_it(fake: autoscaled.Cluster, run: Run) -> None:
    fake.token = "another"
    result = run("checkout")
    assert result.exit_code == 1
    assert "does not accept the credential" in result.stderr


@pytest.mark.parametrize("arguments", [("-A", "-n", "shop"), ("checkout", "-A"), ("-o", "yaml")])
def test_wrong_usage_is_exit_code_two(run: Run, arguments: Any) -> None:
    assert run(*arguments).exit_code == 2
