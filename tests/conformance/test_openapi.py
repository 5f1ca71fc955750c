"""O: the description that `kubectl explain` and typed clients need."""

import re
from collections.abc import Iterator
from typing import Any

from tests.conformance import api, rows

_GVK = "x-kubernetes-group-version-kind"
_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


def _url(api: api.Api) -> str:
    """The URL of the version's own document."""
    paths = api.read("/openapi/v3")["paths"]
    return str(paths[api.subject.root.removeprefix("/")]["serverRelativeURL"])


@rows.row("O1")
def test_the_older_document_is_there_and_is_not_sent_twice(api: api.Api) -> None:
    reply = api.ask("/openapi/v2", accept="application/json")

    assert reply.status == 200
    assert reply.json["swagger"] == "2.0"
    assert any(path.startswith(api.subject.root) for path in reply.json["paths"])
    assert "accept" in reply.listed("Vary")
    credential = api.subject.credential.bearing(If_None_Match=reply.headers["ETag"])
    assert api.ask("/openapi/v2", accept="application/json", credential=credential).status == 304


@rows.row("O1a")
def test_the_older_document_is_refused_in_a_format_that_is_not_offered(api: api.Api) -> None:
    assert api.ask("/openapi/v2", accept="application/xml").status == 406


@rows.row("O1b")
def test_the_older_document_is_there_in_protobuf_too(api: api.Api) -> None:
    reply = api.ask("/openapi/v2", accept=_PROTOBUF)

    assert reply.status == 200
    assert "protobuf" in reply.content_type


@rows.row("O2")
def test_the_index_refers_to_each_version_by_its_hash(api: api.Api) -> None:
    url = _url(api)

    assert re.fullmatch(rf"/openapi/v3{re.escape(api.subject.root)}\?hash=[0-9A-F]+", url)
    assert api.ask(url).status == 200


@rows.row("O3")
def test_a_document_asked_for_by_its_hash_may_be_kept_for_ever(api: api.Api) -> None:
    reply = api.ask(_url(api))

    assert {"public", "immutable"} <= reply.listed("Cache-Control")
    assert reply.headers["Expires"]
    assert reply.headers["ETag"]


@rows.row("O3a")
def test_an_old_hash_leads_to_the_new_document(api: api.Api) -> None:
    reply = api.ask(f"/openapi/v3{api.subject.root}", hash="0000")

    if reply.status == 301:
        assert reply.headers["Location"] == _url(api)
    else:
        assert reply.headers["ETag"] == api.ask(_url(api)).headers["ETag"]
        assert "immutable" not in reply.listed("Cache-Control")


@rows.row("O3b")
def test_a_version_that_is_not_there_has_no_document(api: api.Api) -> None:
    assert api.ask(f"/openapi/v3/apis/{api.subject.group}/v99").status == 404


@rows.row("O4")
def test_every_resource_can_be_explained(api: api.Api) -> None:
    document = api.read(_url(api))
    schemas = document["components"]["schemas"]
    kinds = [kind for schema in schemas.values() for kind in schema.get(_GVK, [])]

    for resource in api.resources:
        inner = "/namespaces/{namespace}" if resource.namespaced else ""
        operation = document["paths"][f"{api.subject.root}{inner}/{resource.plural}"]["get"]
        kind = {"group": api.subject.group, "version": api.subject.version, "kind": resource.kind}
        assert operation[_GVK] == kind
        assert operation["x-kubernetes-action"] == "list"
        assert kinds.count(kind) == 1, f"explain takes one component of {kind}"


def _undescribed(schema: Any, *, path: str) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        if len(field.get("description", "")) < 20:
            yield f"{path}.{name}"
        yield from _undescribed(field, path=f"{path}.{name}")
        yield from _undescribed(field.get("items", {}), path=f"{path}.{name}[]")


@rows.row("O4a")
def test_every_field_is_described_in_words_worth_reading(api: api.Api) -> None:
    schemas = api.read(_url(api))["components"]["schemas"]

    found = [field for name, schema in schemas.items() for field in _undescribed(schema, path=name)]
    assert not found, f"too short, or nothing: {found}"


@rows.row("O4b")
def test_every_reference_in_the_document_leads_somewhere(api: api.Api) -> None:
    reply = api.ask(_url(api))

    referred = set(re.findall(r'"#/components/schemas/([^"]+)"', reply.text))
    assert referred <= set(reply.json["components"]["schemas"])
