"""What a security review checks in the manifests."""

import copy
from pathlib import Path
from typing import Any

import pytest

from metrics_server.aggregate import named_metrics
from metrics_server.api import view as api_view
from metrics_server.api.autoscaling import groups
from metrics_server.api.smi import group as smi_group
from metrics_server.cluster import owners as cluster_owners
from metrics_server.model import kinds as model_kinds
from metrics_server.server import serving_certificate
from metrics_server.settings import settings
from metrics_server.splits import sources
from tests import marks
from tests.deploy import documented, judging, rendering

_OF_THE_SERVER = {"trafficmetrics", "trafficmetrics-fallback"}
"""The server's accounts."""
_EVERY_VIEWER = {f"rbac.authorization.k8s.io/aggregate-to-{who}" for who in ("view", "edit", "admin")}


@pytest.fixture(scope="module")
@marks.needs("packaged")
def everything(tmp_path_factory: pytest.TempPathFactory) -> list[rendering.Object]:
    """All objects that can be installed at once."""
    components = [name for name in rendering.COMPONENTS if name != "cert-manager"]
    return rendering.overlay(tmp_path_factory.mktemp("all") / "overlay", components=components)


@pytest.fixture(scope="module")
@marks.needs("packaged")
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


def test_every_container_says_what_it_needs_and_why_it_ended_and_can_be_looked_at(
    everything: list[rendering.Object],
) -> None:
    for _, pod in judging.pods(everything):
        for container in pod["containers"]:
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}
            assert set(container["resources"]["limits"]) == {"memory"}
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)
            assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"


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
    own, injected = (
        [one for one in objects if one["kind"] == "APIService"] for objects in (everything, with_cert_manager)
    )
    assert len(own) == len(injected) == 4
    assert all("insecureSkipTLSVerify" not in one["spec"] for one in (*own, *injected))
    reply = "cert-manager.io/inject-ca-from"
    assert all(reply not in one["metadata"]["annotations"] for one in own)
    assert {one["metadata"]["annotations"][reply] for one in injected} == {
        "trafficmetrics/trafficmetrics-serving"
    }


def test_what_is_registered_is_what_the_server_serves_and_keeps(everything: list[rendering.Object]) -> None:
    registered = {one["metadata"]["name"] for one in everything if one["kind"] == "APIService"}
    chosen = settings.load(prometheus="http://p", autoscaling=True)
    view = api_view.SnapshotReader(None, 30.0)  # type: ignore[arg-type]
    served = {f"{one.version}.{one.group}" for one in (smi_group.group(view), *groups.groups(view))}
    assert registered == served == set(serving_certificate.api_services(chosen))
    without = settings.load(prometheus="http://p")
    assert serving_certificate.api_services(without) == ("v1alpha1.metrics.smi-spec.io",)


def test_only_the_server_has_a_token(everything: list[rendering.Object]) -> None:
    having = {name for name, pod in judging.pods(everything) if pod["automountServiceAccountToken"]}
    assert having == {"Deployment/trafficmetrics"}
    accounts = [one for one in everything if one["kind"] == "ServiceAccount"]
    assert [one for one in accounts if one["automountServiceAccountToken"]] == []


def test_no_role_has_a_wildcard_but_that_for_metrics_only_another_adapter_knows(
    everything: list[rendering.Object],
) -> None:
    roles = [one for one in everything if one["kind"] in {"Role", "ClusterRole"}]
    parts = {
        (role["metadata"]["name"], part)
        for role in roles
        for right in judging.granted(role)
        for part in (*right[1:3], right[4])
    }
    assert {name for name, part in parts if "*" in part} == {"trafficmetrics-fallback"}


def test_the_servers_rights_are_those_on_the_page(everything: list[rendering.Object], tmp_path: Path) -> None:
    """The tables of docs/security.md, row by row."""
    bare = rendering.overlay(tmp_path / "bare", components=())
    assert judging.rights(bare, account="trafficmetrics") == documented.rights()
    more = documented.rights("rights with autoscaling-apis") | documented.rights("rights with splits")
    assert judging.rights(everything, account="trafficmetrics") == documented.rights() | more
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
    owners = {(resource.group, resource.plural) for resource in cluster_owners.RESOURCES}
    assert granted == owners | {(kind.group, kind.plural) for kind in sources.KINDS}


@pytest.mark.parametrize("source", ["gateway", "linkerd", "istio"])
@pytest.mark.go
@pytest.mark.usefixtures("helm")
def test_the_chart_gives_a_source_of_splits_its_own_rights_and_no_others(source: str) -> None:
    made = rendering.charted(values={f"splits.{source}": "true"})
    watched = {
        (group, resource)
        for _, group, resource, _, verb in judging.rights(made, account="trafficmetrics")
        if verb == "watch"
    }
    owners = {(resource.group, resource.plural) for resource in cluster_owners.RESOURCES}
    assert watched - owners == {(kind.group, kind.plural) for kind in sources.of({"smi", source})}
    (settled,) = [one for one in made if one["kind"] == "ConfigMap"]
    chosen = settings.load(prometheus="http://p", splits=settled["data"]["TRAFFIC_SPLITS"])
    assert chosen.split_sources == {"smi", source}


def test_another_adapter_is_asked_by_an_account_that_may_read_metrics_and_nothing_else(
    everything: list[rendering.Object],
) -> None:
    account = "trafficmetrics-fallback"
    assert judging.rights(everything, account=account) == documented.rights("rights to ask another adapter")
    assert judging.beyond(everything, account=account) == set()
    server = dict(judging.pods(everything))["Deployment/trafficmetrics"]
    (volume,) = (one for one in server["volumes"] if one["name"] == "fallback")
    shown = [source["secret"] for source in volume["projected"]["sources"] if "secret" in source]
    assert shown == [{"name": account, "items": [{"key": "token", "path": "token"}]}]


def test_the_dashboard_has_no_rights_and_the_scraper_one(everything: list[rendering.Object]) -> None:
    dashboard, scraper = (
        judging.rights(everything, account=f"trafficmetrics-{name}") for name in ("dashboard", "scraper")
    )
    assert dashboard == set()
    assert scraper == {("*", "", "/metrics", "*", "get")}


def test_the_roles_for_others_are_those_on_the_page(everything: list[rendering.Object]) -> None:
    made = {one["metadata"]["name"] for one in everything if one["kind"] == "ClusterRole"}
    of_the_server = {
        one["roleRef"]["name"]
        for one in everything
        if one["kind"].endswith("RoleBinding")
        and any(subject["name"] in _OF_THE_SERVER for subject in one["subjects"])
    }
    assert made - of_the_server == documented.roles()


def test_viewers_may_read_everything_that_is_served(everything: list[rendering.Object]) -> None:
    role = _role(everything, "trafficmetrics-view")
    assert _aggregated(role) == _EVERY_VIEWER
    group = smi_group.group(api_view.SnapshotReader(None, 30.0))  # type: ignore[arg-type]
    served = {(resource.plural, verb) for resource in group.resources for verb in ("get", "list")}
    served |= {
        (f"{resource.plural}/{sub.name}", "get")
        for resource in group.resources
        for sub in resource.subresources
    }
    assert _allowed(role) == served | {("edges", "list")}


def test_viewers_may_ask_as_autoscalers_do_for_what_they_may_read_anyway(
    everything: list[rendering.Object],
) -> None:
    role = _role(everything, "trafficmetrics-autoscaling-view")
    assert _aggregated(role) == _EVERY_VIEWER
    kinds = {name for kind in model_kinds.KINDS if kind.namespaced for name in (kind.plural, kind.qualified)}
    metrics = [one.name for one in named_metrics.MEASURES]
    allowed = {right[1:] for right in judging.granted(role)}
    assert allowed == {
        *(("custom.metrics.k8s.io", f"{kind}/{metric}", "*", "get") for kind in kinds for metric in metrics),
        *(("custom.metrics.k8s.io", "metrics", metric, "get") for metric in metrics),
        *(("external.metrics.k8s.io", metric, "*", "list") for metric in metrics),
    }


def test_viewers_of_edges_see_edges_alone(everything: list[rendering.Object]) -> None:
    allowed = _allowed(_role(everything, "trafficmetrics-edges-view"))
    of_everything = _allowed(_role(everything, "trafficmetrics-view"))
    assert allowed == {(resource, verb) for resource, verb in of_everything if "edges" in resource}


def _role(objects: list[rendering.Object], name: str) -> rendering.Object:
    return next(one for one in objects if one["kind"] == "ClusterRole" and one["metadata"]["name"] == name)


def _aggregated(role: rendering.Object) -> set[str]:
    return {label for label in role["metadata"]["labels"] if label.startswith("rbac.")}


def _allowed(role: rendering.Object) -> set[tuple[str, str]]:
    assert {right[1] for right in judging.granted(role)} == {"metrics.smi-spec.io"}
    return {(resource, verb) for _, _, resource, _, verb in judging.granted(role)}
