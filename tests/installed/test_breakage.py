"""Failures of the surroundings: no wrong number, no answer to an unknown user, and no restart to recover."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from demo import wait
from tests.cluster import cluster
from tests.fakes import unreliable
from tests.installed import insides, judge, reading, registered, verdict
from tests.installed import site as sites

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.mesh,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(900),
]


_NOT_LET_IN = {401, 403, 500, 503}
_READERS = 25
"""Each sends a request twice a second, also while one is pending."""


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def whole_again(
    source: unreliable.Unreliable, reader: reading.Reader, judging: judge.Judge
) -> AsyncIterator[None]:
    """After every test the server must answer truly by itself."""
    yield
    source.behaviour = source.well
    await judging.until_true(reader, within=60)


async def test_a_replica_that_is_told_to_go_is_missed_by_nobody(
    site: sites.Site, reader: reading.Reader, judging: judge.Judge
) -> None:
    await verdict.ready(site, replicas=2)
    async with reader.all_the_while(judge.LIST, every=0.1) as answers:
        first = (await site.objects(*verdict.PODS))[0]["metadata"]["name"]
        await site.kubectl("delete", "pod", first, verdict.QUIET, "--wait")
        await verdict.ready(site, replicas=2)
        await asyncio.sleep(1)
    assert {answer.status for answer in answers} == {200}
    judging.never_wrong(answers)


@pytest.mark.long
async def test_an_update_of_both_replicas_is_missed_by_nobody(
    site: sites.Site, reader: reading.Reader, judging: judge.Judge
) -> None:
    await verdict.ready(site, replicas=2)
    async with reader.all_the_while(judge.LIST, every=0.1) as answers:
        await site.kubectl("rollout", "restart", "deployment/trafficmetrics", verdict.QUIET)
        status = ("rollout", "status", "deployment/trafficmetrics", "--timeout=180s")
        await site.kubectl(*status, verdict.QUIET)
        await asyncio.sleep(1)
    assert {answer.status for answer in answers} == {200}
    judging.never_wrong(answers)


async def test_one_of_two_replicas_killed_costs_what_it_was_answering(
    site: sites.Site, reader: reading.Reader, judging: judge.Judge
) -> None:
    await verdict.ready(site, replicas=2)
    async with reader.all_the_while(judge.LIST, every=0.1) as answers:
        first = (await site.objects(*verdict.PODS))[0]["metadata"]["name"]
        await site.kubectl("delete", "pod", first, verdict.QUIET, "--grace-period=0", "--force", "--wait")
        await verdict.ready(site, replicas=2)
        await asyncio.sleep(1)
    judging.never_wrong(answers)
    lost = [answer for answer in answers if answer.status != 200]
    assert len(lost) < len(answers) / 4, f"{len(lost)} of {len(answers)}"


async def test_a_server_killed_in_its_pod_among_many_readers_is_started_again_and_lets_nobody_in(
    site: sites.Site, whole: cluster.Cluster, reader: reading.Reader, judging: judge.Judge
) -> None:
    await verdict.ready(site, replicas=2)
    before, pods = await verdict.restarts(site), await verdict.addresses(site)
    knocked: list[verdict.Knocked] = []

    async def is_started_again() -> bool:
        for headers in verdict.NOT_ADMITTED:
            knocked.extend([await verdict.knock(whole, pod, headers) for pod in pods])
        return await verdict.restarts(site) > before

    async with contextlib.AsyncExitStack() as stack:
        crowd = [
            await stack.enter_async_context(reader.all_the_while(judge.LIST, every=0.5))
            for _ in range(_READERS)
        ]
        os.kill(insides.servers(whole.place)[0], signal.SIGKILL)
        await wait.until(is_started_again, what="the end of a container", within=60)
        await verdict.ready(site, replicas=2)
        await judging.until_true(reader, within=60)
    assert await verdict.restarts(site) == before + 1
    answers = [answer for answers in crowd for answer in answers]
    judging.never_wrong(answers)
    assert sum(answer.status == 200 for answer in answers) > len(answers) / 2
    assert {one.status for one in knocked} <= {reading.AWAY, *_NOT_LET_IN}


@pytest.mark.long
async def test_the_only_replica_killed_under_load_is_back_without_a_wrong_answer(
    site: sites.Site, reader: reading.Reader, judging: judge.Judge
) -> None:
    await site.kubectl("scale", "deployment/trafficmetrics", verdict.QUIET, "--replicas=1")
    try:
        await verdict.ready(site, replicas=1)
        async with reader.all_the_while(judge.LIST, every=0.1) as answers:
            await site.kubectl("delete", *verdict.PODS, "--grace-period=0", "--force", "--wait")
            await verdict.ready(site, replicas=1)
            await judging.until_true(reader, within=60)
        judging.never_wrong(answers)
    finally:
        await site.kubectl("scale", "deployment/trafficmetrics", verdict.QUIET, "--replicas=2")
        await verdict.ready(site, replicas=2)


@pytest.mark.long
async def test_a_serving_certificate_that_is_lost_is_made_anew(
    site: sites.Site, reader: reading.Reader, judging: judge.Judge, serials: dict[str, int]
) -> None:
    """It is announced at once. Another test waits until it is used."""

    async def is_announced() -> bool:
        return (await registered.bundle(site)).count(b"BEGIN CERTIFICATE") > 1

    async with reader.all_the_while(judge.LIST, every=0.2) as answers:
        await wait.until(is_announced, what="a new authority", within=60, pause=1)
        await asyncio.sleep(3)
    assert {answer.status for answer in answers} == {200}
    judging.never_wrong(answers)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("gone", "Prometheus cannot be reached"),
        ("slow", "Prometheus accepts connections but does not answer"),
        ("html", "Prometheus' address answers with a web page instead of figures"),
        (
            "refusing",
            "Prometheus refused the query: it would load more samples than Prometheus allows "
            "(its --query.max-samples)",
        ),
    ],
)
async def test_without_a_right_answer_of_prometheus_there_are_words_and_no_figures(
    site: sites.Site,
    reader: reading.Reader,
    judging: judge.Judge,
    source: unreliable.Unreliable,
    how: str,
    says: str,
) -> None:
    before = await verdict.restarts(site)
    async with reader.all_the_while(judge.LIST, every=0.5) as answers:
        source.behaviour = getattr(source, how)
        # A fresh snapshot may still be served for a moment.
        await asyncio.sleep(3)
        refused = await reader.get(judge.LIST)
        assert (refused.status, refused.message) == (503, says)
        assert refused.seconds < 5
        discovered = await reader.get("")
        assert discovered.status == 200
        source.behaviour = source.well
        await judging.until_true(reader, within=30)
    judging.never_wrong(answers)
    assert not any(source.url in answer.message for answer in answers if answer.status == 503)
    assert await verdict.restarts(site) == before


@pytest.mark.long
async def test_a_prometheus_that_is_alive_but_slow_is_waited_for(
    reader: reading.Reader, judging: judge.Judge, source: unreliable.Unreliable
) -> None:
    source.behaviour = source.busy

    async def is_waited_for() -> bool:
        reply = await reader.get(judge.LIST)
        assert judging.objections(reply) == []
        return reply.seconds > 3

    await wait.until(is_waited_for, what="an answer that took its time", within=30)


async def test_who_reads_what_prometheus_knows_in_part_is_warned(
    reader: reading.Reader, judging: judge.Judge, source: unreliable.Unreliable
) -> None:
    source.behaviour = source.partial

    async def is_partial() -> bool:
        return judging.objections(await reader.get(judge.LIST)) != []

    await wait.until(is_partial, what="figures of a part", within=30)
    reply = await reader.get(judge.LIST)
    assert reply.status == 200, reply
    (warning,) = reply.warnings
    assert "Prometheus warns that its answer is incomplete: traffic may be missing" in warning
    assert unreliable.WARNING not in warning


async def test_were_prometheus_to_lie_the_figures_would_be_found_false(
    reader: reading.Reader, judging: judge.Judge, source: unreliable.Unreliable
) -> None:
    """If Prometheus omits series, only the judge of these tests can find it; this tests the judge."""
    source.behaviour = source.lying

    async def is_found() -> bool:
        reply = await reader.get(judge.LIST)
        return reply.status == 200 and judging.objections(reply) != []

    await wait.until(is_found, what="what is false", within=30)


async def test_the_kube_apiserver_restarted_is_no_reason_to_restart(
    site: sites.Site, whole: cluster.Cluster, reader: reading.Reader, judging: judge.Judge
) -> None:
    before = await verdict.restarts(site)
    async with reader.all_the_while(judge.LIST, every=0.1) as answers:
        async with whole.without_api_server():
            await asyncio.sleep(5)
        await judging.until_true(reader, within=60)
    judging.never_wrong(answers, also=verdict.UNDECIDED)
    assert await verdict.restarts(site) == before


async def test_while_the_kube_apiserver_is_away_nobody_unknown_is_let_in(
    site: sites.Site, whole: cluster.Cluster
) -> None:
    pod = (await verdict.addresses(site))[0]
    async with whole.without_api_server():
        knocked = await asyncio.gather(
            *(verdict.knock(whole, pod, headers) for headers in verdict.NOT_ADMITTED)
        )
        assert {one.status for one in knocked} <= _NOT_LET_IN, knocked


@pytest.mark.long
async def test_a_serving_certificate_made_anew_is_presented_by_every_pod(
    site: sites.Site,
    whole: cluster.Cluster,
    reader: reading.Reader,
    judging: judge.Judge,
    serials: dict[str, int],
) -> None:
    """Two minutes after it was announced; the other tests have used most of this time."""
    before = await verdict.restarts(site)

    async def are_others() -> bool:
        now = await verdict.presented(site, whole)
        assert now.keys() == serials.keys()
        return not set(now.values()) & {0, *serials.values()}

    async with reader.all_the_while(judge.LIST, every=0.2) as answers:
        await wait.until(are_others, what="other certificates", within=180, pause=1)
        await judging.until_true(reader, within=60)
        await asyncio.sleep(3)
    assert {answer.status for answer in answers} == {200}
    judging.never_wrong(answers)
    assert await verdict.restarts(site) == before


async def test_an_api_service_deleted_and_made_again_is_served_again(
    site: sites.Site, reader: reading.Reader, judging: judge.Judge
) -> None:
    path = site.scratch / "apiservice.json"
    path.write_text(json.dumps(await registered.as_written(site)))
    await site.kubectl("delete", "apiservice", sites.API_SERVICE)
    assert (await reader.get(judge.LIST)).status == 404
    await site.kubectl("apply", f"--filename={path}")
    await judging.until_true(reader, within=60)


@pytest.mark.long
async def test_a_namespace_deleted_while_we_are_down_goes_once_we_are_back(
    site: sites.Site, reader: reading.Reader
) -> None:
    """Docs/known-issues.md describes the symptom, by the name of the condition."""
    await site.kubectl("create", "namespace", "doomed")
    await site.kubectl("scale", "deployment/trafficmetrics", verdict.QUIET, "--replicas=0")
    try:

        async def is_stuck() -> bool:
            return "NamespaceDeletionDiscoveryFailure" in await registered.conditions(site, "doomed")

        # The kube-apiserver refreshes discovery each minute. Until then, the previous discovery is enough to
        # empty a namespace, and it is deleted.
        await wait.until(lambda: registered.is_stale(reader), what="stale discovery", within=150, pause=1)
        await site.kubectl("delete", "namespace", "doomed", "--wait=false")
        await wait.until(is_stuck, what="the reason why it stays", within=60, pause=1)
    finally:
        await site.kubectl("scale", "deployment/trafficmetrics", verdict.QUIET, "--replicas=2")
    await verdict.ready(site, replicas=2)
    await site.kubectl("wait", "--for=delete", "namespace/doomed", "--timeout=120s")
