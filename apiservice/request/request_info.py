"""Method, path and query → verb, resource, namespace and name, exactly as in the kube-apiserver.

Pure. RBAC rules apply to these attributes, so this server and the kube-apiserver must derive the same ones,
also where the result is surprising: `/namespaces/{x}/edges` is a *list* of `edges` in the namespace `x`, and
a list with the field selector `metadata.name=x` has the name `x`.
https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/request/requestinfo.go
"""

import dataclasses
from collections.abc import Mapping

from apiservice.http import errors
from apiservice.request import selectors, validation

_VERBS = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_OF_COLLECTIONS = {"get": "list", "delete": "deletecollection"}
"""The verbs of a request without a name in its path."""
_OF_A_LIST = ("watch", "fieldSelector", "labelSelector")
"""The query parameters that change the attributes of a request."""
_PREFIXES = frozenset({"api", "apis"})
_VERB_PREFIXES = frozenset({"watch", "proxy"})
_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """The attributes of a request. For a non-resource path, the fields of a resource are empty."""

    path: str
    verb: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    parts: tuple[str, ...] = ()
    """The segments of the path from the resource on. Unlike `name`, they never come from a field selector."""
    label_selector: str = ""
    """Of a list or watch, as it was sent. It may be malformed; `list_options` refuses it later."""
    field_selector: str = ""


def parse(method: str, *, path: str) -> Attributes:
    """The attributes of a request without its query.

    `path` is percent-decoded. Raises `BadRequest` for a path such as `/api/v1/watch` without a resource.
    """
    segments = path.strip("/").split("/")
    prefix = segments[0]
    # /apis/{group}/{version} without a resource is discovery.
    shortest = 3 if prefix == "api" else 4
    if prefix not in _PREFIXES or len(segments) < shortest:
        return Attributes(path=path, verb=method.lower())
    group, version, *rest = segments[1:] if prefix == "apis" else ["", *segments[1:]]
    verb = _VERBS.get(method, "")
    if rest[0] in _VERB_PREFIXES:
        if len(rest) < 2:
            raise errors.BadRequest(f'path "{path}" names no resource after "{rest[0]}"')
        verb, *rest = rest
    namespace, parts = _namespace(rest)
    name = parts[1] if len(parts) > 1 else ""
    return Attributes(
        path=path,
        verb=verb if name else _OF_COLLECTIONS.get(verb, verb),
        is_resource=True,
        group=group,
        version=version,
        namespace=namespace,
        resource=parts[0],
        subresource=parts[2] if len(parts) > 2 and verb != "proxy" else "",
        name=name,
        parts=tuple(parts),
    )


def with_query(attributes: Attributes, *, query: Mapping[str, str]) -> Attributes:
    """The attributes of the same request with its query, which has the first value of each parameter.

    Only a request without a name in its path has other attributes by it: a list may be a watch, and may have
    selectors.
    """
    if not attributes.is_resource or attributes.parts[1:2] not in {(), ("",)}:
        return attributes
    if not any(name in query for name in _OF_A_LIST):
        return attributes
    verb, name, field_selector = attributes.verb, "", query.get("fieldSelector", "")
    if verb == "list":
        name = _selected_name(field_selector)
        if query.get("watch", "0").lower() not in {"0", "false"}:
            verb = "watch"
    return dataclasses.replace(
        attributes,
        verb=verb,
        name=name,
        label_selector=query.get("labelSelector", ""),
        field_selector=field_selector,
    )


def _namespace(segments: list[str]) -> tuple[str, list[str]]:
    """The namespace of `namespaces/{namespace}/…`, and the segments from the resource on."""
    if segments[0] != "namespaces" or len(segments) < 2:
        return "", segments
    if len(segments) > 2 and segments[2] not in _NAMESPACE_SUBRESOURCES:
        return segments[1], segments[2:]
    return segments[1], segments


def _selected_name(field_selector: str) -> str:
    """The name in a field selector; empty for a malformed selector, which `list_options` refuses later."""
    try:
        name = selectors.FieldSelector.parse(field_selector).value_of("metadata.name") or ""
    except errors.BadRequest:
        return ""
    return name if validation.is_path_segment(name) else ""
