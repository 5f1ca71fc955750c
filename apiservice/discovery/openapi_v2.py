"""OpenAPI v3 documents → one v2 document, for clients and aggregation layers that ask for the older spelling.

Pure. Understands what `operations` and plain schemas say, not all of v3.
https://swagger.io/specification/v2/
"""

from collections.abc import Mapping, Sequence
from typing import Any


def render(specs: Sequence[Mapping[str, Any]], *, info: Mapping[str, str]) -> dict[str, Any]:
    """All paths and components in one document."""
    paths: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    for spec in specs:
        paths |= {path: _path(item) for path, item in spec["paths"].items()}
        definitions |= {name: _schema(schema) for name, schema in spec["components"]["schemas"].items()}
    return {"swagger": "2.0", "info": info, "paths": paths, "definitions": definitions}


def _path(item: Mapping[str, Any]) -> dict[str, Any]:
    older: dict[str, Any] = {"get": _operation(item["get"])}
    if "parameters" in item:
        older["parameters"] = _parameters(item["parameters"])
    return older


def _operation(operation: Mapping[str, Any]) -> dict[str, Any]:
    responses = operation["responses"]
    return {
        **operation,
        "produces": list(responses["200"]["content"]),
        "parameters": _parameters(operation["parameters"]),
        "responses": {code: _response(response) for code, response in responses.items()},
    }


def _parameters(parameters: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What v3 says in a parameter's schema, v2 says beside its name."""
    return [
        {**parameter["schema"], **{key: value for key, value in parameter.items() if key != "schema"}}
        for parameter in parameters
    ]


def _response(response: Mapping[str, Any]) -> dict[str, Any]:
    older = {"description": response["description"]}
    for content in response.get("content", {}).values():
        older["schema"] = _schema(content["schema"])
    return older


def _schema(value: Any) -> Any:
    if isinstance(value, list):
        return [_schema(element) for element in value]
    if not isinstance(value, Mapping):
        return value
    whole = value.get("allOf")
    if isinstance(whole, list) and len(whole) == 1:
        # v3 wraps a reference to describe it; v2's readers want it bare, and look for no allOf.
        value = {**{key: child for key, child in value.items() if key != "allOf"}, **whole[0]}
    if isinstance(value.get("nullable"), bool):
        # v2 has no such word, and for one of it a kube-apiserver refuses its whole document to kubectl.
        value = {key: child for key, child in value.items() if key != "nullable"}
    return {key: _reference(child) if key == "$ref" else _schema(child) for key, child in value.items()}


def _reference(pointer: Any) -> Any:
    """A pointer; or, where a property has that name, its schema."""
    if not isinstance(pointer, str):
        return _schema(pointer)
    return pointer.replace("#/components/schemas/", "#/definitions/")
