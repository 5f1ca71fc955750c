"""Attributes of a request → what of the declared resources they mean, and how far the answer may reach.

A target never reaches further than its request is authorized. Where an answer concerns more than the
namespace of the path, the target names what must be allowed besides; a path whose answer would concern
another namespace leads nowhere.

Everything a read needs and that does not depend on the request is made here once: an `Endpoint` per
resource and subresource, found by one look-up.
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
    """A resource or a subresource, prepared to be read."""

    group: str
    version: str
    resource: str
    subresource: str | None
    namespaced: bool
    anywhere: bool = False
    """Whether one that is not namespaced is answered below a namespace, too."""
    verbs: frozenset[str]
    selects: bool = True
    """Whether the kit selects what was collected by labels and fields."""
    list_kind: str
    columns: Sequence[Mapping[str, Any]]
    printer: declaration.Printer
    field_labels: frozenset[str]
    parameters: tuple[str, ...]
    collect: declaration.Collect
    fetch: Callable[[declaration.Query], Awaitable[declaration.Row]] | None

    @property
    def group_version(self) -> str:
        return f"{self.group}/{self.version}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """An endpoint, and where in it."""

    endpoint: Endpoint
    resource: str
    """As it was asked for: the endpoint's may stand for many."""
    subresource: str | None = None
    namespace: str | None = None
    name: str | None = None
    within: str | None = None
    """The one namespace that the answer is of; `None` means all, and what is in none."""
    besides: request_info.Attributes | None = None
    """What must be allowed beside the request itself."""


_Key = tuple[str, str, str | None, str | None]
_ANY = "{}"
"""Stands in keys for names that no other endpoint has."""
NAMESPACES = "namespaces"
_ALL = "*"
"""Stands for every object where values are asked for. It is no namespace's name: RBAC takes it for one."""


class Routes:
    """All endpoints of the given versions."""

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

    def find(self, attributes: request_info.Attributes) -> Target | None:
        """The target, whatever the verb; `None` where nothing is declared."""
        parts = attributes.parts
        if not parts or len(parts) > 3 or not all(parts):
            return None
        resource, subresource = parts[0], parts[2] if len(parts) == 3 else None
        endpoint = self._lookup(attributes, resource, subresource)
        if endpoint is None:
            return self._below_namespace(attributes)
        name = parts[1] if len(parts) > 1 else None
        if not _leads_somewhere(attributes, endpoint=endpoint, name=name):
            return None
        places = endpoint.namespaced or endpoint.anywhere
        within, besides = _reach(attributes, endpoint=endpoint)
        return Target(
            endpoint=endpoint,
            resource=resource,
            subresource=subresource,
            namespace=(attributes.namespace or None) if places else None,
            name=name,
            within=within,
            besides=besides,
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

    def _below_namespace(self, attributes: request_info.Attributes) -> Target | None:
        """`/namespaces/{name}/{subresource}`, which reads like a list of a resource in that namespace."""
        if not attributes.namespace or len(attributes.parts) > 1:
            return None
        part = attributes.parts[0]
        endpoint = self._lookup(attributes, NAMESPACES, part)
        if endpoint is None:
            return None
        within, besides = _reach(attributes, endpoint=endpoint)
        return Target(
            endpoint=endpoint,
            resource=NAMESPACES,
            subresource=part,
            name=attributes.namespace,
            within=within,
            besides=besides,
        )


def _leads_somewhere(attributes: request_info.Attributes, *, endpoint: Endpoint, name: str | None) -> bool:
    """Whether the path has the form of such an endpoint's."""
    namespace = attributes.namespace
    if endpoint.namespaced:
        return bool(namespace) or not name
    if not namespace or endpoint.anywhere:
        return True
    # The path of a Namespace object names it as its own namespace, and no other is below a namespace.
    return attributes.parts[0] == NAMESPACES and name == namespace


def _reach(
    attributes: request_info.Attributes, *, endpoint: Endpoint
) -> tuple[str | None, request_info.Attributes | None]:
    """The namespace that an answer is confined to, or what must be allowed for one that is not."""
    namespace = attributes.namespace or None
    is_of_cluster = endpoint.anywhere and not declaration.is_open(endpoint.resource)
    if namespace is None or not (is_of_cluster or (namespace == _ALL and not endpoint.selects)):
        return namespace, None
    return None, dataclasses.replace(attributes, namespace="")


def _key(name: str | None) -> str | None:
    return _ANY if name is not None and declaration.is_open(name) else name


def _check_kinds(version: declaration.GroupVersion) -> None:
    """kubectl goes from a resource's name to its kind and back: that must lead to the same resource."""
    plurals: dict[str, str] = {}
    for resource in version.resources:
        first = plurals.setdefault(resource.kind, resource.plural)
        if first != resource.plural:
            raise ValueError(
                f"{first} and {resource.plural} of {version.name} both declare kind {resource.kind}, "
                "so that kubectl would read one of them for the other: declare a kind of its own for each "
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


def _of_values(version: declaration.GroupVersion, *, values: declaration.Values) -> list[Endpoint]:
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
    """What an endpoint has of a subresource, and not of what it is a part of."""
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
