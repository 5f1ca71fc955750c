"""What a security review looks for in the manifests."""

import copy
from typing import Any

import pytest

from metrics_server import cluster
from metrics_server.views import sight, traffic
from tests.deploy import documented, judging, rendering


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> list[rendering.Object]:
    """All that can be installed at once."""
    components = [name for name in rendering.COMPONENTS if name != "cert-manager"]
    return rendering.overlay(tmp_path_factory.mktemp("all") / "overlay", components=components)


@pytest.fixture(scope="module")
def with_cert_manager(tmp_path_factory: pytest.TempPathFactory) -> list[rendering.Object]:
    return rendering.overlay(
        tmp_path_factory.mktemp("certificates") / "overlay", components=rendering.COMPONENTS
    )


def test_every_pod_is_restricted(
    everything: list[rendering.Object], with_cert_manager: list[rendering.Object]
) -> None:
    seen = list(judging.pods([*everything, *with_cert_manager]))
    assert {name for name, _ in seen} == {"Deployment/trafficmetrics", "Deployment/trafficmetrics-dashboard"}
    assert {name: judging.unrestricted(pod) for name, pod in seen if judging.unrestricted(pod)} == {}


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("runAsNonRoot", False, "server: may run as root"),
        ("runAsUser", 0, "server: may run as root"),
        ("capabilities", {"drop": ["ALL"], "add": ["NET_ADMIN"]}, "server: keeps capabilities"),
        ("privileged", True, "server: is privileged"),
        ("readOnlyRootFilesystem", False, "server: can write its root"),
        ("allowPrivilegeEscalation", None, "server: may become more than it is"),
        ("seccompProfile", {"type": "Unconfined"}, "server: has no seccomp profile"),
    ],
)
def test_the_check_itself_sees_a_pod_that_is_not(
    everything: list[rendering.Object], field: str, value: Any, fault: str
) -> None:
    pod = copy.deepcopy(dict(judging.pods(everything))["Deployment/trafficmetrics"])
    pod["containers"][0]["securityContext"][field] = value
    assert judging.unrestricted(pod) == [fault]


def test_every_container_says_what_it_needs_and_can_be_looked_at(everything: list[rendering.Object]) -> None:
    for _, pod in judging.pods(everything):
        for container in pod["containers"]:
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}
            assert set(container["resources"]["limits"]) == {"memory"}
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)


def test_no_image_is_the_latest(everything: list[rendering.Object]) -> None:
    images = {container["image"] for _, pod in judging.pods(everything) for container in pod["containers"]}
    assert images == {"trafficmetrics:0.1.0"}


def test_no_secret_is_shipped(everything: list[rendering.Object]) -> None:
    secrets = [one for one in everything if one["kind"] == "Secret"]
    assert secrets
    assert [one for one in secrets if one.get("data") or one.get("stringData")] == []


def test_the_kube_apiserver_always_verifies_the_certificate(
    everything: list[rendering.Object], with_cert_manager: list[rendering.Object]
) -> None:
    found = [one for one in (*everything, *with_cert_manager) if one["kind"] == "APIService"]
    assert len(found) == 2
    assert all("insecureSkipTLSVerify" not in one["spec"] for one in found)
    assert found[1]["metadata"]["annotations"]["cert-manager.io/inject-ca-from"]


def test_only_the_server_has_a_token(everything: list[rendering.Object]) -> None:
    having = {name for name, pod in judging.pods(everything) if pod["automountServiceAccountToken"]}
    assert having == {"Deployment/trafficmetrics"}
    accounts = [one for one in everything if one["kind"] == "ServiceAccount"]
    assert [one for one in accounts if one["automountServiceAccountToken"]] == []


def test_no_role_has_a_wildcard(everything: list[rendering.Object]) -> None:
    roles = [one for one in everything if one["kind"] in {"Role", "ClusterRole"}]
    parts = {part for role in roles for right in judging.granted(role) for part in (*right[1:3], right[4])}
    assert not any("*" in part for part in parts)


def test_the_servers_rights_are_those_on_the_page(everything: list[rendering.Object]) -> None:
    """The table of docs/security.md, row by row."""
    assert judging.rights(everything, account="trafficmetrics") == documented.rights()
    assert judging.beyond(everything, account="trafficmetrics") == {
        "system:auth-delegator",
        "extension-apiserver-authentication-reader",
    }


def test_with_cert_manager_the_server_may_change_nothing(with_cert_manager: list[rendering.Object]) -> None:
    verbs = {right[4] for right in judging.rights(with_cert_manager, account="trafficmetrics")}
    assert verbs == {"list", "watch"}


def test_the_server_may_watch_what_it_watches_and_nothing_else(everything: list[rendering.Object]) -> None:
    granted = {
        (group, resource)
        for _, group, resource, _, verb in judging.rights(everything, account="trafficmetrics")
        if verb == "watch"
    }
    assert granted == {(resource.group, resource.plural) for resource in cluster.RESOURCES}


def test_the_dashboard_has_no_rights_and_the_scraper_one(everything: list[rendering.Object]) -> None:
    dashboard, scraper = (
        judging.rights(everything, account=f"trafficmetrics-{name}") for name in ("dashboard", "scraper")
    )
    assert dashboard == set()
    assert scraper == {("*", "", "/metrics", "*", "get")}


def test_viewers_may_read_everything_that_is_served(everything: list[rendering.Object]) -> None:
    role = _role(everything, "trafficmetrics-view")
    aggregated = {label for label in role["metadata"]["labels"] if label.startswith("rbac.")}
    assert aggregated == {
        f"rbac.authorization.k8s.io/aggregate-to-{who}" for who in ("view", "edit", "admin")
    }
    group = traffic.group(sight.View(None, 30.0))  # type: ignore[arg-type]
    served = {(resource.plural, verb) for resource in group.resources for verb in ("get", "list")}
    served |= {
        (f"{resource.plural}/{sub.name}", "get")
        for resource in group.resources
        for sub in resource.subresources
    }
    assert _allowed(role) == served | {("edges", "list")}


def test_viewers_of_edges_see_edges_alone(everything: list[rendering.Object]) -> None:
    allowed = _allowed(_role(everything, "trafficmetrics-edges-view"))
    of_everything = _allowed(_role(everything, "trafficmetrics-view"))
    assert allowed == {(resource, verb) for resource, verb in of_everything if "edges" in resource}


def _role(objects: list[rendering.Object], name: str) -> rendering.Object:
    return next(one for one in objects if one["kind"] == "ClusterRole" and one["metadata"]["name"] == name)


def _allowed(role: rendering.Object) -> set[tuple[str, str]]:
    assert {right[1] for right in judging.granted(role)} == {"metrics.smi-spec.io"}
    return {(resource, verb) for _, _, resource, _, verb in judging.granted(role)}
