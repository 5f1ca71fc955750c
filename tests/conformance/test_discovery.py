"""D: discovery. https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api"""

from typing import Any

from tests.conformance import api, rows
from tests.conformance.api import DISCOVERY


def _group(api: api.Api) -> dict[str, Any]:
    """The group in the aggregated document."""
    items = api.read("/apis", accept=DISCOVERY)["items"]
    found: dict[str, Any] = next(item for item in items if item["metadata"]["name"] == api.subject.group)
    return found


def _aggregated(api: api.Api) -> list[dict[str, Any]]:
    """Its resources in the aggregated document."""
    found: list[dict[str, Any]] = next(
        version["resources"]
        for version in _group(api)["versions"]
        if version["version"] == api.subject.version
    )
    return found


@rows.row("D1")
def test_all_groups_are_listed_with_their_versions_and_the_preferred_one(api: api.Api) -> None:
    reply = api.ask("/apis", accept="application/json")

    assert reply.content_type == "application/json"
    assert reply.json["kind"] == "APIGroupList"
    groups = {group["name"]: group for group in reply.json["groups"]}
    ours = {
        "groupVersion": f"{api.subject.group}/{api.subject.version}",
        "version": api.subject.version,
    }
    assert ours in groups[api.subject.group]["versions"]
    assert all(group["preferredVersion"] in group["versions"] for group in groups.values())


@rows.row("D2")
def test_a_group_lists_its_versions(api: api.Api) -> None:
    reply = api.read(f"/apis/{api.subject.group}")

    assert (reply["kind"], reply["apiVersion"], reply["name"]) == ("APIGroup", "v1", api.subject.group)
    assert reply["preferredVersion"] in reply["versions"]
    assert api.subject.version in {version["version"] for version in reply["versions"]}


@rows.row("D3")
def test_a_version_lists_its_resources_and_is_never_empty(api: api.Api) -> None:
    reply = api.read(api.subject.root)

    assert reply["kind"] == "APIResourceList"
    assert reply["groupVersion"] == f"{api.subject.group}/{api.subject.version}"
    assert reply["resources"]
    names = {entry["name"] for entry in reply["resources"]}
    for entry in reply["resources"]:
        assert entry["kind"]
        assert entry["verbs"]
        assert isinstance(entry["namespaced"], bool)
        assert "/" in entry["name"] or entry["singularName"]
        assert entry["name"].partition("/")[0] in names


@rows.row("D4")
def test_one_document_lists_every_version_and_resource_of_all_groups(api: api.Api) -> None:
    reply = api.ask("/apis", accept=DISCOVERY)

    assert reply.content_type == DISCOVERY
    assert (reply.json["kind"], reply.json["apiVersion"]) == (
        "APIGroupDiscoveryList",
        "apidiscovery.k8s.io/v2",
    )
    aggregated = {
        f"{item['metadata']['name']}/{version['version']}"
        for item in reply.json["items"]
        for version in item["versions"]
    }
    plain = {
        version["groupVersion"]
        for group in api.read("/apis", accept="application/json")["groups"]
        for version in group["versions"]
    }
    assert aggregated == plain


@rows.row("D4a")
def test_the_one_document_and_the_old_ones_say_the_same_of_each_resource(api: api.Api) -> None:
    aggregated = {
        resource["resource"]: (
            resource["responseKind"]["kind"],
            resource["scope"] == "Namespaced",
            sorted(resource["verbs"]),
            resource["singularResource"],
            sorted(part["subresource"] for part in resource.get("subresources", [])),
        )
        for resource in _aggregated(api)
    }
    plain = {
        entry["name"]: (
            entry["kind"],
            entry["namespaced"],
            sorted(entry["verbs"]),
            entry["singularName"],
            sorted(
                other["name"].partition("/")[2]
                for other in api.entries
                if other["name"].startswith(f"{entry['name']}/")
            ),
        )
        for entry in api.entries
        if "/" not in entry["name"]
    }
    assert aggregated == plain


@rows.row("D5")
def test_discovery_that_is_known_already_is_not_sent_again(api: api.Api) -> None:
    reply = api.ask("/apis", accept=DISCOVERY)

    etag = reply.headers["ETag"]
    assert etag.startswith('"')
    assert "accept" in reply.listed("Vary")
    assert reply.headers["Cache-Control"] == "public"
    credential = api.subject.credential.bearing(If_None_Match=etag)
    again = api.ask("/apis", accept=DISCOVERY, credential=credential)
    assert (again.status, again.body) == (304, b"")


@rows.row("D6")
def test_every_resource_and_part_names_the_kind_of_its_answer(api: api.Api) -> None:
    for resource in _aggregated(api):
        for each in (resource, *resource.get("subresources", [])):
            assert {"version", "kind"} <= set(each["responseKind"]), each
        assert resource["responseKind"]["kind"]


@rows.row("D7")
def test_the_aggregation_layer_discovers_even_without_a_group(api: api.Api) -> None:
    assert api.subject.front_proxy is not None
    probe = api.subject.front_proxy.bearing(X_Remote_User="system:kube-aggregator")

    for path in ("/apis", api.subject.root, "/openapi/v2", "/openapi/v3"):
        assert api.ask(path, credential=probe).status == 200, path


@rows.row("D8")
def test_the_aggregation_layer_discovers_as_the_master_it_is(api: api.Api) -> None:
    assert api.subject.front_proxy is not None
    probe = api.subject.front_proxy.bearing(
        X_Remote_User="system:kube-aggregator", X_Remote_Group="system:masters"
    )
    for path in ("/apis", api.subject.root):
        assert api.ask(path, credential=probe).status == 200, path


@rows.row("D9")
def test_every_version_is_said_to_be_fresh(api: api.Api) -> None:
    assert {version["freshness"] for version in _group(api)["versions"]} == {"Current"}


@rows.row("D10")
def test_the_root_lists_all_paths_in_order(api: api.Api) -> None:
    paths = api.read("/")["paths"]

    assert paths == sorted(paths)
    assert {"/apis", f"/apis/{api.subject.group}", api.subject.root, "/healthz", "/openapi/v2"} <= set(paths)
