"""Attributes of a request → the declared resource, and the namespace to which the answer is limited.

An answer never has more than the request is authorized for. If it has more than the namespace of the path,
the route says that the request must be allowed for all namespaces too. A path whose answer would be about
another namespace is not found.

All that a read needs and that does not depend on the request is prepared here once, at start: an `Endpoint`
for each resource and subresource.
"""

import dataclasses
import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from apiservice.request import request_info
from apiservice.resources import declaration, table

READS = frozenset({"get", "list"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Endpoint:
    """A resource or a subresource, with all that is needed to read it."""

    group: str
    version: str
    resource: str
    subresource: str | None
    namespaced: bool
    anywhere: bool = False
    """Whether a resource of cluster scope is also served below a namespace."""
    verbs: frozenset[str]
    selects: bool = True
    """Whether the reader applies label and field selectors. For values, the provider does."""
    list_kind: str
    columns: Sequence[Mapping[str, Any]]
    printer: declaration.Printer
    field_labels: frozenset[str]
    parameters: tuple[str, ...]
    collect: declaration.Collect
    fetch: Callable[[declaration.Query], Awaitable[declaration.Row]] | None

    @property
    def group_version(self) -> str:
        """Group and version, as in `apiVersion`."""
        return f"{self.group}/{self.version}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Route:
    """An endpoint, and the namespace and names in the request."""

    endpoint: Endpoint
    resource: str
    """As in the request. The endpoint's may be a placeholder in braces."""
    subresource: str | None = None
    namespace: str | None = None
    name: str | None = None
    within: str | None = None
    """The one namespace of the answer; `None` means all namespaces and objects without a namespace."""
    is_of_all: bool = False
    """Whether the answer has all namespaces although the path has one. The same request for all namespaces
    must then be allowed as well.
    """


_Key = tuple[str, str, str | None, str | None]
_ANY = "{}"
"""The placeholder in keys, for all names that are not declared otherwise."""
NAMESPACES = "namespaces"
_ALL = "*"
"""Means all objects in a request for values. In place of a namespace it means all namespaces; RBAC treats it
as an ordinary name.
"""


class Routes:
    """All endpoints of the given versions. Raises `ValueError` if a name or a kind is declared twice."""

    def __init__(self, versions: Sequence[declaration.GroupVersion]) -> None:
        self._endpoints: dict[_Key, Endpoint] = {}
        for version in versions:
            _check_kinds(version)
            for resource in version.resources:
                for endpoint in _endpoints(version, resource=resource):
                    self._add(endpoint, endpoint.resource)
            for values in version.values:
                for endpoint in _of_values(version, values=values):
                    for name in (values.plural, *values.aliases):
                        self._add(endpoint, name)

    def find(self, attributes: request_info.Attributes) -> Route | None:
        """The route of a request, for any verb; `None` if no such resource is declared."""
        parts = attributes.parts
        if not parts or len(parts) > 3 or not all(parts):
            return None
        resource, subresource = parts[0], parts[2] if len(parts) == 3 else None
        endpoint = self._lookup(attributes, resource, subresource)
        if endpoint is None:
            return self._below_namespace(attributes)
        name = parts[1] if len(parts) > 1 else None
        if not _is_path_of(attributes, endpoint=endpoint, name=name):
            return None
        places = endpoint.namespaced or endpoint.anywhere
        within, is_of_all = _reach(attributes, endpoint=endpoint)
        return Route(
            endpoint=endpoint,
            resource=resource,
            subresource=subresource,
            namespace=(attributes.namespace or None) if places else None,
            name=name,
            within=within,
            is_of_all=is_of_all,
        )

    def _add(self, endpoint: Endpoint, name: str) -> None:
        key = (endpoint.group, endpoint.version, _key(name), _key(endpoint.subresource))
        if key in self._endpoints:
            declared = "/".join(filter(None, (endpoint.group, endpoint.version, name, endpoint.subresource)))
            raise ValueError(f"{declared} is declared twice; plural names must be unique")
        self._endpoints[key] = endpoint

    def _lookup(
        self, attributes: request_info.Attributes, resource: str, subresource: str | None
    ) -> Endpoint | None:
        group, version = attributes.group, attributes.version
        found = self._endpoints.get((group, version, resource, subresource))
        if found is not None:
            return found
        open_part = None if subresource is None else _ANY
        keys = ((resource, open_part), (_ANY, subresource), (_ANY, open_part))
        found_openly = (self._endpoints.get((group, version, *key)) for key in keys)
        return next(filter(None, found_openly), None)

    def _below_namespace(self, attributes: request_info.Attributes) -> Route | None:
        """The route of `/namespaces/{name}/{subresource}`, which is parsed as a list in that namespace."""
        if not attributes.namespace or len(attributes.parts) > 1:
            return None
        part = attributes.parts[0]
        endpoint = self._lookup(attributes, NAMESPACES, part)
        if endpoint is None:
            return None
        within, is_of_all = _reach(attributes, endpoint=endpoint)
        return Route(
            endpoint=endpoint,
            resource=NAMESPACES,
            subresource=part,
            name=attributes.namespace,
            within=within,
            is_of_all=is_of_all,
        )


def _is_path_of(attributes: request_info.Attributes, *, endpoint: Endpoint, name: str | None) -> bool:
    """Whether the endpoint can have this path: with or without namespace and name."""
    namespace = attributes.namespace
    if endpoint.namespaced:
        return bool(namespace) or not name
    if not namespace or endpoint.anywhere:
        return True
    # In the path of a Namespace object, the object is also its own namespace. No other resource of cluster
    # scope is below a namespace.
    return attributes.parts[0] == NAMESPACES and name == namespace


def _reach(attributes: request_info.Attributes, *, endpoint: Endpoint) -> tuple[str | None, bool]:
    """The namespace to which the answer is limited, and whether it has all although the path has one."""
    namespace = attributes.namespace or None
    if namespace is None:
        return None, False
    is_of_cluster = endpoint.anywhere and not declaration.is_open(endpoint.resource)
    is_of_all = is_of_cluster or (namespace == _ALL and not endpoint.selects)
    return (None if is_of_all else namespace), is_of_all


def _key(name: str | None) -> str | None:
    return _ANY if name is not None and declaration.is_open(name) else name


def _check_kinds(version: declaration.GroupVersion) -> None:
    """Refuses a kind that two resources have: kubectl maps a resource's name to its kind and back."""
    plurals: dict[str, str] = {}
    for resource in version.resources:
        first = plurals.setdefault(resource.kind, resource.plural)
        if first != resource.plural:
            raise ValueError(
                f"{first} and {resource.plural} of {version.name} both declare kind {resource.kind}, "
                "so kubectl would read one of them in place of the other: declare a kind of its own for each "
                "(their objects may keep theirs)"
            )


def _endpoints(version: declaration.GroupVersion, *, resource: declaration.Resource) -> list[Endpoint]:
    whole = Endpoint(
        group=version.group,
        version=version.version,
        resource=resource.plural,
        subresource=None,
        namespaced=resource.scope is declaration.Scope.NAMESPACED,
        verbs=READS,
        list_kind=resource.list_kind,
        columns=table.definitions(resource.columns),
        printer=resource.printer,
        field_labels=resource.field_labels,
        parameters=_names(resource.parameters),
        collect=resource.provider.list,
        fetch=resource.provider.get,
    )
    parts = [dataclasses.replace(whole, fetch=None, **_of_part(part)) for part in resource.subresources]
    return [whole, *parts]


def _of_values(version: declaration.GroupVersion, *, values: declaration.ValueResource) -> list[Endpoint]:
    base = functools.partial(
        Endpoint,
        group=version.group,
        version=version.version,
        resource=values.plural,
        namespaced=values.scope is declaration.Scope.NAMESPACED,
        anywhere=values.in_namespaces_too,
        selects=False,
        field_labels=frozenset(),
        parameters=_names(values.parameters),
        fetch=None,
    )
    parts = [base(**_of_part(part)) for part in values.subresources]
    if values.collect is None:
        return parts
    whole = base(
        subresource=None,
        verbs=frozenset(values.verbs),
        list_kind=values.list_kind,
        columns=table.definitions(values.columns),
        printer=values.printer,
        collect=values.collect,
    )
    return [whole, *parts]


def _of_part(part: declaration.Subresource) -> dict[str, Any]:
    """The fields of an endpoint that come from the subresource and not from its parent."""
    return {
        "subresource": part.name,
        "verbs": READS,
        "list_kind": part.list_kind,
        "columns": table.definitions(part.columns),
        "printer": part.printer,
        "collect": part.fetch,
    }


def _names(parameters: Sequence[declaration.Parameter]) -> tuple[str, ...]:
    return tuple(parameter.name for parameter in parameters)
