"""Declared resources → the `paths` of an OpenAPI document, with one GET operation each.

`kubectl explain` finds a resource by its path, takes the kind from the operation and looks for the component
of that kind. So each operation has the extension `x-kubernetes-group-version-kind`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from apiservice.discovery import meta_schemas
from apiservice.request import list_options
from apiservice.resources import declaration

_COMMON = {
    "pretty": ("Whether the answer is indented for people.", "string"),
    "timeout": (
        "How long the client is going to wait, such as 5s. The server may give up earlier.",
        "string",
    ),
}
_VARIABLES = {"namespace": "The namespace to look in.", "name": "The name of the object."}
_VARIABLE = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"[a-zA-Z0-9]+")
_VERBS = {"get": "read", "list": "list"}
_TYPES = {"limit": "integer", "timeoutSeconds": "integer"}
_MEDIA_TYPES = ("application/json", "application/yaml")


def paths(version: declaration.GroupVersion) -> dict[str, Any]:
    """The OpenAPI path items of all resources and values of a version, by path."""
    found: dict[str, Any] = {}
    for resource in version.resources:
        found |= _resource_paths(version, resource=resource)
    for values in version.values:
        found |= _value_paths(version, values=values)
    return found


def list_component(schema: str, *, list_kind: str) -> str:
    """The name of a list's component: that of the items' component with `list_kind` as last part."""
    prefix, dot, _ = schema.rpartition(".")
    return f"{prefix}{dot}{list_kind}"


def _resource_paths(version: declaration.GroupVersion, *, resource: declaration.Resource) -> dict[str, Any]:
    root = f"/apis/{version.name}"
    namespaced = resource.scope is declaration.Scope.NAMESPACED
    base = f"{root}/namespaces/{{namespace}}" if namespaced else root
    found = {
        f"{base}/{resource.plural}": _list(version, resource=resource),
        f"{base}/{resource.plural}/{{name}}": _get(version, resource=resource),
    }
    if namespaced:
        found[f"{root}/{resource.plural}"] = _list(version, resource=resource, suffix="ForAllNamespaces")
    for subresource in resource.subresources:
        path = f"{base}/{resource.plural}/{{name}}/{subresource.name}"
        found[path] = _fetch(version, resource=resource, subresource=subresource)
    return {path: _with_path_parameters(path, operation=operation) for path, operation in found.items()}


def _value_paths(version: declaration.GroupVersion, *, values: declaration.ValueResource) -> dict[str, Any]:
    root = f"/apis/{version.name}"
    base = f"{root}/namespaces/{{namespace}}" if values.scope is declaration.Scope.NAMESPACED else root
    found = {}
    for name, kind in (values.listed or {values.plural: values.list_kind}).items():
        for verb in values.verbs:
            path = f"{base}/{name}" if verb == "list" else f"{base}/{name}/{{name}}"
            found[path] = _of_values(version, values=values, name=name, verb=verb, kind=kind)
    for part in values.subresources:
        path = f"{base}/{values.plural}/{{name}}/{part.name}"
        found[path] = _of_values(
            version,
            values=values,
            name=f"{values.plural}/{part.name}",
            verb="get",
            kind=part.list_kind,
            part=part,
        )
    return {path: _with_path_parameters(path, operation=operation) for path, operation in found.items()}


def _of_values(
    version: declaration.GroupVersion,
    *,
    values: declaration.ValueResource,
    name: str,
    verb: str,
    kind: str,
    part: declaration.Subresource | None = None,
) -> dict[str, Any]:
    described = part or values
    schema = described.schema or values.schema
    return _operation(
        version,
        name="".join([_VERBS[verb], *map(_title, _WORD.findall(name))]),
        action=verb,
        kind=kind,
        component=list_component(schema, list_kind=described.list_kind),
        description=f"Read {name}. {described.description}".strip(),
        query=_own_parameters(values),
    )


def _list(
    version: declaration.GroupVersion, *, resource: declaration.Resource, suffix: str = ""
) -> dict[str, Any]:
    return _operation(
        version,
        name=f"list{_title(resource.plural)}{suffix}",
        action="list",
        kind=resource.kind,
        component=list_component(resource.schema, list_kind=resource.list_kind),
        description=f"List {resource.plural}. {resource.description}".strip(),
        query=_list_parameters() + _own_parameters(resource),
    )


def _get(version: declaration.GroupVersion, *, resource: declaration.Resource) -> dict[str, Any]:
    return _operation(
        version,
        name=f"read{_title(resource.plural)}",
        action="get",
        kind=resource.kind,
        component=resource.schema,
        description=f"Read one of {resource.plural}. {resource.description}".strip(),
        query=_own_parameters(resource),
    )


def _fetch(
    version: declaration.GroupVersion, *, resource: declaration.Resource, subresource: declaration.Subresource
) -> dict[str, Any]:
    return _operation(
        version,
        name=f"read{_title(resource.plural)}{_title(subresource.name)}",
        action="get",
        kind=subresource.kind,
        component=list_component(subresource.schema or resource.schema, list_kind=subresource.list_kind),
        description=f"Read {subresource.name} of one of {resource.plural}. {subresource.description}".strip(),
        query=_list_parameters() + _own_parameters(resource),
    )


def _operation(
    version: declaration.GroupVersion,
    *,
    name: str,
    action: str,
    kind: str,
    component: str,
    description: str,
    query: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    tag = f"{version.group}_{version.version}"
    common = [_query_parameter(key, text, {"type": kind}) for key, (text, kind) in _COMMON.items()]
    content = {media_type: {"schema": meta_schemas.reference(component)} for media_type in _MEDIA_TYPES}
    return {
        "description": description,
        "operationId": f"{name}_{tag}",
        "tags": [tag],
        "parameters": [*query, *common],
        "responses": {
            "200": {"description": "OK", "content": content},
            "401": {"description": "Unauthorized"},
        },
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {"group": version.group, "version": version.version, "kind": kind},
    }


def _with_path_parameters(path: str, *, operation: dict[str, Any]) -> dict[str, Any]:
    variables = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _VARIABLES.get(name, f"The name of the {name}."),
            "schema": {"type": "string"},
        }
        for name in _VARIABLE.findall(path)
    ]
    return {"get": operation, **({"parameters": variables} if variables else {})}


def _list_parameters() -> list[dict[str, Any]]:
    return [
        _query_parameter(name, text, {"type": _TYPES.get(name, "string")})
        for name, text in list_options.LIST_PARAMETERS.items()
    ]


def _own_parameters(resource: declaration.Resource | declaration.ValueResource) -> list[dict[str, Any]]:
    return [
        _query_parameter(parameter.name, parameter.description, parameter.schema)
        for parameter in resource.parameters
    ]


def _query_parameter(name: str, description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": dict(schema)}


def _title(name: str) -> str:
    return name[:1].upper() + name[1:]
