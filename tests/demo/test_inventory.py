from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from demo import inventory, placement, prometheus


@pytest.fixture
def objects(where: placement.Placement) -> list[dict[str, Any]]:
    document = yaml.safe_load(yaml.safe_dump(inventory.document(where)))
    assert (document["kind"], document["apiVersion"]) == ("List", "v1")
    items: list[dict[str, Any]] = document["items"]
    return items


def of_kind(objects: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def owners(object_: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for owner in object_["metadata"].get("ownerReferences", ()):
        assert owner["controller"] is True
        yield owner["kind"], owner["name"], owner["uid"]


def test_all_kinds_are_there(objects: list[dict[str, Any]]) -> None:
    assert {each["kind"] for each in objects} == {
        *(
            "Namespace",
            "Node",
            "Pod",
            "Service",
            "Deployment",
            "ReplicaSet",
            "StatefulSet",
            "DaemonSet",
            "Job",
        ),
        "ExternalWorkload",
        "TrafficSplit",
    }


def test_a_split_service_says_where_its_traffic_goes(objects: list[dict[str, Any]]) -> None:
    (split,) = of_kind(objects, "TrafficSplit").values()
    assert split["spec"] == {
        "service": "catalog",
        "backends": [
            {"service": "catalog-v1", "weight": 90},
            {"service": "catalog-v2", "weight": 10},
        ],
    }


def test_every_owner_exists_with_the_uid_that_is_named(objects: list[dict[str, Any]]) -> None:
    known = {(each["kind"], each["metadata"]["name"], each["metadata"].get("uid")) for each in objects}
    named = [owner for each in objects for owner in owners(each)]
    assert len(named) > 20
    assert set(named) <= known


def test_a_pod_leads_over_its_replicaset_to_its_deployment(objects: list[dict[str, Any]]) -> None:
    cart = next(pod for name, pod in of_kind(objects, "Pod").items() if name.startswith("cart-"))
    ((kind, replicaset, _),) = owners(cart)
    assert kind == "ReplicaSet"
    ((kind, name, _),) = owners(of_kind(objects, "ReplicaSet")[replicaset])
    assert (kind, name) == ("Deployment", "cart")


def test_every_pod_is_on_a_node_that_exists(objects: list[dict[str, Any]]) -> None:
    nodes = of_kind(objects, "Node")
    assert len(nodes) == 3
    assert {pod["spec"]["nodeName"] for pod in of_kind(objects, "Pod").values()} == set(nodes)


def test_selectors_find_what_the_mesh_routes_to(objects: list[dict[str, Any]]) -> None:
    backing = [*of_kind(objects, "Pod").values(), *of_kind(objects, "ExternalWorkload").values()]

    def selected(service: str) -> int:
        spec = of_kind(objects, "Service")[service]["spec"]
        return sum(1 for each in backing if spec["selector"].items() <= each["metadata"]["labels"].items())

    assert {name: selected(name) for name in ("catalog", "catalog-v1", "ghost", "billing", "db")} == {
        "catalog": 2,
        "catalog-v1": 1,
        "ghost": 0,
        "billing": 1,
        "db": 2,
    }


def test_the_targets_of_prometheus_name_pods_of_the_inventory(
    objects: list[dict[str, Any]], where: placement.Placement
) -> None:
    pods = of_kind(objects, "Pod")
    (job,) = prometheus.config(where, scrape_interval=5.0)["scrape_configs"]
    labels = [target["labels"] for target in job["static_configs"]]
    assert {each["pod"] for each in labels if "pod" in each} == set(pods)
    for each in labels:
        if "pod" in each:
            pod = pods[each["pod"]]
            assert each["node"] == pod["spec"]["nodeName"]
            assert each["namespace"] == pod["metadata"]["namespace"]
