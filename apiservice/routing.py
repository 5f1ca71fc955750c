"""Attributes of a request → what of the declared resources they mean.

Everything a read needs and that does not depend on the request is made here once: an `Endpoint` per
resource and subresource, found by one look-up.
"""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from apiservice import requests, resources, table


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Endpoint:
    """A resource or a subresource, prepared to be read."""

    group: str
    version: str
    resource: str
    subresource: str | None
    namespaced: bool
    list_kind: str
    columns: Sequence[Mapping[str, Any]]
    printer: resources.Printer
    field_labels: frozenset[str]
    parameters: tuple[str, ...]
    collect: Callable[[resources.Query], Awaitable[resources.Collection]]
    fetch: Callable[[resources.Query], Awaitable[resources.Row]] | None

    @property
    def group_version(self) -> str:
        return f"{self.group}/{self.version}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """An endpoint, and where in it."""

    endpoint: Endpoint
    namespace: str | None = None
    name: str | None = None


_Key = tuple[str, str, str, str | None]


class Routes:
    """All endpoints of the given versions."""

    def __init__(self, versions: Sequence[resources.GroupVersion]) -> None:
        self._endpoints: dict[_Key, Endpoint] = {}
        for version in versions:
            _check_kinds(version)
            for resource in version.resources:
                for endpoint in _endpoints(version, resource=resource):
                    self._add(endpoint)

    def find(self, attributes: requests.Attributes) -> Target | None:
        """The target, whatever the verb; `None` where nothing is declared."""
        parts = attributes.parts
        if not parts or len(parts) > 3 or not all(parts):
            return None
        endpoint = self._lookup(attributes, parts[0], parts[2] if len(parts) == 3 else None)
        if endpoint is None:
            return self._below_namespace(attributes)
        name = parts[1] if len(parts) > 1 else None
        if endpoint.namespaced:
            return self._namespaced(endpoint, namespace=attributes.namespace, name=name)
        # The path of a Namespace object names it as its own namespace.
        if attributes.namespace and parts[0] != "namespaces":
            return None
        return Target(endpoint=endpoint, name=name)

    def _add(self, endpoint: Endpoint) -> None:
        key = (endpoint.group, endpoint.version, endpoint.resource, endpoint.subresource)
        if key in self._endpoints:
            raise ValueError(f"{'/'.join(filter(None, key))} is declared twice; plural names must be unique")
        self._endpoints[key] = endpoint

    def _lookup(
        self, attributes: requests.Attributes, resource: str, subresource: str | None
    ) -> Endpoint | None:
        return self._endpoints.get((attributes.group, attributes.version, resource, subresource))

    def _below_namespace(self, attributes: requests.Attributes) -> Target | None:
        """`/namespaces/{name}/{subresource}`, which reads like a list of a resource in that namespace."""
        if not attributes.namespace or len(attributes.parts) > 1:
            return None
        endpoint = self._lookup(attributes, "namespaces", attributes.parts[0])
        return Target(endpoint=endpoint, name=attributes.namespace) if endpoint else None

    def _namespaced(self, endpoint: Endpoint, *, namespace: str, name: str | None) -> Target | None:
        if name and not namespace:
            return None
        return Target(endpoint=endpoint, namespace=namespace or None, name=name)


def _check_kinds(version: resources.GroupVersion) -> None:
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


def _endpoints(version: resources.GroupVersion, *, resource: resources.Resource) -> list[Endpoint]:
    whole = Endpoint(
        group=version.group,
        version=version.version,
        resource=resource.plural,
        subresource=None,
        namespaced=resource.scope is resources.Scope.NAMESPACED,
        list_kind=resource.list_kind,
        columns=table.definitions(resource.columns),
        printer=resource.printer,
        field_labels=resource.field_labels,
        parameters=tuple(parameter.name for parameter in resource.parameters),
        collect=resource.provider.list,
        fetch=resource.provider.get,
    )
    parts = [
        dataclasses.replace(
            whole,
            subresource=subresource.name,
            list_kind=subresource.list_kind,
            columns=table.definitions(subresource.columns),
            printer=subresource.printer,
            collect=subresource.fetch,
            fetch=None,
        )
        for subresource in resource.subresources
    ]
    return [whole, *parts]
