"""The configuration files of a cluster's programs."""

import json
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.cluster import build, certificates, configurations, control_plane, images, places

_FILES = certificates.Files(Path("/pki"))


def _plane(*, nodes: bool) -> control_plane.ControlPlane:
    place = places.place("tm", nodes=nodes)
    return control_plane.ControlPlane(place, places.Folder(Path("/state")), _FILES, Path("/kubernetes"))


def _flags(command: list[str]) -> dict[str, str]:
    return dict(flag.removeprefix("--").split("=", 1) for flag in command[2:])


@pytest.mark.parametrize("nodes", [True, False])
def test_the_front_proxy_is_known_by_an_authority_of_its_own(nodes: bool) -> None:
    flags = _flags(_plane(nodes=nodes).apiserver())

    assert flags["requestheader-client-ca-file"] == "/pki/front-proxy-ca.crt"
    assert flags["requestheader-allowed-names"] == "front-proxy-client"
    assert flags["proxy-client-cert-file"] == "/pki/front-proxy.crt"
    assert flags["client-ca-file"] == "/pki/ca.crt"


def test_nodes_and_roles_decide_who_may_what() -> None:
    assert _flags(_plane(nodes=True).apiserver())["authorization-mode"] == "Node,RBAC"


def test_loopback_addresses_are_no_endpoints() -> None:
    name = "endpoint-reconciler-type"

    assert _flags(_plane(nodes=False).apiserver())[name] == "none"
    assert name not in _flags(_plane(nodes=True).apiserver())


def test_autoscaling_is_fast_enough_to_wait_for() -> None:
    flags = _flags(_plane(nodes=False).controllers())

    assert flags["horizontal-pod-autoscaler-sync-period"] == "2s"
    assert flags["horizontal-pod-autoscaler-downscale-stabilization"] == "1s"


def test_etcd_answers_only_those_it_can_name() -> None:
    flags = _flags(_plane(nodes=True).etcd())

    assert flags["client-cert-auth"] == "true"
    assert flags["listen-client-urls"].startswith("https://")
    assert flags["trusted-ca-file"] == "/pki/etcd-ca.crt"


def test_the_kubelet_keeps_pods_in_the_groups_that_are_removed_with_the_cluster() -> None:
    place = places.place("tm", nodes=True)

    reply = configurations.kubelet(place, files=_FILES)

    assert reply["cgroupRoot"] == f"/{place.cgroup}"
    assert reply["clusterDNS"] == [place.dns]
    assert reply["authentication"]["anonymous"] == {"enabled": False}


def test_containerd_finds_the_pause_image_that_is_built_here() -> None:
    reply = tomllib.loads(configurations.containerd(plugins="/net.d"))["plugins"]["io.containerd.grpc.v1.cri"]

    assert reply["sandbox_image"] == images.name("pause")
    assert reply["restrict_oom_score_adj"] is True
    assert reply["cni"]["conf_dir"] == "/net.d"


def test_pods_of_the_node_get_addresses_that_the_controllers_gave_it() -> None:
    bridge = json.loads(configurations.network_plugins())["plugins"][0]

    assert bridge["ipam"]["ranges"] == [[{"subnet": "10.244.0.0/24"}]]
    assert _flags(_plane(nodes=True).controllers())["cluster-cidr"] == "10.244.0.0/16"


def test_the_name_service_has_the_address_that_pods_ask_and_the_image_that_is_built_here() -> None:
    manifest = (Path(__file__).parent / "coredns.yaml").read_text()
    by_kind = {document["kind"]: document for document in yaml.safe_load_all(manifest)}

    assert by_kind["Service"]["spec"]["clusterIP"] == places.place("tm", nodes=True).dns
    container = by_kind["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == images.name("coredns")
    assert f"kubernetes {places.DOMAIN} " in by_kind["ConfigMap"]["data"]["Corefile"]


@pytest.mark.parametrize("program", [build.KUBERNETES, build.NEXT])
def test_the_version_is_that_of_the_go_module(program: build.Program) -> None:
    flags = build.linker_flags(program.version)

    assert program.version.startswith("v1.")
    assert flags.count(f".gitVersion={program.version}") == 2
    assert program.version in program.path.parts


def test_the_next_version_is_a_newer_minor() -> None:
    def minor(program: build.Program) -> int:
        return int(program.version.split(".")[1])

    assert minor(build.NEXT) > minor(build.KUBERNETES)
