import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from email import utils as dates
from typing import Any

import pytest

from apiservice.discovery import meta_schemas, openapi, openapi_v2
from tests.apiservice import asking, fruits

ROOT = "/apis/fruits.example.com/v1"
V3 = f"/openapi/v3{ROOT}"
VERSION = fruits.group_version(fruits.Orchard())


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for child in value.values():
            yield from references(child)
    elif isinstance(value, list):
        for child in value:
            yield from references(child)


def undescribed(schema: dict[str, Any], *, path: str) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        if not field.get("description"):
            yield f"{path}.{name}"
        yield from undescribed(field, path=f"{path}.{name}")


async def test_the_index_leads_to_a_document_that_may_be_kept_for_ever(toy: asking.Toy) -> None:
    index = (await toy.ask("/openapi/v3")).json
    url = index["paths"]["apis/fruits.example.com/v1"]["serverRelativeURL"]
    reply = await toy.ask(url)
    assert reply.json["openapi"] == "3.0.0"
    assert reply.header("Cache-Control") == "public, immutable"
    expires = dates.parsedate_to_datetime(reply.header("Expires") or "")
    assert expires - fruits.NOW == timedelta(days=365)
    assert url == f"{V3}?hash={(reply.header('ETag') or '').strip(chr(34))}"


async def test_by_an_old_hash_the_document_is_that_of_now_and_not_for_ever(toy: asking.Toy) -> None:
    reply = await toy.ask(f"{V3}?hash=OLD")
    assert reply.status == 200
    assert reply.header("ETag") == (await toy.ask(V3)).header("ETag")
    assert reply.header("Cache-Control") is None


async def test_without_a_hash_the_document_is_not_for_ever(toy: asking.Toy) -> None:
    reply = await toy.ask(V3)
    assert reply.header("Expires") is None
    assert (await toy.ask(V3, If_None_Match=reply.header("ETag") or "")).status == 304


async def test_a_version_nobody_serves_has_no_document(toy: asking.Toy) -> None:
    assert (await toy.ask("/openapi/v3/apis/fruits.example.com/v9")).status == 404


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        (f"{ROOT}/fruits", []),
        (f"{ROOT}/namespaces/{{namespace}}/fruits", ["namespace"]),
        (f"{ROOT}/namespaces/{{namespace}}/fruits/{{name}}", ["namespace", "name"]),
        (f"{ROOT}/namespaces/{{namespace}}/fruits/{{name}}/pips", ["namespace", "name"]),
        (f"{ROOT}/crates", []),
        (f"{ROOT}/crates/{{name}}", ["name"]),
        (f"{ROOT}/crates/{{name}}/pips", ["name"]),
    ],
)
async def test_every_form_of_a_path_is_described(toy: asking.Toy, path: str, parameters: list[str]) -> None:
    item = (await toy.ask(V3)).json["paths"][path]
    assert [parameter["name"] for parameter in item.get("parameters", [])] == parameters
    assert item["get"]["x-kubernetes-group-version-kind"]["version"] == "v1"


async def test_what_can_be_asked_of_a_list_is_described(toy: asking.Toy) -> None:
    operation = (await toy.ask(V3)).json["paths"][f"{ROOT}/fruits"]["get"]
    names = [parameter["name"] for parameter in operation["parameters"]]
    assert {"labelSelector", "fieldSelector", "limit", "window", "pretty"} <= set(names)
    assert all(parameter["description"] for parameter in operation["parameters"])
    assert operation["x-kubernetes-action"] == "list"


async def test_operations_have_names_of_their_own(toy: asking.Toy) -> None:
    operations = [item["get"]["operationId"] for item in (await toy.ask(V3)).json["paths"].values()]
    assert len(operations) == len(set(operations))


async def test_the_kind_of_an_operation_is_the_kind_of_a_component(toy: asking.Toy) -> None:
    document = (await toy.ask(V3)).json
    marks = [
        schema.get("x-kubernetes-group-version-kind", [])
        for schema in document["components"]["schemas"].values()
    ]
    for item in document["paths"].values():
        kind = item["get"]["x-kubernetes-group-version-kind"]
        assert sum(kind in mark for mark in marks) == 1, kind


@pytest.mark.parametrize("path", [V3, "/openapi/v2"])
async def test_every_reference_leads_somewhere(toy: asking.Toy, path: str) -> None:
    document = (await toy.ask(path)).json
    pointers = set(references(document))
    assert pointers
    for pointer in pointers:
        target = document
        for key in pointer.removeprefix("#/").split("/"):
            target = target[key]


def test_every_field_of_our_own_components_is_described() -> None:
    for name, schema in openapi.components(VERSION).items():
        assert schema["description"]
        assert list(undescribed(schema, path=name)) == []


def test_components_of_the_product_are_left_as_they_are() -> None:
    openapi.components(VERSION)
    assert "x-kubernetes-group-version-kind" not in fruits.SCHEMAS[fruits.FRUIT]


def test_a_resource_without_its_component_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r'kind Fruit of .* has the schema "com\.example\.fruits\.v1\.Fruit"'
    ):
        openapi.components(dataclasses.replace(VERSION, schemas={}))


async def test_the_older_document_says_the_same_in_the_older_spelling(toy: asking.Toy) -> None:
    document = (await toy.ask("/openapi/v2")).json
    assert document["swagger"] == "2.0"
    assert document["paths"].keys() == (await toy.ask(V3)).json["paths"].keys()
    operation = document["paths"][f"{ROOT}/fruits"]["get"]
    window = next(parameter for parameter in operation["parameters"] if parameter["name"] == "window")
    assert window == {"name": "window", "in": "query", "description": "How far back.", "type": "string"}
    reference = {"$ref": "#/definitions/com.example.fruits.v1.FruitList"}
    assert operation["responses"]["200"] == {"description": "OK", "schema": reference}
    metadata = document["definitions"][fruits.FRUIT]["properties"]["metadata"]
    assert metadata == {
        "description": "Its name and labels.",
        "$ref": f"#/definitions/{meta_schemas.OBJECT_META}",
    }


def test_what_only_the_newer_spelling_has_is_left_out_of_the_older() -> None:
    schema = {
        "type": "object",
        "nullable": True,
        "properties": {
            "nullable": {"type": "boolean"},
            "list": {"type": "array", "items": {"nullable": False}},
        },
    }
    (made,) = openapi_v2.render([{"paths": {}, "components": {"schemas": {"x": schema}}}], info={})[
        "definitions"
    ].values()
    assert made == {
        "type": "object",
        "properties": {"nullable": {"type": "boolean"}, "list": {"type": "array", "items": {}}},
    }


def test_properties_that_are_called_like_keywords_stay_properties() -> None:
    schema = {
        "properties": {
            name: {"type": "string"} for name in ("$ref", "allOf", "content", "schema", "in", "nullable")
        }
    }
    spec = {"paths": {}, "components": {"schemas": {"x": schema}}}
    assert openapi_v2.render([spec], info={})["definitions"]["x"] == schema


def test_a_word_that_the_older_spelling_does_not_know_is_left_out_of_it() -> None:
    schema = {"properties": {"selector": {"type": "object", "nullable": True}}}
    spec = {"paths": {}, "components": {"schemas": {"x": schema}}}
    rendered = openapi_v2.render([spec], info={})["definitions"]["x"]
    assert rendered == {"properties": {"selector": {"type": "object"}}}


@pytest.mark.parametrize("path", ["/openapi/v2", "/openapi/v3", V3])
async def test_protobuf_alone_cannot_be_had(toy: asking.Toy, path: str) -> None:
    accept = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    assert (await toy.ask(path, accept=accept)).status == 406
