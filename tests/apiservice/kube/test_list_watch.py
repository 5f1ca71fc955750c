from typing import Any

import pytest

from apiservice.kube import client, list_watch

PODS = list_watch.WatchedResource(kind="Pod", plural="pods", form=list_watch.ROWS, columns=("Node",))
SERVICES = list_watch.WatchedResource(kind="Service", plural="services", form=list_watch.WHOLE)
DEPLOYMENTS = list_watch.WatchedResource(kind="Deployment", plural="deployments", group="apps")


def item(**metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "cart", "namespace": "shop", "resourceVersion": "7", **metadata}}


def listed(*items: object, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": "9", **metadata}, "items": list(items)}


def rows(*cells: object, columns: object = ("Name", "Node"), **metadata: Any) -> dict[str, Any]:
    named = [{"name": name} for name in columns] if isinstance(columns, tuple) else columns
    return {
        "metadata": {"resourceVersion": "9", **metadata},
        "columnDefinitions": named,
        "rows": [{"cells": list(cells), "object": item()}],
    }


def event(content: object) -> dict[str, Any]:
    return {"type": "MODIFIED", "object": content}


def test_resources_are_found_and_named_as_kubernetes_does() -> None:
    assert (PODS.path, str(PODS)) == ("/api/v1/pods", "pods")
    assert (DEPLOYMENTS.path, str(DEPLOYMENTS)) == ("/apis/apps/v1/deployments", "deployments.apps")


def test_of_an_object_its_labels_and_its_controller_are_seen() -> None:
    owners = [
        {"kind": "Other", "name": "not-the-controller"},
        {"kind": "ReplicaSet", "name": "cart-1", "controller": True},
    ]
    given = item(labels={"app": "cart"}, ownerReferences=owners, managedFields=[{}], annotations={"a": "b"})
    page = list_watch.ResourceReader(DEPLOYMENTS).page(listed(given))
    assert page.seen == [
        list_watch.ObjectProperties(
            key=("shop", "cart"),
            labels={"app": "cart"},
            controller=("ReplicaSet", "cart-1"),
            cells=(),
            spec={},
        )
    ]


@pytest.mark.parametrize("nothing", [{}, {"labels": None, "ownerReferences": None}, {"ownerReferences": []}])
def test_an_object_without_labels_and_owners_is_seen(nothing: dict[str, Any]) -> None:
    (seen,) = list_watch.ResourceReader(DEPLOYMENTS).page(listed(item(**nothing))).seen
    assert (seen.labels, seen.controller) == ({}, None)


def test_what_has_no_namespace_has_an_empty_one() -> None:
    (seen,) = list_watch.ResourceReader(DEPLOYMENTS).page(listed({"metadata": {"name": "node-a"}})).seen
    assert seen.key == ("", "node-a")


def test_a_page_tells_what_follows_and_a_last_one_does_not() -> None:
    reader = list_watch.ResourceReader(DEPLOYMENTS)
    assert reader.page(listed(**{"continue": "xyz"})).more == "xyz"
    assert reader.page(listed()).more == ""
    assert reader.page({"metadata": {"resourceVersion": "9"}, "items": None}).version == "9"


def test_a_whole_object_has_its_spec() -> None:
    (seen,) = (
        list_watch.ResourceReader(SERVICES).page(listed({**item(), "spec": {"selector": {"a": "b"}}})).seen
    )
    assert seen.spec == {"selector": {"a": "b"}}


def test_the_cell_is_that_of_the_column_wherever_it_stands() -> None:
    for columns, cells in (
        (("Name", "Node"), ("cart", "node-a")),
        (("Node", "Name"), ("node-a", "cart")),
        (("Name", "Restarts", "Node"), ("cart", 7, "node-a")),
    ):
        (seen,) = list_watch.ResourceReader(PODS).page(rows(*cells, columns=columns)).seen
        assert seen.cells == ("node-a",)


def test_several_cells_are_kept_in_the_order_that_was_asked_for() -> None:
    both = list_watch.WatchedResource(kind="Pod", plural="pods", form=list_watch.ROWS, columns=("Node", "IP"))
    answer = rows("cart", "10.0.0.7", "node-a", columns=("Name", "IP", "Node"))
    (seen,) = list_watch.ResourceReader(both).page(answer).seen
    assert seen.cells == ("node-a", "10.0.0.7")


def test_a_pod_that_is_nowhere_yet_has_no_node() -> None:
    (seen,) = list_watch.ResourceReader(PODS).page(rows("cart", "<none>")).seen
    assert seen.cells == ("",)


def test_events_without_columns_are_read_by_those_named_last() -> None:
    reader = list_watch.ResourceReader(PODS)
    reader.page(rows("cart", "node-a"))
    seen, version = reader.changed(event(rows("cart", "node-b", columns=None, resourceVersion="12")))
    assert (seen.cells, version) == (("node-b",), "12")
    # A newer kube-apiserver, which prints one more column, answers the next watch.
    seen, _ = reader.changed(event(rows("cart", "7", "node-c", columns=("Name", "New", "Node"))))
    assert seen.cells == ("node-c",)
    seen, _ = reader.changed(event(rows("cart", "7", "node-d", columns=None)))
    assert seen.cells == ("node-d",)


def test_a_bookmark_may_be_the_event_that_names_the_columns() -> None:
    reader = list_watch.ResourceReader(PODS)
    bookmark = {"metadata": {"resourceVersion": "11"}, "columnDefinitions": [{"name": "Node"}], "rows": [{}]}
    assert reader.reached(event(bookmark)) == "11"
    seen, _ = reader.changed(event(rows("node-a", columns=None)))
    assert seen.cells == ("node-a",)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"metadata": None, "items": []},
        {"metadata": {"resourceVersion": ""}, "items": []},
        {"metadata": {"resourceVersion": 7}, "items": []},
        {"metadata": {"resourceVersion": "9"}},
        {"metadata": {"resourceVersion": "9"}, "items": 7},
        listed(7),
        listed({}),
        listed({"metadata": []}),
        listed(item(name="")),
        listed(item(namespace=7)),
        listed(item(labels=["a"])),
        listed(item(labels={"a": 7})),
        listed(item(ownerReferences=[7])),
        listed(item(ownerReferences=[{"controller": True, "kind": None, "name": "x"}])),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(answer: dict[str, Any]) -> None:
    with pytest.raises(client.Garbled, match=r"^/apis/apps/v1/deployments: a list that cannot be read"):
        list_watch.ResourceReader(DEPLOYMENTS).page(answer)


@pytest.mark.parametrize(
    "answer",
    [
        rows("cart", "node-a", columns=None),
        rows("cart", columns=("Name", "Node")),
        rows("cart", 7),
        rows("cart", "node-a", columns=("Name", "Elsewhere")),
        rows("cart", "node-a", columns=[7]),
        {
            "metadata": {"resourceVersion": "9"},
            "columnDefinitions": [{"name": "Node"}],
            "rows": [{"cells": 7}],
        },
    ],
)
def test_rows_that_make_no_sense_are_refused(answer: dict[str, Any]) -> None:
    with pytest.raises(client.Garbled, match=r"^/api/v1/pods: a list that cannot be read"):
        list_watch.ResourceReader(PODS).page(answer)


@pytest.mark.parametrize("content", [None, {}, {"metadata": {"name": "cart"}}, {"metadata": 7}])
def test_an_event_that_makes_no_sense_is_refused(content: object) -> None:
    reader = list_watch.ResourceReader(DEPLOYMENTS)
    with pytest.raises(client.Garbled, match="an event that cannot be read"):
        reader.changed(event(content))
    with pytest.raises(client.Garbled, match="a bookmark that cannot be read"):
        reader.reached(event({} if content and "name" in str(content) else content))
