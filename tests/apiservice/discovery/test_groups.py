import dataclasses

import pytest

from apiservice.discovery import groups
from tests.apiservice import asking, fruits

V1 = fruits.group_version(fruits.Orchard())
V2 = dataclasses.replace(V1, version="v2")
OTHER = dataclasses.replace(V1, group="nuts.example.com")


def aggregated(version: str) -> str:
    return f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"


@pytest.mark.parametrize("path", ["/apis", "/apis/"])
async def test_plain_clients_get_the_groups(toy: asking.Toy, path: str) -> None:
    assert (await toy.ask(path, accept="application/json")).json == {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [
            {
                "name": "fruits.example.com",
                "versions": [{"groupVersion": "fruits.example.com/v1", "version": "v1"}],
                "preferredVersion": {"groupVersion": "fruits.example.com/v1", "version": "v1"},
                "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}],
            }
        ],
    }


async def test_a_group_knows_its_versions(toy: asking.Toy) -> None:
    group = (await toy.ask("/apis/fruits.example.com")).json
    assert (group["kind"], group["apiVersion"], group["name"]) == ("APIGroup", "v1", "fruits.example.com")


async def test_a_version_lists_resources_and_their_parts(toy: asking.Toy) -> None:
    listed = (await toy.ask("/apis/fruits.example.com/v1/")).json
    assert (listed["kind"], listed["groupVersion"]) == ("APIResourceList", "fruits.example.com/v1")
    assert listed["resources"][:2] == [
        {
            "name": "fruits",
            "singularName": "fruit",
            "namespaced": True,
            "kind": "Fruit",
            "verbs": ["get", "list"],
            "shortNames": ["fr"],
            "categories": ["food"],
        },
        {
            "name": "fruits/pips",
            "singularName": "",
            "namespaced": True,
            "kind": "FruitList",
            "verbs": ["get"],
        },
    ]


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
async def test_the_aggregation_layer_gets_everything_in_one_document(toy: asking.Toy, version: str) -> None:
    accept = f"{aggregated(version)};profile=nopeer,application/json"
    reply = await toy.ask("/apis", accept=accept)
    assert reply.answer.content_type == aggregated(version)
    assert (reply.json["kind"], reply.json["apiVersion"]) == (
        "APIGroupDiscoveryList",
        f"apidiscovery.k8s.io/{version}",
    )
    (group,) = reply.json["items"]
    (served,) = group["versions"]
    assert (group["metadata"]["name"], served["version"], served["freshness"]) == (
        "fruits.example.com",
        "v1",
        "Current",
    )
    assert served["resources"][0] == {
        "resource": "fruits",
        "responseKind": {"group": "fruits.example.com", "version": "v1", "kind": "Fruit"},
        "scope": "Namespaced",
        "singularResource": "fruit",
        "verbs": ["get", "list"],
        "shortNames": ["fr"],
        "categories": ["food"],
        "subresources": [
            {
                "subresource": "pips",
                "responseKind": {"group": "fruits.example.com", "version": "v1", "kind": "FruitList"},
                "verbs": ["get"],
            }
        ],
    }
    assert [resource["scope"] for resource in served["resources"]] == ["Namespaced", "Cluster", "Cluster"]


async def test_every_version_that_is_served_is_in_the_aggregated_document() -> None:
    several = groups.Discovery([V2, OTHER, V1])
    reply = asking.Reply(await several.root(asking.incoming("/apis", headers={"Accept": aggregated("v2")})))
    found = [(g["metadata"]["name"], [v["version"] for v in g["versions"]]) for g in reply.json["items"]]
    assert found == [("fruits.example.com", ["v2", "v1"]), ("nuts.example.com", ["v1"])]


async def test_a_version_given_first_is_preferred() -> None:
    several = groups.Discovery([V2, V1])
    reply = asking.Reply(await several.below(asking.incoming("/apis/fruits.example.com")))
    assert reply.json["preferredVersion"]["version"] == "v2"


async def test_a_document_the_client_has_is_not_sent_again(toy: asking.Toy) -> None:
    first = await toy.ask("/apis", accept=aggregated("v2"))
    etag = first.header("ETag")
    assert etag is not None
    assert (first.header("Vary"), first.header("Cache-Control")) == ("Accept", "public")
    for held in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await toy.ask("/apis", accept=aggregated("v2"), If_None_Match=held)
        assert (again.status, again.answer.body, again.header("ETag")) == (304, b"", etag)
    assert (await toy.ask("/apis", accept=aggregated("v2"), If_None_Match='"other"')).status == 200
    assert (await toy.ask("/apis", If_None_Match=etag)).status == 200


@pytest.mark.parametrize("path", ["/apis", "/apis/fruits.example.com", "/apis/fruits.example.com/v1"])
async def test_protobuf_alone_cannot_be_had(toy: asking.Toy, path: str) -> None:
    assert (await toy.ask(path, accept="application/vnd.kubernetes.protobuf")).status == 406


async def test_discovery_can_only_be_read(toy: asking.Toy) -> None:
    reply = await toy.ask("/apis", method="POST")
    assert (reply.status, reply.header("Allow")) == (405, "GET, HEAD")
    assert reply.message == 'POST is not supported on the path "/apis"'
