"""Every object meets Kubernetes' own schemas, and the programs that use it can read it."""

import json
from pathlib import Path
from typing import Any

import kubernetes_validate
import promql_parser
import pytest

from tests.deploy import definitions, rendering
from tests.installed import manifests

pytestmark = [
    pytest.mark.go,
    pytest.mark.packaged,
    pytest.mark.timeout(3600),
    pytest.mark.usefixtures("helm"),
]

_VERSIONS = ("1.35", "1.37")
"""The oldest and the newest version with schemas in the package."""


@pytest.mark.parametrize("version", _VERSIONS)
def test_every_object_meets_the_schema_of(version: str, tmp_path: Path) -> None:
    """With all components, and with none, because that of cert-manager removes objects. `test_taken` covers
    objects of foreign kinds, with a kube-apiserver that has these.
    """
    every = rendering.overlay(tmp_path / "overlay", components=rendering.COMPONENTS)
    seen = 0
    for made in (*every, *rendering.charted()):
        if made["apiVersion"] in definitions.FOREIGN:
            continue
        kubernetes_validate.validate(made, version, strict=True)
        seen += 1
    assert seen > 30


def test_the_validation_sees_a_misspelt_field() -> None:
    made = next(one for one in rendering.charted() if one["kind"] == "Deployment")
    made["spec"]["replica"] = 1
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(made, _VERSIONS[0], strict=True)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"prometheus__adress": "http://p"}, "adress"),
        ({"replicas": "2"}, "replicas"),
        ({"dashbord__enabled": "true"}, "dashbord"),
        ({"settings__windows": "30"}, "windows"),
        ({"settings__refresh": "0.5s"}, "/settings/refresh"),
        ({"image__tag": "latest"}, "tag"),
        ({"policy__configMap": "My_Policy"}, "configMap"),
        ({"ha__replicas": "1"}, "minimum"),
        ({"ha__enabled": "yes"}, "ha/enabled"),
        ({"prometheus__url": "prometheus:9090"}, "url"),
        ({"prometheus__url": "http://name:word@p"}, "url"),
        ({"resources__limits__memory": "512MB"}, "memory"),
        ({}, "say where Prometheus is"),
        ({"prometheus__url": "http://p", "prometheus__secret__token": "t"}, "prometheus.secret.name"),
        ({"autoscaling__fallback__service": "https://adapter"}, "service"),
        (
            {"prometheus__url": "http://p", "autoscaling__fallback__service": "adapter.monitoring"},
            "it needs autoscaling.enabled=true",
        ),
        (
            {
                "prometheus__url": "http://p",
                "autoscaling__enabled": "true",
                "autoscaling__fallback__service": "adapter.monitoring",
            },
            "autoscaling.fallback.configMap",
        ),
    ],
)
def test_the_chart_refuses(values: dict[str, str], complaint: str) -> None:
    assert complaint in (rendering.refused(**values) or "it was accepted")


def test_seconds_of_the_chart_may_have_a_fraction() -> None:
    """Helm converts only whole numbers of `--set` to numbers."""
    made = rendering.charted(values={"settings.refresh": "0.5", "settings.window": "60"})
    (settled,) = [one for one in made if one["kind"] == "ConfigMap"]
    assert (settled["data"]["TRAFFIC_REFRESH"], settled["data"]["TRAFFIC_WINDOW"]) == ("0.5", "60")


def test_external_metrics_can_be_left_to_somebody_else() -> None:
    """Then the server has no right to their registration."""
    made = rendering.charted(components=["autoscaling-apis"], values={"autoscaling.external": "false"})
    assert {one["metadata"]["name"] for one in made if one["kind"] == "APIService"} == {
        "v1alpha1.metrics.smi-spec.io",
        "v1beta1.custom.metrics.k8s.io",
        "v1beta2.custom.metrics.k8s.io",
    }
    assert not [one for one in made if "v1beta1.external.metrics.k8s.io" in str(one)]


def test_the_chart_is_told_several_meshes_as_the_server_is() -> None:
    """Helm needs a backslash before the comma between them."""
    made = rendering.charted(values={"profile": r"auto\,-envoy\,/etc/trafficmetrics/policy/toy.yaml"})
    (settings,) = (one["data"] for one in made if one["kind"] == "ConfigMap")
    assert settings["TRAFFIC_PROFILE"] == "auto,-envoy,/etc/trafficmetrics/policy/toy.yaml"


def test_the_chart_takes_every_setting_of_the_server() -> None:
    values = {"settings.window": "60", "settings.staleAfter": "120", "settings.accessLog": "false"}
    made = next(one for one in rendering.charted(values=values) if one["kind"] == "ConfigMap")
    assert made["data"] == {
        "TRAFFIC_PROMETHEUS": rendering.PROMETHEUS,
        "TRAFFIC_PROFILE": "auto",
        "TRAFFIC_WINDOW": "60",
        "TRAFFIC_STALE_AFTER": "120",
        "TRAFFIC_ACCESS_LOG": "false",
    }


def test_the_chart_takes_a_selector_and_parameters_of_the_url() -> None:
    url = "http://vm:8481/select/0/prometheus?extra_label=env=live"
    values = {"prometheus.selector": r'cluster="eu"\,env!~"test|dev"', "prometheus.url": url}
    made = next(one for one in rendering.charted(values=values) if one["kind"] == "ConfigMap")
    assert made["data"]["TRAFFIC_PROMETHEUS_SELECTOR"] == 'cluster="eu",env!~"test|dev"'
    assert made["data"]["TRAFFIC_PROMETHEUS"] == url


def _expressions() -> list[str]:
    made = rendering.charted(components=["monitoring"])
    rules = next(one for one in made if one["kind"] == "PrometheusRule")["spec"]["groups"]
    board = next(one for one in made if one["metadata"]["name"] == "trafficmetrics-grafana")
    panels: list[dict[str, Any]] = json.loads(board["data"]["trafficmetrics.json"])["panels"]
    return [
        *(rule["expr"] for group in rules for rule in group["rules"]),
        *(
            target["expr"].replace("$__rate_interval", "5m")
            for panel in panels
            for target in panel["targets"]
        ),
    ]


def test_alerts_and_panels_are_promql() -> None:
    expressions = _expressions()
    assert len(expressions) > 16
    for expression in expressions:
        promql_parser.parse(expression)


def test_an_overlay_takes_a_selector(tmp_path: Path) -> None:
    selector = 'cluster="eu",env!~"test|dev"'
    folder = manifests.overlay(tmp_path / "overlay", settings={"TRAFFIC_PROMETHEUS_SELECTOR": selector})
    made = next(one for one in rendering.kustomized(folder) if one["kind"] == "ConfigMap")
    assert made["data"]["TRAFFIC_PROMETHEUS_SELECTOR"] == selector
