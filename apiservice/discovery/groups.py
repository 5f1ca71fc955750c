"""The discovery documents, aggregated and unaggregated, made once at start.

The kube-apiserver fetches the aggregated document once per Service, for all versions behind it, so the
document contains every version. Some clients panic on a resource without `responseKind`, so each has one.
https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from collections.abc import Mapping, Sequence
from typing import Any

from apiservice.http import messages, negotiation, static_document
from apiservice.resources import declaration

_GROUP = "apidiscovery.k8s.io"
_VERBS = ["get", "list"]
_SUBRESOURCE_VERBS = ["get"]


class Discovery:
    """Answers `/apis` and what is below it."""

    def __init__(self, versions: Sequence[declaration.GroupVersion]) -> None:
        groups: dict[str, list[declaration.GroupVersion]] = {}
        for version in versions:
            groups.setdefault(version.group, []).append(version)
        self._root = _root(groups)
        self._offers = tuple(self._root)
        self._plain = _plain(groups)

    @property
    def paths(self) -> Sequence[str]:
        """All paths that `root` and `below` answer."""
        return ["/apis", *self._plain]

    async def root(self, incoming: messages.Incoming) -> messages.Answer:
        """The document of `/apis`, aggregated if the client accepts that. Raises `NotAcceptable`."""
        offer = negotiation.choose(incoming.headers.get("Accept", ""), offers=self._offers)
        return self._root[offer].answer(incoming, headers=(("Cache-Control", "public"),))

    async def below(self, incoming: messages.Incoming) -> messages.Answer:
        """The document of the group or version that the path names. Raises `NotAcceptable`."""
        negotiation.choose(incoming.headers.get("Accept", ""), offers=negotiation.JSON_OFFERS)
        return self._plain[incoming.path.rstrip("/")].answer(incoming)


_Groups = Mapping[str, Sequence[declaration.GroupVersion]]


def _root(groups: _Groups) -> dict[negotiation.Offer, static_document.Document]:
    plain = {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(v) for v in groups.values()]}
    found = {negotiation.JSON: static_document.of(plain)}
    for version in ("v2", "v2beta1"):
        offer = negotiation.Offer("json", "APIGroupDiscoveryList", _GROUP, version)
        aggregated = {
            "kind": offer.kind,
            "apiVersion": f"{_GROUP}/{version}",
            "metadata": {},
            "items": [_aggregated_group(name, versions=versions) for name, versions in groups.items()],
        }
        found[offer] = static_document.of(aggregated, content_type=offer.media_type)
    return found


def _plain(groups: _Groups) -> dict[str, static_document.Document]:
    found = {}
    for name, versions in groups.items():
        found[f"/apis/{name}"] = static_document.of(
            {"kind": "APIGroup", "apiVersion": "v1", **_group(versions)}
        )
        for version in versions:
            found[f"/apis/{version.name}"] = static_document.of(_resource_list(version))
    return found


def _group(versions: Sequence[declaration.GroupVersion]) -> dict[str, Any]:
    named = [{"groupVersion": version.name, "version": version.version} for version in versions]
    return {
        "name": versions[0].group,
        "versions": named,
        "preferredVersion": named[0],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}],
    }


def _resource_list(version: declaration.GroupVersion) -> dict[str, Any]:
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version.name,
        "resources": [
            *(entry for resource in version.resources for entry in _entries(resource)),
            *(entry for values in version.values for entry in _value_entries(values)),
        ],
    }


def _entries(resource: declaration.Resource) -> list[dict[str, Any]]:
    namespaced = resource.scope is declaration.Scope.NAMESPACED
    whole = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": namespaced,
        "kind": resource.kind,
        "verbs": _VERBS,
        **_names(resource),
    }
    parts = [
        {
            "name": f"{resource.plural}/{subresource.name}",
            "singularName": "",
            "namespaced": namespaced,
            "kind": subresource.list_kind,
            "verbs": _SUBRESOURCE_VERBS,
        }
        for subresource in resource.subresources
    ]
    return [whole, *parts]


def _aggregated_group(name: str, *, versions: Sequence[declaration.GroupVersion]) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "versions": [
            {
                "version": version.version,
                "freshness": "Current",
                "resources": [
                    *(_aggregated(resource, version=version) for resource in version.resources),
                    *(
                        entry
                        for values in version.values
                        for entry in _aggregated_values(values, version=version)
                    ),
                ],
            }
            for version in versions
        ],
    }


def _aggregated(resource: declaration.Resource, *, version: declaration.GroupVersion) -> dict[str, Any]:
    def response_kind(kind: str) -> dict[str, str]:
        return {"group": version.group, "version": version.version, "kind": kind}

    return {
        "resource": resource.plural,
        "responseKind": response_kind(resource.kind),
        "scope": resource.scope.value,
        "singularResource": resource.singular,
        "verbs": _VERBS,
        **_names(resource),
        "subresources": [
            {
                "subresource": subresource.name,
                "responseKind": response_kind(subresource.list_kind),
                "verbs": _SUBRESOURCE_VERBS,
            }
            for subresource in resource.subresources
        ],
    }


def _value_entries(values: declaration.ValueResource) -> list[dict[str, Any]]:
    namespaced = values.scope is declaration.Scope.NAMESPACED
    wholes = [
        {"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": [*values.verbs]}
        for name, kind in _listed(values).items()
    ]
    parts = [
        {
            "name": f"{values.plural}/{name}",
            "singularName": "",
            "namespaced": namespaced,
            "kind": part.list_kind,
            "verbs": _SUBRESOURCE_VERBS,
        }
        for part in values.subresources
        for name in part.listed
    ]
    return [*wholes, *parts]


def _aggregated_values(
    values: declaration.ValueResource, *, version: declaration.GroupVersion
) -> list[dict[str, Any]]:
    """The entries of the values and their subresources.

    The entry of a resource that has readable subresources only has no kind, so clients list the subresources
    alone.
    """

    def entry(name: str, kind: Mapping[str, str], verbs: Sequence[str]) -> dict[str, Any]:
        return {
            "resource": name,
            "responseKind": kind,
            "scope": values.scope.value,
            "singularResource": "",
            "verbs": [*verbs],
        }

    def kind_of(name: str) -> dict[str, str]:
        return {"group": version.group, "version": version.version, "kind": name}

    wholes = [entry(name, kind_of(kind), values.verbs) for name, kind in _listed(values).items()]
    parts = [
        {"subresource": name, "responseKind": kind_of(part.list_kind), "verbs": _SUBRESOURCE_VERBS}
        for part in values.subresources
        for name in part.listed
    ]
    if not parts:
        return wholes
    unread = entry(values.plural, {"group": "", "version": "", "kind": ""}, ())
    return [*wholes, {**unread, "subresources": parts}]


def _listed(values: declaration.ValueResource) -> Mapping[str, str]:
    """The names of the resources that are not subresources, and their kinds."""
    if declaration.is_open(values.plural):
        return values.listed
    return {values.plural: values.list_kind} if values.verbs else {}


def _names(resource: declaration.Resource) -> dict[str, list[str]]:
    named = {"shortNames": list(resource.short_names), "categories": list(resource.categories)}
    return {key: value for key, value in named.items() if value}
