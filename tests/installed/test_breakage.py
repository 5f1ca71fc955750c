"""When things break: never a wrong number, never an answer to somebody unknown, and no restart to recover."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from demo import runner, wait
from tests.cluster import cluster
from tests.fakes import unreliable
from tests.installed import reading, verdict
from tests.installed import site as sites

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.mesh,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def whole(site: sites.Site) -> cluster.Cluster:
    """The cluster itself, which is to be broken."""
    if not isinstance(site.ground, cluster.Cluster):
        pytest.skip("a cluster that was given is not broken")
    return site.ground


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def source(whole: cluster.Cluster, mesh: runner.Mesh) -> AsyncIterator[unreliable.Unreliable]:
    """The Prometheus of the mesh, through something that breaks when told."""
    async with unreliable.standing(mesh.prometheus_url, host=whole.place.host) as standing:
        yield standing


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def two(site: sites.Site, source: unreliable.Unreliable) -> AsyncIterator[None]:
    """Two replicas, that ask Prometheus anew every second."""
    async with site.installed(components=["ha"], prometheus=source.url, TRAFFIC_REFRESH="1"):
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def reader(site: sites.Site, two: None) -> AsyncIterator[reading.Reader]:
    async with reading.reader(site, namespace="default") as reads:

        async def sees_traffic() -> bool:
            return verdict.is_true(await reads.get(verdict.LIST))

        await wait.until(sees_traffic, what="the traffic of the mesh", within=90, pause=1)
        yield reads


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def whole_again(source: unreliable.Unreliable, reader: reading.Reader) -> AsyncIterator[None]:
    """Every test leaves a server that answers truly, by itself."""
    yield
    source.behaviour = source.well
    await verdict.until_true(reader, within=60)


async def test_a_replica_that_is_told_to_go_is_missed_by_nobody(
    site: sites.Site, reader: reading.Reader
) -> None:
    await verdict.ready(site, replicas=2)
    async with reader.all_the_while(verdict.LIST, every=0.1) as answers:
        first = (await site.objects(*verdict.PODS))[0]["metadata"]["name"]
        await site.kubectl("delete", "pod", first, verdict.QUIET, "--wait")
        await verdict.ready(site, replicas=2)
        await asyncio.sleep(1)
    assert {answer.status for answer in answers} == {200}
    verdict.never_wrong(answers)


async def test_an_update_of_both_replicas_is_missed_by_nobody(
    site: sites.Site, reader: reading.Reader
) -> None:
    await verdict.ready(site, replicas=2)
    async with reader.all_the_while(verdict.LIST, every=0.1) as answers:
        await site.kubectl("rollout", "restart", "deployment/trafficmetrics", verdict.QUIET)
        status = ("rollout", "status", "deployment/trafficmetrics", "--timeout=180s")
        await site.kubectl(*status, verdict.QUIET)
        await asyncio.sleep(1)
    assert {answer.status for answer in answers} == {200}
    verdict.never_wrong(answers)


async def test_one_of_two_replicas_killed_costs_what_it_was_answering(
    site: sites.Site, reader: reading.Reader
) -> None:
    await verdict.ready(site, replicas=2)
    async with reader.all_the_while(verdict.LIST, every=0.1) as answers:
        first = (await site.objects(*verdict.PODS))[0]["metadata"]["name"]
        await site.kubectl("delete", "pod", first, verdict.QUIET, "--grace-period=0", "--force", "--wait")
        await verdict.ready(site, replicas=2)
        await asyncio.sleep(1)
    verdict.never_wrong(answers)
    lost = [answer for answer in answers if answer.status != 200]
    assert len(lost) < len(answers) / 4, f"{len(lost)} of {len(answers)}"


async def test_the_only_replica_killed_under_load_is_back_without_a_wrong_answer(
    site: sites.Site, reader: reading.Reader
) -> None:
    await site.kubectl("scale", "deployment/trafficmetrics", verdict.QUIET, "--replicas=1")
    try:
        await verdict.ready(site, replicas=1)
        async with reader.all_the_while(verdict.LIST, every=0.1) as answers:
            await site.kubectl("delete", *verdict.PODS, "--grace-period=0", "--force", "--wait")
            await verdict.ready(site, replicas=1)
            await verdict.until_true(reader, within=60)
        verdict.never_wrong(answers)
    finally:
        await site.kubectl("scale", "deployment/trafficmetrics", verdict.QUIET, "--replicas=2")
        await verdict.ready(site, replicas=2)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("gone", "Prometheus cannot be reached"),
        ("slow", "Prometheus"),
        ("html", "answers with a web page"),
        ("refusing", "Prometheus did not answer the query"),
    ],
)
async def test_without_a_right_answer_of_prometheus_there_are_words_and_no_figures(
    site: sites.Site, reader: reading.Reader, source: unreliable.Unreliable, how: str, says: str
) -> None:
    before = await verdict.restarts(site)
    async with reader.all_the_while(verdict.LIST, every=0.5) as answers:
        source.behaviour = getattr(source, how)
        # What was fresh a moment ago may still be served.
        await asyncio.sleep(3)
        refused = await reader.get(verdict.LIST)
        assert (refused.status, says in refused.message) == (503, True), refused
        assert refused.seconds < 10
        discovered = await reader.get("")
        assert discovered.status == 200
        source.behaviour = source.well
        await verdict.until_true(reader, within=30)
    verdict.never_wrong(answers)
    assert not any(source.url in answer.message for answer in answers if answer.status == 503)
    assert await verdict.restarts(site) == before


async def test_who_reads_what_prometheus_knows_in_part_is_warned(
    reader: reading.Reader, source: unreliable.Unreliable
) -> None:
    source.behaviour = source.partial
    await asyncio.sleep(3)
    told = await reader.get(verdict.LIST)
    assert told.status == 503 or "may be missing" in " ".join(told.warnings), told
    assert unreliable.WARNING not in " ".join(told.warnings)


async def test_the_kube_apiserver_restarted_is_no_reason_to_restart(
    site: sites.Site, whole: cluster.Cluster, reader: reading.Reader
) -> None:
    before = await verdict.restarts(site)
    async with reader.all_the_while(verdict.LIST, every=0.1) as answers:
        async with whole.without_api_server():
            await asyncio.sleep(5)
        await verdict.until_true(reader, within=60)
    verdict.never_wrong(answers, also=verdict.UNDECIDED)
    assert await verdict.restarts(site) == before


async def test_while_the_kube_apiserver_is_away_nobody_unknown_is_let_in(
    site: sites.Site, whole: cluster.Cluster
) -> None:
    pod = (await site.objects(*verdict.PODS))[0]["status"]["podIP"]
    async with whole.without_api_server():
        for headers in ({}, {"Authorization": "Bearer made-up"}, {"X-Remote-User": "system:admin"}):
            status = await verdict.directly(whole, pod, headers)
            assert status in {401, 403, 500, 503}, (headers, status)


async def test_a_serving_certificate_that_is_lost_is_made_anew(
    site: sites.Site, reader: reading.Reader
) -> None:
    before = await verdict.restarts(site)
    bundle = await _bundle(site)
    patch = json.dumps({"data": None})
    await site.kubectl(
        "patch", "secret", "trafficmetrics-serving", verdict.QUIET, "--type=merge", f"--patch={patch}"
    )

    async def is_another() -> bool:
        return await _bundle(site) != bundle

    async with reader.all_the_while(verdict.LIST, every=0.2) as answers:
        await wait.until(is_another, what="a new authority", within=180, pause=1)
        await verdict.until_true(reader, within=60)
        await asyncio.sleep(5)
    verdict.never_wrong(answers)
    assert await verdict.restarts(site) == before


async def _bundle(site: sites.Site) -> str:
    return await site.kubectl("get", "apiservice", sites.API_SERVICE, "--output=jsonpath={.spec.caBundle}")


async def test_an_api_service_deleted_and_made_again_is_served_again(
    site: sites.Site, reader: reading.Reader
) -> None:
    made = json.loads(await site.kubectl("get", "apiservice", sites.API_SERVICE, "--output=json"))
    await site.kubectl("delete", "apiservice", sites.API_SERVICE)
    assert (await reader.get(verdict.LIST)).status == 404
    again: dict[str, Any] = {
        "apiVersion": made["apiVersion"],
        "kind": made["kind"],
        "metadata": {"name": made["metadata"]["name"]},
        "spec": {name: value for name, value in made["spec"].items() if name != "caBundle"},
    }
    path = site.scratch / "apiservice.json"
    path.write_text(json.dumps(again))
    await site.kubectl("apply", f"--filename={path}")
    await verdict.until_true(reader, within=60)


async def test_a_namespace_deleted_while_we_are_down_goes_once_we_are_back(
    site: sites.Site, reader: reading.Reader
) -> None:
    await site.kubectl("create", "namespace", "doomed")
    await site.kubectl("scale", "deployment/trafficmetrics", verdict.QUIET, "--replicas=0")
    try:

        async def is_unavailable() -> bool:
            condition = '--output=jsonpath={.status.conditions[?(@.type=="Available")].status}'
            return await site.kubectl("get", "apiservice", sites.API_SERVICE, condition) == "False"

        await wait.until(is_unavailable, what="the end of the API", within=90, pause=1)
        await site.kubectl("delete", "namespace", "doomed", "--wait=false")
    finally:
        await site.kubectl("scale", "deployment/trafficmetrics", verdict.QUIET, "--replicas=2")
    await verdict.ready(site, replicas=2)
    await site.kubectl("wait", "--for=delete", "namespace/doomed", "--timeout=120s")
