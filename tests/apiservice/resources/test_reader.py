import pytest
import yaml

from apiservice.request import selectors
from tests.apiservice import asking, fruits

META = "g=meta.k8s.io"


async def test_a_list_is_an_envelope_sorted_by_namespace_and_name(toy: asking.Toy) -> None:
    reply = await toy.read("fruits")
    assert {**reply.json, "items": ...} == {
        "kind": "FruitList",
        "apiVersion": "fruits.example.com/v1",
        "metadata": {"resourceVersion": ""},
        "season": "autumn",
        "items": ...,
    }
    assert reply.names == ["apple", "cherry", "lime", "pear"]
    assert reply.answer.content_type == "application/json"


async def test_a_list_of_a_namespace_asks_for_that_namespace(toy: asking.Toy) -> None:
    assert (await toy.read("namespaces/south/fruits")).names == ["pear"]
    assert [query.namespace for query in toy.orchard.asked] == ["south"]


async def test_an_empty_list_has_empty_items() -> None:
    toy = asking.Toy(orchard=fruits.Orchard(rows=()))
    assert b'"items":[]' in (await toy.read("fruits")).answer.body


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("labelSelector=sort%3Dpome", ["apple", "pear"]),
        ("labelSelector=sort%20in%20(pome,stone),!season", ["cherry", "pear"]),
        ("fieldSelector=spec.colour%3Dgreen", ["lime", "pear"]),
        ("fieldSelector=spec.ripe%3Dtrue", ["apple", "cherry"]),
        ("fieldSelector=metadata.name%3Dapple", ["apple"]),
        ("fieldSelector=metadata.namespace!%3Dnorth", ["pear"]),
        ("labelSelector=sort%3Dpome&fieldSelector=spec.colour%3Dgreen", ["pear"]),
        ("labelSelector=sort%3Dnone", []),
        (
            "limit=1&continue=x&resourceVersion=0&resourceVersionMatch=Exact",
            ["apple", "cherry", "lime", "pear"],
        ),
    ],
)
async def test_a_list_holds_what_is_selected(toy: asking.Toy, query: str, names: list[str]) -> None:
    assert (await toy.read(f"fruits?{query}")).names == names


async def test_the_provider_is_told_what_was_asked(toy: asking.Toy) -> None:
    url = (
        "namespaces/north/fruits/apple/pips?window=5m&other=1&labelSelector=a&fieldSelector=spec.colour%3Dred"
    )
    await toy.read(url)
    (query,) = toy.orchard.asked
    assert (query.resource, query.subresource, query.namespace, query.name) == (
        "fruits",
        "pips",
        "north",
        "apple",
    )
    assert query.parameters == {"window": "5m"}
    assert query.labels == selectors.LabelSelector.parse("a")
    assert query.fields.value_of("spec.colour") == "red"
    assert query.user == asking.ADMIN


@pytest.mark.parametrize("path", ["namespaces/north/fruits/apple", "crates/apple", "namespaces/apple"])
async def test_an_object_is_got_by_its_name(toy: asking.Toy, path: str) -> None:
    reply = await toy.read(path)
    assert reply.status == 200
    assert (reply.json["kind"], reply.json["metadata"]["name"]) == ("Fruit", "apple")


@pytest.mark.parametrize(
    "path", ["namespaces/north/fruits/fig/pips", "crates/fig/pips", "namespaces/fig/pips"]
)
async def test_a_subresource_answers_a_list(toy: asking.Toy, path: str) -> None:
    reply = await toy.read(path)
    assert reply.json["kind"] == "FruitList"
    assert reply.names == ["fig-pip-1", "fig-pip-2"]


async def test_an_object_that_is_not_there_is_a_404_in_the_words_of_kubernetes(toy: asking.Toy) -> None:
    reply = await toy.read("namespaces/north/fruits/kiwi")
    assert reply.status == 404
    assert reply.message == 'fruits.fruits.example.com "kiwi" not found: it was never planted'
    assert reply.json["details"] == {"name": "kiwi", "group": "fruits.example.com", "kind": "fruits"}


COLUMNS = ["Name", "Colour", "Age", "Ripe"]


async def test_kubectl_gets_a_table_with_cells_and_metadata(toy: asking.Toy) -> None:
    table = (await toy.read("namespaces/north/fruits", accept=asking.KUBECTL)).json
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert [column["name"] for column in table["columnDefinitions"]] == COLUMNS
    assert [column["priority"] for column in table["columnDefinitions"]] == [0, 0, 0, 1]
    assert [row["cells"] for row in table["rows"]] == [
        ["apple", "red", "30s", True],
        ["cherry", "red", "30s", True],
        ["lime", "green", "30s", False],
    ]
    assert table["rows"][1]["object"] == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"name": "cherry", "namespace": "north", "labels": {"sort": "stone"}},
    }


async def test_an_empty_table_has_its_columns() -> None:
    toy = asking.Toy(orchard=fruits.Orchard(rows=()))
    table = (await toy.read("fruits", accept=asking.TABLE)).json
    assert [column["name"] for column in table["columnDefinitions"]] == COLUMNS
    assert table["rows"] == []


async def test_an_object_as_a_table_has_one_row(toy: asking.Toy) -> None:
    table = (await toy.read("namespaces/north/fruits/lime", accept=asking.TABLE)).json
    assert [row["cells"][0] for row in table["rows"]] == ["lime"]


@pytest.mark.parametrize(
    ("include", "kind"), [("None", None), ("Metadata", "PartialObjectMetadata"), ("Object", "Fruit")]
)
async def test_a_row_carries_as_much_of_its_object_as_is_asked_for(
    toy: asking.Toy, include: str, kind: str | None
) -> None:
    table = (await toy.read(f"fruits?includeObject={include}", accept=asking.TABLE)).json
    assert [row["object"] and row["object"]["kind"] for row in table["rows"]] == [kind] * 4


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
async def test_metadata_alone_can_be_asked_for(toy: asking.Toy, version: str) -> None:
    accept = f"application/json;as={{}};v={version};{META}"
    listed = (await toy.read("fruits", accept=accept.format("PartialObjectMetadataList"))).json
    assert (listed["kind"], listed["apiVersion"]) == ("PartialObjectMetadataList", f"meta.k8s.io/{version}")
    single = (await toy.read("crates/lime", accept=accept.format("PartialObjectMetadata"))).json
    assert single == listed["items"][2]
    assert "spec" not in single


async def test_a_list_is_not_acceptable_as_the_metadata_of_one_object(toy: asking.Toy) -> None:
    reply = await toy.read("fruits", accept=f"application/json;as=PartialObjectMetadata;v=v1;{META}")
    assert reply.status == 406
    assert reply.answer.content_type == "application/json"
    assert reply.message.startswith("only the following media types are accepted")


async def test_yaml_says_the_same_as_json(toy: asking.Toy) -> None:
    reply = await toy.read("fruits", accept="application/yaml")
    assert reply.answer.content_type == "application/yaml"
    assert yaml.safe_load(reply.text) == (await toy.read("fruits")).json


async def test_an_answer_is_indented_on_demand(toy: asking.Toy) -> None:
    assert (await toy.read("fruits?pretty=true")).text.startswith('{\n  "kind"')
    assert (await toy.read("fruits", User_Agent="curl/8.1")).text.startswith('{\n  "kind"')
    assert (await toy.read("fruits")).text.startswith('{"kind"')


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("labelSelector=a%20in%20(b", "found the end at position 8, expected ',' or ')'"),
        ("fieldSelector=spec.size%3D1", "field label not supported: spec.size"),
        ("limit=lots", 'invalid limit "lots"'),
        ("watch=perhaps", 'invalid watch "perhaps"'),
        ("pretty=very", 'invalid pretty "very"'),
        ("includeObject=All", 'unrecognized includeObject value "All"'),
        ("timeout=long", 'invalid timeout "long"'),
    ],
)
async def test_a_malformed_parameter_is_a_400_that_names_it(
    toy: asking.Toy, query: str, message: str
) -> None:
    reply = await toy.read(f"fruits?{query}")
    assert reply.status == 400
    assert message in reply.message


@pytest.mark.parametrize(
    "path", ["fruits?watch=true", "fruits?watch=1", "watch/fruits", "namespaces/north/pips?watch=1"]
)
async def test_a_watch_is_refused_at_once(toy: asking.Toy, path: str) -> None:
    reply = await toy.read(path)
    assert reply.status == 405
    assert reply.message.startswith("watch is not supported on resources of kind ")
    assert not toy.orchard.asked


@pytest.mark.parametrize(
    ("method", "verb"),
    [
        ("POST", "create"),
        ("PUT", "update"),
        ("PATCH", "patch"),
        ("DELETE", "delete"),
        ("OPTIONS", "this method"),
    ],
)
async def test_nothing_can_be_changed(toy: asking.Toy, method: str, verb: str) -> None:
    path = "namespaces/north/fruits" + ("" if method == "POST" else "/apple")
    reply = await toy.ask(f"/apis/{fruits.GROUP_VERSION}/{path}", method=method)
    assert reply.status == 405
    assert reply.header("Allow") == "GET, HEAD"
    assert reply.message == f'{verb} is not supported on resources of kind "fruits.fruits.example.com"'


async def test_warnings_of_the_provider_reach_the_client() -> None:
    toy = asking.Toy(orchard=fruits.Orchard(warnings=["half the orchard is missing"]))
    assert (await toy.read("fruits")).header("Warning") == '299 - "half the orchard is missing"'


async def test_a_notice_is_said_to_every_reader() -> None:
    toy = asking.Toy(notices=lambda: ["the orchard is as it was yesterday"])
    for path in ("fruits", "namespaces/north/fruits/apple", "crates"):
        assert (await toy.read(path)).header("Warning") == '299 - "the orchard is as it was yesterday"'


async def test_a_read_never_asks_the_client_to_sleep(toy: asking.Toy) -> None:
    for path in ("fruits", "crates/away", "crates/rotten", "crates/kiwi"):
        assert (await toy.read(path)).header("Retry-After") is None
