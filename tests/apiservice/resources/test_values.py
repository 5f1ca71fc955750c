"""API groups that serve values instead of objects, under names that are not known in advance."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import prometheus_client
import pytest

from apiservice.authn import authenticator
from apiservice.authz import authorizer
from apiservice.http import errors
from apiservice.observe import health
from apiservice.request import request_info
from apiservice.resources import declaration
from apiservice.server import handler, sockets
from tests.apiservice import asking, fruits

ROOT = f"/apis/{fruits.GROUP_VERSION}"
SCHEMA = {
    "type": "object",
    "description": "How much of something there is.",
    "properties": {
        "what": {"type": "string", "description": "Of what."},
        "much": {"type": "string", "description": "How much."},
    },
}
KNOWN = ("weight", "sugar")


@dataclasses.dataclass(slots=True)
class Scales:
    """Provides a value for each known metric, and records the queries."""

    asked: list[declaration.Query] = dataclasses.field(default_factory=list)

    async def weigh(self, query: declaration.Query) -> declaration.Collection | declaration.Verbatim:
        self.asked.append(query)
        metric = query.subresource or query.name or query.resource
        if metric == "elsewhere":
            return declaration.Verbatim(status=418, body=b"tea", content_type="text/tea")
        if metric not in KNOWN:
            raise errors.NotFound(f"nobody measures {metric}")
        return declaration.Collection(rows=[declaration.Row({"what": metric, "much": "3"})])


def cells(row: declaration.Row, now: datetime) -> Sequence[Any]:
    return [row.object["what"], row.object["much"]]


def group_version(scales: Scales) -> declaration.GroupVersion:
    columns = (declaration.Column(name="What", format="name"), declaration.Column(name="Much"))
    measure = declaration.Subresource(
        name="{measure}",
        kind="Value",
        list_kind="ValueList",
        columns=columns,
        printer=cells,
        fetch=scales.weigh,
        listed=KNOWN,
    )
    trees = declaration.ValueResource(
        plural="trees.forest",
        aliases=("trees",),
        list_kind="ValueList",
        scope=declaration.Scope.NAMESPACED,
        columns=columns,
        printer=cells,
        schema="Value",
        parameters=(declaration.Parameter(name="labelSelector", description="", schema={"type": "string"}),),
        subresources=(measure,),
    )
    return declaration.GroupVersion(
        group=fruits.GROUP,
        version=fruits.VERSION,
        values=(
            trees,
            dataclasses.replace(
                trees,
                plural="hills",
                aliases=(),
                scope=declaration.Scope.CLUSTER,
                in_namespaces_too=True,
            ),
            dataclasses.replace(
                trees, plural="{whole}", aliases=(), subresources=(), verbs=("list",), collect=scales.weigh,
                listed={"weight": "Weight", "sugar": "Sugar"},
            ),
            dataclasses.replace(
                trees, plural="places", aliases=(), subresources=(), verbs=("get",), collect=scales.weigh
            ),
        ),
        schemas={"Value": SCHEMA},
    )  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Toy:
    scales: Scales
    api: handler.Handler

    async def ask(self, path: str, *, method: str = "GET", accept: str = "application/json") -> asking.Reply:
        headers = {"Authorization": f"Bearer {asking.TOKEN}", "Accept": accept}
        return asking.Reply(await self.api.answer(asking.incoming(path, method=method, headers=headers)))


@pytest.fixture
def toy() -> Toy:
    scales = Scales()
    api = sockets.build(
        [group_version(scales)],
        authenticator=authenticator.TokenAuthenticator(token=asking.TOKEN, user=asking.ADMIN),
        authorizer=authorizer.GroupAuthorizer(),
        checks=health.HealthChecks(),
        registry=prometheus_client.CollectorRegistry(),
        clock=lambda: fruits.NOW,
        title="Values",
        release="1.2.3",
        deadline=10.0,
    )
    return Toy(scales, api)


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("namespaces/north/trees.forest/oak/weight", ("trees.forest", "weight", "north", "oak")),
        ("namespaces/north/trees/%2A/sugar", ("trees", "sugar", "north", "*")),
        ("hills/hill/weight", ("hills", "weight", None, "hill")),
        ("namespaces/north/hills/hill/weight", ("hills", "weight", "north", "hill")),
        ("namespaces/north/weight", ("weight", None, "north", None)),
        ("namespaces/north/places/sugar", ("places", None, "north", "sugar")),
    ],
)
async def test_a_value_is_read_by_the_names_it_was_asked_for_by(
    toy: Toy, path: str, asked: tuple[str, str | None, str | None, str | None]
) -> None:
    reply = await toy.ask(f"{ROOT}/{path}")
    assert (reply.status, reply.json["kind"]) == (200, "ValueList")
    assert reply.json["items"] == [{"what": reply.json["items"][0]["what"], "much": "3"}]
    (query,) = toy.scales.asked
    assert (query.resource, query.subresource, query.namespace, query.name) == asked
    assert (query.group, query.version) == (fruits.GROUP, fruits.VERSION)
    # Hills are cluster-scoped, even if the path names a namespace.
    assert query.reach.namespace == (None if query.resource == "hills" else query.namespace)


@dataclasses.dataclass(frozen=True, slots=True)
class InNorth:
    """Allows only requests in the namespace `north`."""

    async def authorize(
        self, user: authenticator.User, *, attributes: request_info.Attributes
    ) -> authorizer.Decision:
        return authorizer.Decision(allowed=attributes.namespace == "north")


async def test_what_is_in_no_namespace_takes_the_right_to_it_wherever_it_is_asked_for(toy: Toy) -> None:
    narrow = dataclasses.replace(toy, api=dataclasses.replace(toy.api, authorizer=InNorth()))
    assert (await narrow.ask(f"{ROOT}/namespaces/north/trees/oak/weight")).status == 200
    refused = await narrow.ask(f"{ROOT}/namespaces/north/hills/hill/weight")
    assert refused.status == 403
    assert "at the cluster scope" in refused.message
    assert len(toy.scales.asked) == 1


async def test_a_name_in_a_field_selector_selects_no_values_and_opens_none(toy: Toy) -> None:
    reply = await toy.ask(f"{ROOT}/namespaces/north/weight?fieldSelector=metadata.name%3Doak")
    assert (reply.status, toy.scales.asked) == (400, [])
    assert "values are not selected by fields" in reply.message


async def test_selectors_are_the_providers_affair(toy: Toy) -> None:
    reply = await toy.ask(f"{ROOT}/namespaces/north/trees/*/weight?labelSelector=sort%3Dpome")
    assert len(reply.json["items"]) == 1, "values have no labels that the kit could select by"
    (query,) = toy.scales.asked
    assert query.parameters == {"labelSelector": "sort=pome"}
    assert query.labels.matches({"sort": "pome"})
    assert not query.labels.matches({})


async def test_a_malformed_selector_is_refused_all_the_same(toy: Toy) -> None:
    reply = await toy.ask(f"{ROOT}/namespaces/north/weight?labelSelector=a%3D%3D%3Db")
    assert reply.status == 400
    assert "unable to parse label selector" in reply.message


async def test_a_name_that_nobody_declared_is_the_providers_to_refuse(toy: Toy) -> None:
    for path in ("trees/oak/height", "height", "places/height"):
        assert (await toy.ask(f"{ROOT}/namespaces/north/{path}")).message == "nobody measures height"


async def test_what_somebody_else_said_is_handed_on_as_it_is(toy: Toy) -> None:
    reply = await toy.ask(f"{ROOT}/namespaces/north/elsewhere")
    assert (reply.status, reply.answer.body, reply.answer.content_type) == (418, b"tea", "text/tea")


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("namespaces/north/trees.forest/oak", "GET", 405),
        ("namespaces/north/trees.forest", "GET", 404),
        ("trees.forest/oak/weight", "GET", 404),
        ("namespaces/north/places", "GET", 405),
        ("namespaces/north/weight/oak", "GET", 405),
        ("namespaces/north/weight", "DELETE", 405),
        ("namespaces/north/weight?watch=true", "GET", 405),
    ],
)
async def test_what_has_no_value_is_refused(toy: Toy, path: str, method: str, status: int) -> None:
    reply = await toy.ask(f"{ROOT}/{path}", method=method)
    assert reply.status == status, reply.text


async def test_values_are_a_table_for_those_who_want_one(toy: Toy) -> None:
    table = (await toy.ask(f"{ROOT}/namespaces/north/sugar", accept=asking.KUBECTL)).json
    assert [row["cells"] for row in table["rows"]] == [["sugar", "3"]]


async def test_discovery_tells_the_known_names(toy: Toy) -> None:
    listed = (await toy.ask(ROOT)).json["resources"]
    assert [(entry["name"], entry["kind"], entry["verbs"]) for entry in listed] == [
        ("trees.forest/weight", "ValueList", ["get"]),
        ("trees.forest/sugar", "ValueList", ["get"]),
        ("hills/weight", "ValueList", ["get"]),
        ("hills/sugar", "ValueList", ["get"]),
        ("weight", "Weight", ["list"]),
        ("sugar", "Sugar", ["list"]),
        ("places", "ValueList", ["get"]),
    ]


async def test_the_one_document_tells_a_resource_that_cannot_be_read_without_a_kind(toy: Toy) -> None:
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    (group,) = (await toy.ask("/apis", accept=accept)).json["items"]
    trees, hills, weight, *_ = group["versions"][0]["resources"]
    assert trees["responseKind"] == {"group": "", "version": "", "kind": ""}
    assert [part["subresource"] for part in trees["subresources"]] == [*KNOWN]
    assert all(part["responseKind"]["kind"] == "ValueList" for part in trees["subresources"])
    assert (hills["resource"], hills["scope"]) == ("hills", "Cluster")
    assert (weight["resource"], weight["responseKind"]["kind"]) == ("weight", "Weight")
    assert "subresources" not in weight


async def test_openapi_describes_each_path_once(toy: Toy) -> None:
    spec = (await toy.ask(f"/openapi/v3{ROOT}")).json
    assert [*spec["paths"]] == [
        f"{ROOT}/namespaces/{{namespace}}/trees.forest/{{name}}/{{measure}}",
        f"{ROOT}/hills/{{name}}/{{measure}}",
        f"{ROOT}/namespaces/{{namespace}}/weight",
        f"{ROOT}/namespaces/{{namespace}}/sugar",
        f"{ROOT}/namespaces/{{namespace}}/places/{{name}}",
    ]
    identities = [item["get"]["operationId"] for item in spec["paths"].values()]
    assert len(set(identities)) == len(identities)
    for path, item in spec["paths"].items():
        assert [one["name"] for one in item["parameters"]] == [
            part.strip("{}") for part in path.split("/") if part.startswith("{")
        ]


async def test_each_told_name_can_be_explained(toy: Toy) -> None:
    spec = (await toy.ask(f"/openapi/v3{ROOT}")).json
    kinds = {
        mark["kind"] for mark in spec["components"]["schemas"]["Value"]["x-kubernetes-group-version-kind"]
    }
    operation = spec["paths"][f"{ROOT}/namespaces/{{namespace}}/sugar"]["get"]
    assert operation["x-kubernetes-group-version-kind"]["kind"] == "Sugar"
    assert {"Weight", "Sugar"} <= kinds


async def test_metrics_of_the_server_hold_declared_names_only(toy: Toy) -> None:
    await toy.ask(f"{ROOT}/namespaces/north/trees/oak/made-up")
    await toy.ask(f"{ROOT}/namespaces/north/made-up")
    shown = (await toy.ask("/metrics")).text
    assert 'subresource="{measure}"' in shown
    assert "made-up" not in shown
