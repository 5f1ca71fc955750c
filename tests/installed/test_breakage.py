"""When things break: never a wrong number, never an answer to somebody unknown, and no restart to recover."""

import asyncio
import datetime
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from demo import faults, runner, wait
from metrics_server import quantity
from tests.cluster import cluster
from tests.fakes import unreliable
from tests.installed import manifests, reading
from tests.installed import site as sites

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.mesh,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(900),
]
LIST = "/namespaces/shop/trafficmetrics"
QUIET = f"--namespace={manifests.NAMESPACE}"
PODS = ("pods", QUIET, "--selector=app.kubernetes.io/name=trafficmetrics")
_RATE = 25.0
"""Requests a second that come to the gateway of the mesh."""
_STALE = 90.0


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
            return _is_true(await reads.get(LIST))

        await wait.until(sees_traffic, what="the traffic of the mesh", within=90, pause=1)
        yield reads


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def whole_again(source: unreliable.Unreliable, reader: reading.Reader) -> AsyncIterator[None]:
    """Every test leaves a server that answers truly, by itself."""
    yield
    source.behaviour = source.well
    await _until_true(reader, within=60)


def _is_true(answer: reading.Answer) -> bool:
    """Whether it is the steady traffic of the mesh: fresh, and as many requests as there were."""
    if answer.status != 200:
        return False
    items = {item["metadata"]["name"]: item for item in answer.items}
    if not {"deployment.gateway", "deployment.frontend", "deployment.payments"} <= items.keys():
        return False
    gateway = items["deployment.gateway"]
    told = {one["name"]: quantity.parse(one["value"]) for one in gateway["metrics"]}
    rate = float(told["success_count"] + told["failure_count"]) / quantity.duration(gateway["window"])
    scraped = datetime.datetime.fromisoformat(gateway["timestamp"])
    age = (datetime.datetime.now(datetime.UTC) - scraped).total_seconds()
    return 0.5 < rate / _RATE < 2 and age < _STALE


async def _until_true(reader: reading.Reader, *, within: float) -> None:
    async def is_true() -> bool:
        return _is_true(await reader.get(LIST))

    await wait.until(is_true, what="a true answer", within=within, pause=0.5)


def _never_wrong(answers: Sequence[reading.Answer]) -> None:
    """Each was true, or no figures at all."""
    assert answers
    wrong = [answer for answer in answers if answer.status == 200 and not _is_true(answer)]
    assert not wrong, wrong[0].body[:500]
    strange = {answer.status for answer in answers} - {200, 503, 504, reading.AWAY}
    assert not strange, next(answer for answer in answers if answer.status in strange)


async def _restarts(site: sites.Site) -> int:
    statuses = [status for pod in await site.objects(*PODS) for status in pod["status"]["containerStatuses"]]
    return sum(status["restartCount"] for status in statuses)


async def _ready(site: sites.Site, *, replicas: int) -> None:
    async def are_ready() -> bool:
        pods = await site.objects(*PODS)
        conditions = [
            one["status"]
            for pod in pods
            for one in pod["status"].get("conditions", ())
            if one["type"] == "Ready"
        ]
        return len(pods) == replicas and conditions == ["True"] * replicas

    await wait.until(are_ready, what=f"{replicas} ready pods", within=90, pause=0.5)


async def test_a_replica_that_is_told_to_go_is_missed_by_nobody(
    site: sites.Site, reader: reading.Reader
) -> None:
    await _ready(site, replicas=2)
    async with reader.all_the_while(LIST, every=0.05) as answers:
        first = (await site.objects(*PODS))[0]["metadata"]["name"]
        await site.kubectl("delete", "pod", first, QUIET, "--wait")
        await _ready(site, replicas=2)
        await asyncio.sleep(1)
    assert {answer.status for answer in answers} == {200}
    _never_wrong(answers)


async def test_one_of_two_replicas_killed_costs_what_it_was_answering(
    site: sites.Site, reader: reading.Reader
) -> None:
    await _ready(site, replicas=2)
    async with reader.all_the_while(LIST, every=0.05) as answers:
        first = (await site.objects(*PODS))[0]["metadata"]["name"]
        await site.kubectl("delete", "pod", first, QUIET, "--grace-period=0", "--force", "--wait")
        await _ready(site, replicas=2)
        await asyncio.sleep(1)
    _never_wrong(answers)
    lost = [answer for answer in answers if answer.status != 200]
    assert len(lost) < len(answers) / 4, f"{len(lost)} of {len(answers)}"


async def test_the_only_replica_killed_under_load_is_back_without_a_wrong_answer(
    site: sites.Site, reader: reading.Reader
) -> None:
    await site.kubectl("scale", "deployment/trafficmetrics", QUIET, "--replicas=1")
    try:
        await _ready(site, replicas=1)
        async with reader.all_the_while(LIST, every=0.05) as answers:
            await site.kubectl("delete", *PODS, "--grace-period=0", "--force", "--wait")
            await _ready(site, replicas=1)
            await _until_true(reader, within=60)
        _never_wrong(answers)
    finally:
        await site.kubectl("scale", "deployment/trafficmetrics", QUIET, "--replicas=2")
        await _ready(site, replicas=2)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("gone", "Prometheus cannot be reached"),
        ("slow", "Prometheus"),
        ("html", "Prometheus did not answer the query"),
        ("refusing", "Prometheus did not answer the query"),
    ],
)
async def test_without_a_right_answer_of_prometheus_there_are_words_and_no_figures(
    site: sites.Site, reader: reading.Reader, source: unreliable.Unreliable, how: str, says: str
) -> None:
    before = await _restarts(site)
    async with reader.all_the_while(LIST, every=0.5) as answers:
        source.behaviour = getattr(source, how)
        # What was fresh a moment ago may still be served.
        await asyncio.sleep(3)
        refused = await reader.get(LIST)
        assert (refused.status, says in refused.message) == (503, True), refused
        assert refused.seconds < 10
        discovered = await reader.get("")
        assert discovered.status == 200
        source.behaviour = source.well
        await _until_true(reader, within=30)
    _never_wrong(answers)
    assert not any(source.url in answer.message for answer in answers if answer.status == 503)
    assert await _restarts(site) == before


async def test_who_reads_what_prometheus_knows_in_part_is_warned(
    reader: reading.Reader, source: unreliable.Unreliable
) -> None:
    source.behaviour = source.partial
    await asyncio.sleep(3)
    told = await reader.get(LIST)
    assert told.status == 503 or "may be missing" in " ".join(told.warnings), told
    assert unreliable.WARNING not in " ".join(told.warnings)


async def test_the_kube_apiserver_restarted_is_no_reason_to_restart(
    site: sites.Site, whole: cluster.Cluster, reader: reading.Reader
) -> None:
    before = await _restarts(site)
    async with reader.all_the_while(LIST, every=0.1) as answers:
        async with whole.without_api_server():
            await asyncio.sleep(5)
        await _until_true(reader, within=60)
    _never_wrong(answers)
    assert await _restarts(site) == before


async def test_while_the_kube_apiserver_is_away_nobody_unknown_is_let_in(
    site: sites.Site, whole: cluster.Cluster
) -> None:
    pod = (await site.objects(*PODS))[0]["status"]["podIP"]
    async with whole.without_api_server():
        for headers in ({}, {"Authorization": "Bearer made-up"}, {"X-Remote-User": "system:admin"}):
            status = await _directly(whole, pod, headers)
            assert status in {401, 403, 500, 503}, (headers, status)


async def _directly(whole: cluster.Cluster, address: str, headers: dict[str, str]) -> int:
    """The status that a pod answers to one who comes past the kube-apiserver."""
    enter = ("nsenter", f"--target={whole.pid('containerd')}", "--net", "--")
    asked = [f"--header={name}: {value}" for name, value in headers.items()]
    process = await asyncio.create_subprocess_exec(
        *enter,
        *(
            "curl",
            "--silent",
            "--insecure",
            "--max-time=30",
            "--output=/dev/null",
            "--write-out=%{http_code}",
        ),
        *asked,
        f"https://{address}:8443{reading.GROUP}{LIST}",
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    return int(told)


async def test_a_serving_certificate_that_is_lost_is_made_anew(
    site: sites.Site, reader: reading.Reader
) -> None:
    before = await _restarts(site)
    bundle = await _bundle(site)
    patch = json.dumps({"data": None})
    await site.kubectl("patch", "secret", "trafficmetrics-serving", QUIET, "--type=merge", f"--patch={patch}")

    async def is_another() -> bool:
        return await _bundle(site) != bundle

    async with reader.all_the_while(LIST, every=0.2) as answers:
        await wait.until(is_another, what="a new authority", within=180, pause=1)
        await _until_true(reader, within=60)
        await asyncio.sleep(5)
    _never_wrong(answers)
    assert await _restarts(site) == before


async def _bundle(site: sites.Site) -> str:
    return await site.kubectl("get", "apiservice", sites.API_SERVICE, "--output=jsonpath={.spec.caBundle}")


async def test_an_api_service_deleted_and_made_again_is_served_again(
    site: sites.Site, reader: reading.Reader
) -> None:
    made = json.loads(await site.kubectl("get", "apiservice", sites.API_SERVICE, "--output=json"))
    await site.kubectl("delete", "apiservice", sites.API_SERVICE)
    assert (await reader.get(LIST)).status == 404
    again: dict[str, Any] = {
        "apiVersion": made["apiVersion"],
        "kind": made["kind"],
        "metadata": {"name": made["metadata"]["name"]},
        "spec": {name: value for name, value in made["spec"].items() if name != "caBundle"},
    }
    path = site.scratch / "apiservice.json"
    path.write_text(json.dumps(again))
    await site.kubectl("apply", f"--filename={path}")
    await _until_true(reader, within=60)


async def test_a_namespace_deleted_while_we_are_down_goes_once_we_are_back(
    site: sites.Site, reader: reading.Reader
) -> None:
    await site.kubectl("create", "namespace", "doomed")
    await site.kubectl("scale", "deployment/trafficmetrics", QUIET, "--replicas=0")
    try:

        async def is_unavailable() -> bool:
            condition = '--output=jsonpath={.status.conditions[?(@.type=="Available")].status}'
            return await site.kubectl("get", "apiservice", sites.API_SERVICE, condition) == "False"

        await wait.until(is_unavailable, what="the end of the API", within=90, pause=1)
        await site.kubectl("delete", "namespace", "doomed", "--wait=false")

        async def is_stuck() -> bool:
            try:
                told = await site.kubectl("get", "namespace", "doomed", "--output=json")
            except faults.DemoError:
                return False
            conditions = json.loads(told)["status"].get("conditions", ())
            return any(
                one["type"] == "NamespaceDeletionDiscoveryFailure" and one["status"] == "True"
                for one in conditions
            )

        await wait.until(is_stuck, what="the namespace controller's complaint", within=60, pause=0.5)
    finally:
        await site.kubectl("scale", "deployment/trafficmetrics", QUIET, "--replicas=2")
    await _ready(site, replicas=2)
    await site.kubectl("wait", "--for=delete", "namespace/doomed", "--timeout=120s")
