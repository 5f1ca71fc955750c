import base64
import datetime
import itertools
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from demo import blueprint, certificates, faults, kiosk, meshes, shop, sidecars
from demo.pods import containers, identity, manifests, printing, roll, secrets, surroundings

_SHIPPED = Path(__file__).resolve().parents[2] / "deploy/components/demo/demo.yaml"
_NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def environment(workload: blueprint.Name, *, pod: str) -> dict[str, str]:
    return {
        identity.WORKLOAD: str(workload),
        identity.NAME: pod,
        identity.ADDRESS: "10.1.2.3",
        identity.NODE: "node-x",
    }


def all_objects(mesh: str = meshes.SHOP) -> Iterator[Mapping[str, Any]]:
    return printing.everything(mesh=mesh, rate=25.0, scrape_interval=5.0)


def pod_specs() -> Iterator[Mapping[str, Any]]:
    for each in all_objects():
        if "template" in each.get("spec", {}):
            yield each["spec"]["template"]["spec"]


def test_what_is_shipped_is_what_the_command_prints() -> None:
    assert _SHIPPED.read_text() == printing.as_yaml(all_objects()), (
        "write it anew: python -m demo manifests >deploy/components/demo/demo.yaml"
    )


def test_each_workload_of_the_shop_has_an_object_of_its_kind() -> None:
    made = {(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in all_objects()}
    for workload in shop.SHOP.workloads:
        if workload.in_cluster:
            assert (workload.kind, workload.name.namespace, workload.name.name) in made
        else:
            assert ("Deployment", identity.MACHINES, workload.name.name) in made


def test_every_pod_is_within_pod_security_restricted() -> None:
    specs = list(pod_specs())
    assert len(specs) == len(shop.SHOP.workloads) + 2
    for spec in specs:
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            context = container["securityContext"]
            assert not context["allowPrivilegeEscalation"]
            assert context["readOnlyRootFilesystem"]
            assert context["capabilities"] == {"drop": ["ALL"]}


def test_only_prometheus_has_a_token_of_the_cluster() -> None:
    with_token = [spec for spec in pod_specs() if spec["automountServiceAccountToken"]]
    assert [spec["serviceAccountName"] for spec in with_token] == ["prometheus"]


def test_prometheus_may_watch_the_pods_of_the_shop_and_nothing_else() -> None:
    rules = [(o["metadata"]["namespace"], o["rules"]) for o in all_objects() if o["kind"] == "Role"]
    watch = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]
    assert rules == [("data", watch), ("shop", watch)]


def test_the_mesh_to_scale_is_scraped_in_its_own_namespace_and_has_its_own_load() -> None:
    made = list(all_objects("kiosk"))
    assert [o["metadata"]["namespace"] for o in made if o["kind"] == "Role"] == [kiosk.CHECKOUT.namespace]
    (desk,) = (o for o in made if (o["kind"], o["metadata"]["name"]) == ("Deployment", "desk"))
    (container,) = desk["spec"]["template"]["spec"]["containers"]
    assert "--mesh=kiosk" in container["command"]


def test_a_pod_can_be_left_out_by_a_label() -> None:
    (config,) = (
        yaml.safe_load(each["data"]["prometheus.yml"])
        for each in all_objects()
        if "prometheus.yml" in each.get("data", {})
    )
    (job,) = config["scrape_configs"]
    label, value = surroundings.UNSCRAPED
    rule = {"source_labels": [f"__meta_kubernetes_pod_label_{label}"], "regex": value, "action": "drop"}
    assert rule in job["relabel_configs"]


def test_no_secret_is_shipped() -> None:
    assert "Secret" not in {each["kind"] for each in all_objects()}
    assert "PRIVATE KEY" not in _SHIPPED.read_text()


def test_the_identities_are_those_that_the_pods_mount(tmp_path: Path) -> None:
    made = list(yaml.safe_load_all(printing.as_yaml(secrets.objects(shop.SHOP, now=_NOW))))
    found = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): each["data"]
        for each in made
        if each["kind"] == "Secret"
    }
    for workload in shop.SHOP.workloads:
        data = found[manifests.home(workload).namespace, containers.secret_name(workload.name)]
        files = certificates.Files(tmp_path)
        chain = base64.b64decode(data[files.chain(workload.name).name])
        extension = x509.load_pem_x509_certificate(chain).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        names = extension.value.get_values_for_type(x509.UniformResourceIdentifier)
        assert names == [certificates.spiffe_id(workload.name)]
        assert files.key(workload.name).name in data


@pytest.mark.packaged
def test_envoy_accepts_what_its_pod_mounts(tmp_path: Path) -> None:
    """All sidecars share one folder here: the files of each workload have different names."""
    files = certificates.Files(tmp_path)
    certificates.write(files, workloads=[workload.name for workload in shop.SHOP.workloads], now=_now())
    configs = [each["data"]["envoy.json"] for each in all_objects() if "envoy.json" in each.get("data", {})]
    assert len(configs) == len(shop.SHOP.workloads)
    for number, text in enumerate(configs):
        config = tmp_path / f"{number}.json"
        config.write_text(text.replace(str(identity.CERTIFICATES), str(tmp_path)))
        command = sidecars.command(config, program=str(sidecars.binary()))
        done = subprocess.run([*command, "--mode", "validate"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "Deprecated" not in done.stderr


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def test_only_a_pods_own_app_reaches_its_outbound_door_and_admin() -> None:
    (config,) = (
        json.loads(each["data"]["envoy.json"])
        for each in all_objects()
        if each["metadata"]["name"] == "cart-envoy"
    )
    listening = {
        listener["name"]: listener["address"]["socket_address"]["address"]
        for listener in config["static_resources"]["listeners"]
    }
    assert listening["outbound_8080"] == "127.0.0.1"
    assert listening["inbound_8080"] == "0.0.0.0"  # noqa: S104
    assert config["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"


def test_a_pod_knows_itself_by_its_environment() -> None:
    pod = identity.pod(environment(shop.DB, pod="db-1"))
    assert (pod.name, pod.ordinal, pod.address, pod.inside) == ("db-1", 1, "10.1.2.3", "127.0.0.1")


def test_a_machine_is_called_as_it_is_outside_kubernetes() -> None:
    pod = identity.pod(environment(shop.BILLING_VM, pod="billing-vm-5d4-x"))
    assert (pod.name, pod.node) == ("billing-vm", "")


@pytest.mark.parametrize(
    ("change", "says"),
    [({identity.WORKLOAD: "shop/nobody"}, "no workload shop/nobody"), ({}, "no POD_IP")],
)
def test_a_wrong_environment_is_refused_with_a_reason(change: dict[str, str], says: str) -> None:
    given = environment(shop.CART, pod="cart-1") | change
    if not change:
        del given[identity.ADDRESS]
    with pytest.raises(faults.DemoError, match=says):
        identity.pod(given)


def test_a_pod_is_on_the_roll_until_it_is_silent(clock: Clock) -> None:
    there = roll.Roll(shop.SHOP, clock=clock)
    said = roll.word(identity.pod(environment(shop.CART, pod="cart-1")))
    there.enter(roll.heard(said))
    assert [pod.name for pod in there.pods()] == ["cart-1"]
    clock.now += 60
    assert there.pods() == []


def test_a_pod_that_says_it_ends_is_on_the_roll_no_more(clock: Clock) -> None:
    there = roll.Roll(shop.SHOP, clock=clock)
    there.enter(identity.pod(environment(shop.CART, pod="cart-1")))
    there.leave("cart-1")
    there.leave("cart-2")
    assert there.pods() == []


def test_what_is_missing_is_named(clock: Clock) -> None:
    there = roll.Roll(shop.SHOP, clock=clock)
    assert str(shop.CART) in there.missing()
    for number in range(2):
        there.enter(roll.heard(roll.word(identity.pod(environment(shop.CART, pod=f"cart-{number}")))))
    assert str(shop.CART) not in there.missing()


def test_requests_take_the_gateways_by_turns_and_a_vanished_one_no_more(clock: Clock) -> None:
    there = roll.Roll(shop.SHOP, clock=clock)
    gateways = [identity.pod(environment(shop.GATEWAY, pod=f"gateway-{n}")) for n in range(2)]
    for pod in gateways:
        there.enter(pod)
    turns = there.gateways()
    assert {pod.name for pod in itertools.islice(turns, 4)} == {"gateway-0", "gateway-1"}
    clock.now += 60
    there.enter(gateways[0])
    assert {pod.name for pod in itertools.islice(turns, 4)} == {"gateway-0"}


def test_a_pod_that_does_not_say_who_it_is_is_refused() -> None:
    with pytest.raises(faults.DemoError, match="did not say its workload"):
        roll.heard({"name": "cart-1"})
