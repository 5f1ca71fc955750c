"""Every way to install creates the same objects."""

import itertools
import json
from pathlib import Path

import pytest

from tests.deploy import comparing, rendering
from tests.installed import manifests

pytestmark = [
    pytest.mark.go,
    pytest.mark.packaged,
    pytest.mark.timeout(3600),
    pytest.mark.usefixtures("helm"),
]

_NEEDED = {"autoscaling-fallback": "autoscaling-apis"}
"""Components that are useless without another one."""


def _choices() -> list[tuple[str, ...]]:
    """No component, each, each two, and all; with those that they need."""
    few = [chosen for count in range(3) for chosen in itertools.combinations(rendering.COMPONENTS, count)]
    complete = [(*chosen, *(_NEEDED[one] for one in chosen if one in _NEEDED)) for chosen in few]
    return [*dict.fromkeys(tuple(dict.fromkeys(chosen)) for chosen in complete), rendering.COMPONENTS]


@pytest.mark.parametrize("components", _choices(), ids="+".join)
def test_the_chart_makes_what_the_kustomization_makes(components: tuple[str, ...], tmp_path: Path) -> None:
    kustomized = comparing.by_key(rendering.overlay(tmp_path / "overlay", components=components))
    charted = comparing.by_key(rendering.charted(components=components))
    assert sorted(charted) == sorted(kustomized)
    for key, made in kustomized.items():
        assert charted[key] == made, key


def test_components_make_the_same_in_either_order(tmp_path: Path) -> None:
    forth = rendering.overlay(tmp_path / "forth", components=rendering.COMPONENTS)
    back = rendering.overlay(tmp_path / "back", components=rendering.COMPONENTS[::-1])
    assert comparing.by_key(forth) == comparing.by_key(back)


def test_the_flat_file_is_the_base() -> None:
    flat = rendering.objects(rendering.INSTALL.read_text())
    assert flat == rendering.kustomized(manifests.DEPLOY / "base"), "stale: run `make manifests`"


@pytest.mark.parametrize("name", ["prometheus-rule.yaml", "grafana.json"])
def test_the_chart_has_the_components_files(name: str) -> None:
    own = (rendering.CHART / "files" / name).read_bytes()
    assert own == (manifests.DEPLOY / "components" / "monitoring" / name).read_bytes(), (
        "stale: run `make manifests`"
    )


def test_a_release_of_another_name_elsewhere_speaks_of_itself_alone() -> None:
    made = rendering.charted(
        components=[name for name in rendering.COMPONENTS if name != "prometheus-auth"],
        release="mesh", namespace="observability",
    )  # fmt: skip
    for one in made:
        metadata = one["metadata"]
        assert metadata["labels"]["app.kubernetes.io/instance"] == "mesh"
        assert metadata.get("namespace", "observability") in {"observability", "kube-system"}
        if one["kind"] != "APIService":
            assert metadata["name"].startswith("mesh-trafficmetrics")
    found = comparing.by_key(made)
    server = found["Deployment", "observability", "mesh-trafficmetrics"]["spec"]["template"]["spec"]
    assert "--service=mesh-trafficmetrics.observability" in server["containers"][0]["args"]
    registrations = [one for one in made if one["kind"] == "APIService"]
    assert len(registrations) == 4
    for registration in registrations:
        assert registration["spec"]["service"] == {
            "name": "mesh-trafficmetrics",
            "namespace": "observability",
            "port": 443,
        }
    certificate = found["Certificate", "observability", "mesh-trafficmetrics-serving"]["spec"]
    assert certificate["dnsNames"][0] == "mesh-trafficmetrics.observability.svc"
    rules = json.dumps(found["PrometheusRule", "observability", "mesh-trafficmetrics"]["spec"])
    board = found["ConfigMap", "observability", "mesh-trafficmetrics-grafana"]["data"]["trafficmetrics.json"]
    for text in (rules, json.dumps(json.loads(board))):
        assert 'job=\\"mesh-trafficmetrics\\"' in text
        assert 'job=\\"trafficmetrics\\"' not in text
