import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from apiservice.kube import client
from tests.apiservice import cluster

SELECTED = {"fieldSelector": f"metadata.name={cluster.NAME}"}


async def test_a_question_is_asked_as_the_one_who_asks_now(kube: cluster.Cluster) -> None:
    tokens = iter(("Bearer first", "Bearer second"))

    async def authorization() -> str:
        return next(tokens)

    async with client.connect(client.ConnectionConfig(url=kube.url, authorization=authorization)) as api:
        for _ in range(2):
            assert (await api.get(cluster.CONFIG_MAPS, query=SELECTED))["items"] == []
    assert kube.authorizations == ["Bearer first", "Bearer second"]


async def test_without_a_token_there_is_no_authorization(
    kube: cluster.Cluster, kube_api: client.KubeApi
) -> None:
    await kube_api.post(cluster.ACCESS_REVIEWS, body={"spec": {}})
    assert kube.authorizations == [None]


@pytest.mark.parametrize("code", [429, 500, 503, 504])
async def test_a_busy_kube_apiserver_is_asked_again(
    kube: cluster.Cluster, kube_api: client.KubeApi, code: int
) -> None:
    kube.faults = [cluster.refusal(code, "busy") for _ in range(4)]
    assert (await kube_api.get(cluster.CONFIG_MAPS, query=SELECTED))["items"] == []
    assert len(kube.asked) == 5


async def test_one_that_stays_busy_is_given_up(kube: cluster.Cluster, kube_api: client.KubeApi) -> None:
    kube.faults = [cluster.refusal(503, "busy") for _ in range(9)]
    with pytest.raises(client.Unreachable, match="configmaps: 503 busy"):
        await kube_api.get(cluster.CONFIG_MAPS, query=SELECTED)
    assert len(kube.asked) == 5


@pytest.mark.parametrize("code", [301, 400, 401, 403, 404])
async def test_a_refusal_is_final(kube: cluster.Cluster, kube_api: client.KubeApi, code: int) -> None:
    kube.faults = [cluster.refusal(code, "no")]
    with pytest.raises(client.Refused, match=f"configmaps: {code} no") as refused:
        await kube_api.get(cluster.CONFIG_MAPS, query=SELECTED)
    assert refused.value.code == code
    assert len(kube.asked) == 1


@pytest.mark.parametrize("body", ["", "nonsense", "[]", "\xff"])
async def test_an_answer_of_something_else_is_garbled(
    kube: cluster.Cluster, kube_api: client.KubeApi, body: str
) -> None:
    kube.faults = [web.Response(text=body)]
    with pytest.raises(client.Garbled, match="configmaps: the answer is not"):
        await kube_api.get(cluster.CONFIG_MAPS, query=SELECTED)


async def test_a_refusal_of_something_else_is_still_a_refusal(
    kube: cluster.Cluster, kube_api: client.KubeApi
) -> None:
    kube.faults = [web.Response(text="<html>", status=404)]
    with pytest.raises(client.Refused, match=r"configmaps: 404$"):
        await kube_api.get(cluster.CONFIG_MAPS, query=SELECTED)


async def test_a_slow_kube_apiserver_is_given_up(kube: cluster.Cluster) -> None:
    kube.hold = asyncio.Event()
    async with cluster.ask(kube, patience=0.05) as api:
        with pytest.raises(client.Unreachable, match=r"no answer within 0\.05 s|imeout"):
            await api.get(cluster.CONFIG_MAPS, query=SELECTED)
    kube.hold.set()


async def test_one_that_is_away_is_unreachable() -> None:
    async with cluster.serve() as gone:
        pass
    async with cluster.ask(gone) as api:
        with pytest.raises(client.Unreachable, match="Cannot connect"):
            await api.get(cluster.CONFIG_MAPS, query=SELECTED)


@contextlib.asynccontextmanager
async def watched(
    api: client.KubeApi, *, silence: float = 10.0
) -> AsyncIterator[AsyncGenerator[dict[str, Any], None]]:
    watch = api.watch(cluster.CONFIG_MAPS, query={**SELECTED, "watch": "1"}, silence=silence)
    async with contextlib.aclosing(watch) as events:
        yield events


async def first(events: AsyncGenerator[dict[str, Any], None]) -> dict[str, Any]:
    return await anext(events)


async def test_a_watch_tells_events_until_it_ends(kube: cluster.Cluster, kube_api: client.KubeApi) -> None:
    async with watched(kube_api) as events:
        coming = asyncio.create_task(first(events))
        await cluster.until(lambda: len(kube.watching) == 1, what="watched")
        # This line is longer than aiohttp's own limit for a line.
        kube.change({"a": "x" * 1_000_000})
        assert (await coming)["object"]["data"] == {"a": "x" * 1_000_000}
        kube.tell(None)
        assert [event async for event in events] == []


async def test_a_watch_that_is_silent_for_too_long_is_given_up(
    kube: cluster.Cluster, kube_api: client.KubeApi
) -> None:
    async with watched(kube_api, silence=0.05) as events:
        with pytest.raises(client.Unreachable, match="imeout"):
            await anext(events)


@pytest.mark.parametrize("line", [b"nonsense", b"[]", b"x" * 5_000_000])
async def test_a_watch_that_talks_nonsense_is_given_up(
    kube: cluster.Cluster, kube_api: client.KubeApi, line: bytes
) -> None:
    async with watched(kube_api) as events:
        coming = asyncio.create_task(first(events))
        await cluster.until(lambda: len(kube.watching) == 1, what="watched")
        kube.tell(line)
        with pytest.raises(client.Garbled):
            await coming


async def test_a_watch_that_does_not_begin_is_given_up(kube: cluster.Cluster) -> None:
    kube.hold = asyncio.Event()
    async with cluster.ask(kube, patience=0.05) as api:
        with pytest.raises(client.Unreachable, match=r"no watch within 0\.05 s"):
            async with api.watching(cluster.CONFIG_MAPS, query={**SELECTED, "watch": "1"}, silence=10.0):
                pass
    kube.hold.set()
