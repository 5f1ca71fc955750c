"""The OpenAPI documents, made once at start: in v3 one per version and an index, in v2 one for all versions.

The index refers to each document by its hash, so a client may cache the document without limit. The v2
document is made from the v3 documents, for clients and kube-apiservers that ask for v2.
https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email import utils as dates
from typing import Any

from apiservice.discovery import meta_schemas, openapi_paths, openapi_v2
from apiservice.http import messages, negotiation, static_document
from apiservice.resources import declaration

_GVK = "x-kubernetes-group-version-kind"
_V3_ROOT = "/openapi/v3"
_EVER = timedelta(days=365)


class OpenAPI:
    """Answers `/openapi/v2`, `/openapi/v3` and the documents below it.

    `now` is the time from which the `Expires` header counts. Raises `ValueError` if a kind has no schema.
    """

    def __init__(
        self, versions: Sequence[declaration.GroupVersion], *, title: str, release: str, now: datetime
    ) -> None:
        info = {"title": title, "version": release}
        specs = [_v3(version, info=info) for version in versions]
        self._documents = {
            f"{_V3_ROOT}/apis/{version.name}": static_document.of(spec)
            for version, spec in zip(versions, specs, strict=True)
        }
        self._index = static_document.of(
            {
                "paths": {
                    path.removeprefix(f"{_V3_ROOT}/"): {"serverRelativeURL": _url(path, document=document)}
                    for path, document in self._documents.items()
                }
            }
        )
        self._v2 = static_document.of(openapi_v2.render(specs, info=info))
        self._immutable = (
            ("Cache-Control", "public, immutable"),
            ("Expires", dates.format_datetime(now + _EVER, usegmt=True)),
        )

    @property
    def paths(self) -> Sequence[str]:
        """All paths that this answers."""
        return ["/openapi/v2", _V3_ROOT, *self._documents]

    async def v2(self, incoming: messages.Incoming) -> messages.Answer:
        """The v2 document of all versions. Raises `NotAcceptable`, as all answers here do."""
        _check_accept(incoming)
        return self._v2.answer(incoming)

    async def index(self, incoming: messages.Incoming) -> messages.Answer:
        """The list of all v3 documents, with the hash of each."""
        _check_accept(incoming)
        return self._index.answer(incoming)

    async def v3(self, incoming: messages.Incoming) -> messages.Answer:
        """The v3 document of one version. If the request has its hash, the client may cache it without limit.

        A request with an old hash gets the current document. A redirect would be correct too, but the
        kube-apiserver turns it into a 502: after an upgrade, `kubectl explain` would fail until kubectl has
        the new index.
        """
        _check_accept(incoming)
        path = incoming.path.rstrip("/")
        document = self._documents[path]
        asked = incoming.query.get("hash")
        if asked != document.digest:
            return document.answer(incoming)
        return document.answer(incoming, headers=self._immutable)


def _check_accept(incoming: messages.Incoming) -> None:
    negotiation.choose(incoming.headers.get("Accept", ""), offers=negotiation.JSON_OFFERS)


def _url(path: str, *, document: static_document.Document) -> str:
    return f"{path}?hash={document.digest}"


def _v3(version: declaration.GroupVersion, *, info: Mapping[str, str]) -> dict[str, Any]:
    return {
        "openapi": "3.0.0",
        "info": info,
        "paths": openapi_paths.paths(version),
        "components": {"schemas": components(version)},
    }


def components(version: declaration.GroupVersion) -> dict[str, Any]:
    """The OpenAPI components of a version: of its objects, their lists, and Kubernetes' metadata.

    Raises `ValueError` if a kind has no schema.
    """
    found = {**meta_schemas.COMPONENTS, **{name: dict(schema) for name, schema in version.schemas.items()}}
    for item, kind, list_kind in _kinds(version):
        if item not in version.schemas:
            raise ValueError(
                f'kind {kind} of {version.name} has the schema "{item}", which is not among its schemas'
            )
        listed = openapi_paths.list_component(item, list_kind=list_kind)
        found.setdefault(listed, _list_schema(item, kind=kind))
        _mark(found[item], version=version, kind=kind)
        _mark(found[listed], version=version, kind=list_kind)
    return found


def _kinds(version: declaration.GroupVersion) -> list[tuple[str, str, str]]:
    """Component, kind and list kind of all that is served."""
    found = []
    for resource in version.resources:
        found.append((resource.schema, resource.kind, resource.list_kind))
        found += [
            (part.schema or resource.schema, part.kind, part.list_kind) for part in resource.subresources
        ]
    for values in version.values:
        kinds = (values.list_kind.removesuffix("List"), *values.listed.values())
        found += [(values.schema, kind, values.list_kind) for kind in kinds]
        found += [(part.schema or values.schema, part.kind, part.list_kind) for part in values.subresources]
    return found


def _mark(schema: dict[str, Any], *, version: declaration.GroupVersion, kind: str) -> None:
    """Adds the group, version and kind to a component; kubectl finds components by them."""
    mark = {"group": version.group, "version": version.version, "kind": kind}
    if mark not in schema.get(_GVK, []):
        schema[_GVK] = [*schema.get(_GVK, []), mark]


def _list_schema(item: str, *, kind: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": f"A list of {kind}.",
        "required": ["items"],
        "properties": {
            "apiVersion": meta_schemas.API_VERSION,
            "kind": meta_schemas.KIND,
            "metadata": meta_schemas.reference(meta_schemas.LIST_META, description="What every list has."),
            "items": {
                "type": "array",
                "description": "Sorted by namespace and name.",
                "items": meta_schemas.reference(item),
            },
        },
    }
