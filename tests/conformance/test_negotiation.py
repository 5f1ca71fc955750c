"""N: the formats that a client can request.
https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
"""

import gzip
import json

import pytest
import yaml

from tests.conformance import api, rows
from tests.conformance.api import KUBECTL, TABLE

_META = "g=meta.k8s.io"
_COMPRESSED_FROM = 128 * 1024


@rows.row("N1")
def test_kubectl_gets_a_table(api: api.Api) -> None:
    reply = api.ask(api.collection, accept=KUBECTL, limit="500")

    assert reply.status == 200
    assert reply.content_type == "application/json"
    assert (reply.json["kind"], reply.json["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    columns = reply.json["columnDefinitions"]
    for column in columns:
        assert {"name", "type", "format", "description", "priority"} <= set(column)
        assert column["description"]
    assert len(reply.json["rows"]) >= 2
    for row in reply.json["rows"]:
        assert len(row["cells"]) == len(columns)
        assert row["object"]["kind"] == "PartialObjectMetadata"
        assert row["object"]["metadata"]["namespace"] == api.subject.namespace


@rows.row("N1a")
def test_one_object_is_a_table_of_one_row(api: api.Api) -> None:
    reply = api.read(api.object_path, accept=KUBECTL)

    assert reply["kind"] == "Table"
    assert [row["object"]["metadata"]["name"] for row in reply["rows"]] == [api.name]


@rows.row("N1b")
def test_an_older_table_is_served_to_those_who_ask_for_it(api: api.Api) -> None:
    reply = api.read(api.collection, accept=f"application/json;as=Table;v=v1beta1;{_META}")

    assert (reply["kind"], reply["apiVersion"]) == ("Table", "meta.k8s.io/v1beta1")


@rows.row("N2")
def test_some_columns_are_for_wide_tables_only_and_one_is_the_name(api: api.Api) -> None:
    reply = api.read(api.collection, accept=TABLE)

    columns = reply["columnDefinitions"]
    assert {0, 1} <= {column["priority"] for column in columns}
    (place,) = (number for number, column in enumerate(columns) if column["format"] == "name")
    assert [row["cells"][place] for row in reply["rows"]] == [
        row["object"]["metadata"]["name"] for row in reply["rows"]
    ]


@rows.row("N2a")
def test_every_resource_is_a_table_with_a_name(api: api.Api) -> None:
    for resource in api.resources:
        columns = api.read(api.everywhere(resource), accept=TABLE)["columnDefinitions"]
        assert [column["format"] for column in columns].count("name") == 1, resource
        assert columns[0]["priority"] == 0


@rows.row("N2b")
def test_an_empty_table_has_its_columns_too(api: api.Api) -> None:
    reply = api.read(api.collection, accept=TABLE, labelSelector="there-is=nothing")

    assert reply["columnDefinitions"] == api.read(api.collection, accept=TABLE)["columnDefinitions"]
    assert reply["rows"] == []


@rows.row("N3")
@pytest.mark.parametrize("include", ["None", "Metadata", "Object"])
def test_a_row_brings_its_object_or_its_metadata_or_nothing(api: api.Api, include: str) -> None:
    rows = api.read(api.collection, accept=TABLE, includeObject=include)["rows"]

    beside = [row.get("object") for row in rows]
    match include:
        case "None":
            assert set(beside) == {None}
        case "Metadata":
            assert {each["kind"] for each in beside} == {"PartialObjectMetadata"}
            assert {each["apiVersion"] for each in beside} == {"meta.k8s.io/v1"}
        case _:
            assert {each["metadata"]["name"] for each in beside} == {
                item["metadata"]["name"] for item in api.items
            }
            assert all(set(each) > {"kind", "apiVersion", "metadata"} for each in beside)


@rows.row("N3a")
def test_a_row_brings_nothing_that_has_no_name(api: api.Api) -> None:
    reply = api.ask(api.collection, accept=TABLE, includeObject="Everything")

    assert reply.refusal(400)["reason"] == "BadRequest"


@rows.row("N4")
@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_the_metadata_can_be_had_alone(api: api.Api, version: str) -> None:
    accept = f"application/json;as=PartialObjectMetadataList;v={version};{_META}"
    listed = api.read(api.collection, accept=accept)
    assert (listed["kind"], listed["apiVersion"]) == ("PartialObjectMetadataList", f"meta.k8s.io/{version}")
    assert all(set(item) <= {"kind", "apiVersion", "metadata"} for item in listed["items"])

    accept = f"application/json;as=PartialObjectMetadata;v={version};{_META}"
    one = api.read(api.object_path, accept=accept)
    assert (one["kind"], one["apiVersion"]) == ("PartialObjectMetadata", f"meta.k8s.io/{version}")
    assert one["metadata"]["name"] == api.name


@rows.row("N4a")
def test_the_metadata_of_a_list_is_not_that_of_an_object(api: api.Api) -> None:
    partial = f"application/json;as=PartialObjectMetadata;v=v1;{_META}"
    partials = f"application/json;as=PartialObjectMetadataList;v=v1;{_META}"

    assert api.ask(api.collection, accept=partial).refusal(406)["reason"] == "NotAcceptable"
    assert api.ask(api.object_path, accept=partials).refusal(406)["reason"] == "NotAcceptable"


@rows.row("N5")
def test_the_first_acceptable_of_the_best_is_sent(api: api.Api) -> None:
    sent = {
        "text/html, application/json": "application/json",
        "application/json;q=0.5, application/yaml": "application/yaml",
        "application/yaml;q=0.1, application/json;q=0.2": "application/json",
        "application/json, application/yaml": "application/json",
        "*/*": "application/json",
        "application/*": "application/json",
    }
    for accept, kind in sent.items():
        assert api.ask(api.collection, accept=accept).content_type == kind, accept
    assert api.ask(api.collection).content_type == "application/json"


@rows.row("N5a")
def test_nothing_acceptable_is_refused_with_the_list_of_what_would_be(api: api.Api) -> None:
    reply = api.ask(api.collection, accept="text/html")

    refusal = reply.refusal(406)
    assert reply.content_type == "application/json"
    assert refusal["reason"] == "NotAcceptable"
    assert "application/json" in refusal["message"]


@rows.row("N6")
def test_a_client_that_prefers_protobuf_gets_what_it_can_read(api: api.Api) -> None:
    for accept in (
        "application/vnd.kubernetes.protobuf, */*",
        "application/vnd.kubernetes.protobuf,application/json",
    ):
        reply = api.ask(api.collection, accept=accept)
        assert reply.status == 200
        in_protobuf = reply.body.startswith(b"k8s\x00")
        assert ("protobuf" in reply.content_type) is in_protobuf
        assert in_protobuf or reply.json["items"]


@rows.row("N6a")
def test_a_client_that_reads_only_protobuf_gets_nothing_else(api: api.Api) -> None:
    reply = api.ask(api.collection, accept="application/vnd.kubernetes.protobuf")

    assert reply.status == 406 or reply.body.startswith(b"k8s\x00")


@rows.row("N7")
def test_answers_are_indented_for_people(api: api.Api) -> None:
    indented, compact = api.ask(api.object_path, pretty="true"), api.ask(api.object_path, pretty="false")

    assert "\n  " in indented.text
    assert "\n  " not in compact.text
    for agent, pretty in (
        ("curl/8", True),
        ("Wget/1", True),
        ("Mozilla/5.0 (X11)", True),
        ("kubectl", False),
    ):
        reply = api.ask(api.object_path, credential=api.subject.credential.bearing(User_Agent=agent))
        assert ("\n  " in reply.text) is pretty, agent


@rows.row("N8")
def test_yaml_says_what_json_says(api: api.Api) -> None:
    reply = api.ask(api.object_path, accept="application/yaml")

    assert reply.content_type == "application/yaml"
    read, same = yaml.load(reply.body, yaml.BaseLoader), api.read(api.object_path)  # noqa: S506 – no types
    assert set(read) == set(same)
    assert read["metadata"]["name"] == same["metadata"]["name"]


@rows.row("N9")
def test_a_small_answer_is_never_compressed(api: api.Api) -> None:
    willing = api.subject.credential.bearing(Accept_Encoding="gzip")
    for path in (api.object_path, api.subject.root):
        reply = api.ask(path, credential=willing)
        assert len(reply.body) < _COMPRESSED_FROM
        assert reply.headers["Content-Encoding"] is None


@rows.row("N9a")
def test_a_large_answer_is_compressed_for_those_who_can_read_that(api: api.Api) -> None:
    lists = {path: api.ask(path) for path in map(api.everywhere, api.resources)}
    path, plain = max(lists.items(), key=lambda entry: len(entry[1].body))
    assert len(plain.body) > _COMPRESSED_FROM, "nothing here is large"
    reply = api.ask(path, credential=api.subject.credential.bearing(Accept_Encoding="gzip"))

    assert plain.headers["Content-Encoding"] is None
    assert reply.headers["Content-Encoding"] == "gzip"
    assert "accept-encoding" in reply.listed("Vary")
    assert json.loads(gzip.decompress(reply.body))["items"] == plain.json["items"]


@rows.row("N10")
def test_answers_are_not_kept_by_anybody_between(api: api.Api) -> None:
    for path in (api.collection, api.object_path, api.subject.root, f"{api.collection}/missing"):
        assert api.ask(path).listed("Cache-Control") == {"no-cache", "private"}, path
