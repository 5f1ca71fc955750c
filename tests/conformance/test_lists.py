"""L: selectors, pages, and no watches. https://kubernetes.io/docs/reference/using-api/api-concepts/"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance import api, rows


def _names(items: list[dict[str, Any]]) -> list[str]:
    return [item["metadata"]["name"] for item in items]


def _labels(item: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = item["metadata"].get("labels", {})
    return found


def _selective(items: list[dict[str, Any]]) -> tuple[str, str]:
    """A label that some objects have, and that others have with another value."""
    for item in items:
        for key, value in _labels(item).items():
            if any(_labels(other).get(key) != value for other in items):
                return key, value
    raise AssertionError("no label tells the objects apart")


@rows.row("L1")
def test_labels_select_with_the_whole_grammar(api: api.Api) -> None:
    items = api.items
    key, value = _selective(items)

    selectors: dict[str, Callable[[dict[str, str]], bool]] = {
        f"{key}={value}": lambda labels: labels.get(key) == value,
        f"{key}=={value}": lambda labels: labels.get(key) == value,
        f"{key}!={value}": lambda labels: labels.get(key) != value,
        f"{key} in ({value}, other)": lambda labels: labels.get(key) == value,
        f"{key} notin ({value})": lambda labels: labels.get(key) != value,
        key: lambda labels: key in labels,
        f"!{key}": lambda labels: key not in labels,
        f"{key},{key}!={value}": lambda labels: key in labels and labels[key] != value,
    }
    for selector, wanted in selectors.items():
        found = _names(api.read(api.collection, labelSelector=selector)["items"])
        assert found == _names([item for item in items if wanted(_labels(item))]), selector


@rows.row("L1a")
@pytest.mark.parametrize("selector", ["=", "a in", "a in (b", "a=b=c", "a b", "!", "-a", "a=-"])
def test_labels_that_cannot_be_understood_are_refused(api: api.Api, selector: str) -> None:
    assert api.ask(api.collection, labelSelector=selector).refusal(400)["reason"] == "BadRequest"


@rows.row("L2")
def test_name_and_namespace_select_objects(api: api.Api) -> None:
    name = api.name

    def found(selector: str) -> list[str]:
        return _names(api.read(api.everywhere(api.main), fieldSelector=selector)["items"])

    place = f"metadata.namespace={api.subject.namespace}"
    assert found(f"metadata.name={name},{place}") == [name]
    assert found(place) == _names(api.items)
    assert name not in found(f"metadata.name!={name},{place}")
    assert found("metadata.namespace=there-is-nothing-here") == []


@rows.row("L2a")
def test_other_fields_are_refused(api: api.Api) -> None:
    for selector in ("spec.nothing=1", "metadata.uid=1"):
        refusal = api.ask(api.collection, fieldSelector=selector).refusal(400)
        assert refusal["reason"] == "BadRequest"
        assert "field" in refusal["message"]


@rows.row("L3")
def test_pages_hold_everything_once(api: api.Api) -> None:
    found, more = [], {"limit": "1"}
    for _ in range(100):
        reply = api.read(api.collection, **more)
        found += _names(reply["items"])
        if not reply["metadata"].get("continue"):
            break
        more = {"limit": "1", "continue": reply["metadata"]["continue"]}
    assert found == _names(api.items)


@rows.row("L4")
def test_a_list_says_which_version_it_is_of(api: api.Api) -> None:
    reply = api.read(api.collection, resourceVersion="0")

    assert isinstance(reply["metadata"]["resourceVersion"], str)
    assert _names(reply["items"]) == _names(api.items)


@rows.row("L5")
@pytest.mark.parametrize("watching", ["watch=true", "watch=1", "/watch/"])
def test_a_watch_is_refused_at_once_in_words(api: api.Api, watching: str) -> None:
    api.demand_without("watch")
    path = f"{api.collection}?{watching}"
    if watching == "/watch/":
        path = api.collection.replace(api.subject.root, f"{api.subject.root}/watch")
    refusal = api.ask(path).refusal(405)

    assert refusal["reason"] == "MethodNotAllowed"
    assert "watch is not supported" in refusal["message"]
    assert all("watch" not in resource.verbs for resource in api.resources)


@rows.row("L6")
def test_a_list_of_nothing_is_an_empty_list(api: api.Api) -> None:
    reply = api.read(api.collection, labelSelector="there-is=nothing")

    assert reply["items"] == []
    assert reply["kind"].endswith("List")
    assert reply["apiVersion"] == f"{api.subject.group}/{api.subject.version}"


@rows.row("L6a")
def test_an_unknown_namespace_has_an_empty_list(api: api.Api) -> None:
    assert api.read(api.list_path(api.main, namespace="there-is-nothing-here"))["items"] == []


@rows.row("L7")
def test_a_list_is_in_the_order_of_namespace_and_name(api: api.Api) -> None:
    items = api.read(api.everywhere(api.main))["items"]

    places = [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in items]
    assert places == sorted(places)


@rows.row("L8")
def test_every_resource_lists_everywhere_and_what_it_lists_can_be_got(api: api.Api) -> None:
    for resource in api.resources:
        for item in api.read(api.everywhere(resource))["items"][:2]:
            metadata = item["metadata"]
            path = f"{api.list_path(resource, namespace=metadata.get('namespace', ''))}/{metadata['name']}"
            one = api.read(path)
            assert one["metadata"]["name"] == metadata["name"]
            assert one["apiVersion"] == f"{api.subject.group}/{api.subject.version}"
            assert one["kind"]
