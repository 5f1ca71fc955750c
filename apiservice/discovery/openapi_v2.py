"""OpenAPI v3 documents → one v2 document, for clients and kube-apiservers that ask for v2.

Pure. It converts what `openapi_paths` and plain schemas contain, not all of v3.
https://swagger.io/specification/v2/
"""

from collections.abc import Mapping, Sequence
from typing import Any


def render(specs: Sequence[Mapping[str, Any]], *, info: Mapping[str, str]) -> dict[str, Any]:
    """The v2 document with the paths and components of all v3 documents."""
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
    """The parameters with the fields of their `schema` moved up, as v2 has them."""
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
        # v3 wraps a reference in allOf to add a description; readers of v2 expect a bare reference.
        value = {**{key: child for key, child in value.items() if key != "allOf"}, **whole[0]}
    if isinstance(value.get("nullable"), bool):
        # v2 has no `nullable`. A kube-apiserver that finds it cannot serve its OpenAPI document to kubectl.
        value = {key: child for key, child in value.items() if key != "nullable"}
    return {key: _reference(child) if key == "$ref" else _schema(child) for key, child in value.items()}


def _reference(pointer: Any) -> Any:
    """The v2 pointer; if the value is the schema of a property that is called `$ref`, that schema."""
    if not isinstance(pointer, str):
        return _schema(pointer)
    return pointer.replace("#/components/schemas/", "#/definitions/")
