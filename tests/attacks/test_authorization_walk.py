"""A user who may read one namespace gets data of that namespace only: on every path, in every answer."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from apiservice.resources import declaration, router
from apiservice.server import handler
from metrics_server.api import view
from metrics_server.api.autoscaling import groups
from metrics_server.api.smi import group
from tests.apiservice import asking, fruits
from tests.attacks import effort, neighbours, walking

pytestmark = pytest.mark.asyncio(loop_scope="module")

_NOWHERE: Any = None
VERSIONS = [
    group.group(view.SnapshotReader(_NOWHERE, 30.0)),
    *groups.groups(view.SnapshotReader(_NOWHERE, 30.0)),
]
OWN = frozenset({neighbours.OWN})


@dataclasses.dataclass(frozen=True, slots=True)
class Doors:
    """Both versions for a user who may read only `data`, and the whole one for a user who may read all."""

    whole: handler.Handler
    known: handler.Handler
    opened: handler.Handler
    rbac: neighbours.Rbac

    async def ask(self, api: handler.Handler, url: str, *, accept: str = "") -> asking.Reply:
        headers = {"Accept": accept} if accept else {}
        return asking.Reply(await api.answer(asking.incoming(url, headers=headers)))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def doors() -> AsyncIterator[Doors]:
    rbac = neighbours.Rbac(OWN)
    async with (
        neighbours.served(neighbours.WHOLE, rbac) as whole,
        neighbours.served(neighbours.KNOWN, neighbours.Rbac(OWN)) as known,
        neighbours.served(neighbours.WHOLE, neighbours.Rbac(None)) as opened,
    ):
        found = Doors(whole, known, opened, rbac)
        for api in (whole, known):
            for side in ("requests_per_second", "p99_response_latency"):
                # The snapshot has all namespaces, whichever one is requested.
                await found.ask(dataclasses.replace(api, authorizer=neighbours.Rbac(None)), _everything(side))
        yield found


def _everything(metric: str) -> str:
    return f"/apis/custom.metrics.k8s.io/v1beta2/nodes/*/{metric}"


def _subjects(reply: asking.Reply) -> Iterator[str]:
    """Return the namespaces in an answer; empty for objects outside namespaces."""
    body = reply.json
    for item in body.get("items", [body] if "metadata" in body else []):
        about = item.get("describedObject") or item.get("resource")
        if about is not None:
            yield about["name"] if about["kind"] == "Namespace" else about.get("namespace", "")
        if "namespace" in item.get("metadata", {}):
            yield item["metadata"]["namespace"]


def _walk(tries: effort.Effort) -> Iterator[str]:
    """Return every path without a query, and the readable paths of the namespace with a share of all
    queries.
    """
    every = list(walking.paths(VERSIONS, names=walking.names()))
    yield from every
    dice = tries.dice("authorization walk")
    inside = [path for path in every if f"/namespaces/{neighbours.OWN}/" in path]
    for path in dice.sample(inside, min(len(inside), tries.times(300))):
        yield from (f"{path}?{query}" for query in dice.sample(list(walking.queries(path)), 4))
    for path in _worth_every_query():
        yield from (f"{path}?{query}" for query in walking.queries(path))


def _worth_every_query() -> Sequence[str]:
    custom, external = "/apis/custom.metrics.k8s.io/v1beta2", "/apis/external.metrics.k8s.io/v1beta1"
    smi, data = "/apis/metrics.smi-spec.io/v1alpha1", f"namespaces/{neighbours.OWN}"
    return (
        f"{external}/{data}/requests_per_second",
        f"{custom}/{data}/deployments.apps/ledger/success_count",
        f"{custom}/{data}/services/*/success_count",
        f"{custom}/{data}/metrics/success_count",
        f"{smi}/{data}/trafficmetrics",
        f"{smi}/{data}/trafficedges",
        f"{smi}/{data}/edges",
    )


async def test_an_answer_is_about_what_was_authorized_and_nothing_in_it_tells_of_anything_else(
    doors: Doors, tries: effort.Effort
) -> None:
    answered = 0
    for url in _walk(tries):
        doors.rbac.asked.clear()
        doors.rbac.allowed.clear()
        reply = await doors.ask(doors.whole, url)
        assert doors.rbac.asked[0].is_resource, url
        assert {attributes.namespace for attributes in doors.rbac.allowed} <= OWN, url
        if not doors.rbac.allowed:
            assert reply.status == 403, url
            continue
        known = await doors.ask(doors.known, url)
        assert (reply.status, reply.text) == (known.status, known.text), url
        assert _said(reply) == _said(known), url
        assert reply.status < 500, (url, reply.text)
        if reply.status == 200:
            answered += 1
            assert set(_subjects(reply)) <= OWN, (url, reply.text)
    assert answered > 200


def _said(reply: asking.Reply) -> list[tuple[str, str]]:
    return [header for header in reply.answer.headers if header[0] != "Audit-Id"]


async def test_tables_are_as_silent_as_objects(doors: Doors, tries: effort.Effort) -> None:
    for url in _worth_every_query():
        for query in ("", "?includeObject=Object", "?includeObject=None"):
            whole, known = [
                await doors.ask(api, url + query, accept=asking.TABLE) for api in (doors.whole, doors.known)
            ]
            assert whole.text == known.text, url


async def test_the_walk_finds_what_there_is_with_the_right_to_all(doors: Doors) -> None:
    """Otherwise the walk could not find an error."""
    seen: set[str] = set()
    for url in walking.paths(VERSIONS, names=["*"]):
        reply = await doors.ask(doors.opened, url)
        assert reply.status < 500, (url, reply.text)
        if reply.status == 200:
            seen.update(_subjects(reply))
    assert {neighbours.OWN, neighbours.NEAR, neighbours.FAR, ""} <= seen


async def test_who_may_read_all_is_helped_with_all_names(doors: Doors) -> None:
    asked = f"from={walking.misspelt(neighbours.FAR_A.name)},from_namespace={neighbours.FAR},to=ledger"
    external = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{neighbours.OWN}/requests_per_second"
    reply = await doors.ask(doors.opened, f"{external}?labelSelector={asked.replace('=', '%3D')}")
    assert f"did you mean {neighbours.FAR_A.name}?" in reply.message
    absent = await doors.ask(
        doors.opened, f"/apis/metrics.smi-spec.io/v1alpha1/namespaces/{neighbours.FAR[:-1]}/pods"
    )
    assert f"did you mean {neighbours.FAR}?" in absent.message


async def test_what_autoscalers_ask_is_answered_to_whoever_may_ask_it(doors: Doors) -> None:
    custom = "/apis/custom.metrics.k8s.io/v1beta2"
    own = await doors.ask(doors.whole, f"{custom}/namespaces/{neighbours.OWN}/metrics/success_count")
    assert [*_subjects(own)] == [neighbours.OWN]
    node = f"{custom}/namespaces/{neighbours.OWN}/nodes/{neighbours.NODE_OWN}/success_count"
    refused = await doors.ask(doors.whole, node)
    assert 'cannot get resource "nodes/success_count"' in refused.message
    assert refused.message.endswith("at the cluster scope: no binding")
    assert (await doors.ask(doors.opened, node)).status == 200
    everywhere = await doors.ask(doors.opened, f"{custom}/namespaces/*/success_count")
    assert {*_subjects(everywhere)} == {neighbours.OWN, neighbours.NEAR, neighbours.FAR}


async def test_an_edge_tells_its_own_namespace_who_is_at_the_other_end(doors: Doors) -> None:
    asked = f"from={neighbours.CALLER.name},from_namespace={neighbours.NEAR},to=ledger"
    reply = await doors.ask(
        doors.whole,
        f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{neighbours.OWN}/success_count"
        f"?labelSelector={asked.replace('=', '%3D')}",
    )
    assert [item["value"] for item in reply.json["items"]] == ["101"]


def _toy(rbac: neighbours.Rbac) -> asking.Toy:
    toy = asking.Toy(user=neighbours.USER)
    toy.orchard.rows = [
        *(fruits.fruit(f"apple-{place}", namespace=place) for place in walking.PLACES[:3]),
        *(fruits.fruit(place, namespace=None) for place in walking.PLACES[:3]),
    ]
    toy.api = dataclasses.replace(toy.api, authorizer=rbac)
    return toy


async def test_the_kit_asks_a_provider_only_within_what_was_authorized() -> None:
    """This is true of every API that is made with the kit, whatever its provider answers."""
    rbac = neighbours.Rbac(OWN)
    toy = _toy(rbac)
    version = fruits.group_version(toy.orchard)
    names = [*(f"apple-{place}" for place in walking.PLACES[:3]), *walking.PLACES]
    for path in walking.paths([version], names=names):
        rbac.asked.clear()
        rbac.allowed.clear()
        toy.orchard.asked.clear()
        reply = await toy.ask(path)
        for query in toy.orchard.asked:
            assert {attributes.namespace for attributes in rbac.allowed} == OWN, path
            assert query.reach.namespace == neighbours.OWN, path
            assert not await query.reach.everywhere()
        if reply.status == 200:
            assert {*_places(reply)} <= OWN | {""}, (path, reply.text)


def _places(reply: asking.Reply) -> Iterator[str]:
    for item in reply.json.get("items", [reply.json]):
        yield item["metadata"].get("namespace", "")


class Leaky:
    """Answers data of another namespace to every request."""

    async def list(self, query: declaration.Query) -> declaration.Collection:
        return declaration.Collection(rows=[await self.get(query)])

    async def get(self, query: declaration.Query) -> declaration.Row:
        return fruits.fruit("x", namespace=neighbours.FAR)


async def test_a_provider_that_answers_too_much_is_a_defect_and_never_an_answer() -> None:
    toy = _toy(neighbours.Rbac(OWN))
    version = fruits.group_version(toy.orchard)
    declared = [dataclasses.replace(one, provider=Leaky()) for one in version.resources]
    routes = router.Routes([dataclasses.replace(version, resources=declared)])
    toy.api = dataclasses.replace(toy.api, routes=routes)
    for path in ("fruits", "fruits/x", neighbours.OWN):
        place = f"namespaces/{neighbours.OWN}"
        reply = await toy.read(place if path == neighbours.OWN else f"{place}/{path}")
        assert reply.status == 500
        assert neighbours.FAR not in reply.text


async def test_whether_it_exists_is_no_matter_of_who_may_not_ask(doors: Doors) -> None:
    """A refusal repeats the request, and is the same whether the object exists or not."""
    shop, nothing = neighbours.FAR_A.name, "x" * len(neighbours.FAR_A.name)
    root = f"/apis/metrics.smi-spec.io/v1alpha1/namespaces/{neighbours.FAR}/deployments"
    there, absent = [await doors.ask(doors.whole, f"{root}/{name}") for name in (shop, nothing)]
    assert (there.status, absent.status) == (403, 403)
    assert there.text.replace(shop, "…") == absent.text.replace(nothing, "…")
    assert json.loads(there.text)["reason"] == "Forbidden"
