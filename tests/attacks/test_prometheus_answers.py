"""After any odd answer of Prometheus the server gives no wrong figure and no internal error, but a reason."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import pytest_asyncio

from tests.attacks import backend, prometheus_answers
from tests.dialects import moments
from tests.metrics_server import fake_prometheus, reading, recording

pytestmark = pytest.mark.asyncio(loop_scope="module")
web = moments.pod("shop", "web-1", app="web")


def mesh() -> list[recording.Series]:
    """A proxy that calls two services, and is called itself."""
    reply = web.itself(moments.MESHES["envoy"])
    for number, name in enumerate(("cart", "payments"), start=3):
        called = {"envoy_cluster_name": f"outbound|80||{name}.shop.svc.cluster.local"}
        reply.append(
            web.growing("envoy_cluster_upstream_rq_xx", number, **called, envoy_response_code_class="2")
        )
        reply += [
            web.growing("envoy_cluster_upstream_rq_time_bucket", by, **called, le=le)
            for le, by in (("5", number - 1), ("10", number), ("+Inf", number))
        ]
    return reply


class Odd:
    """A Prometheus that gives an odd answer to one sort of query, and right answers to all others."""

    def __init__(self) -> None:
        self.kind: prometheus_answers.Kind | None = None
        self.played = False
        self._holds = recording.Recording(mesh())

    def right(self, query: str, at: float) -> bytes:
        """Return the same answer at any time, except for the time in it."""
        reply = "matrix" if query.endswith("]") else "vector"
        result = self._holds.moved(at - moments.NOW).ask(query, at=at)
        data = {"resultType": reply, "result": result}
        return json.dumps({"status": "success", "data": data}, separators=(",", ":")).encode()

    async def play(self, query: str, at: float, writer: asyncio.StreamWriter) -> None:
        sort = "counters" if query.endswith("]") else "buckets" if "rate(" in query else "others"
        right = self.right(query, at)
        if self.kind is not None and self.kind.to == sort:
            self.played = True
            writer.write(self.kind.wire(right))
        else:
            writer.write(backend.whole(right))


class Scene:
    def __init__(self, api: reading.Api, odd: Odd) -> None:
        self.api = api
        self.odd = odd
        self.counts: dict[str, Any] = {}

    async def ask(self, kind: prometheus_answers.Kind | None) -> reading.Reply:
        self.odd.kind, self.odd.played = kind, False
        return await self.api.get("trafficedges")


def counts(reply: reading.Reply) -> dict[str, float]:
    return {
        f"{item['metadata']['namespace']}/{item['metadata']['name']}": reading.counted(item)
        for item in reply.items
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    odd = Odd()

    async def play(query: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await odd.play(query, prometheus.at, writer)

    async with backend.running(play) as prometheus:
        fake = cast(fake_prometheus.FakePrometheus, prometheus)
        state = tmp_path_factory.mktemp("state")
        async with reading.served(fake, state, profile="envoy", refresh=0.001) as api:
            made = Scene(api, odd)
            await made.ask(None)  # learns the scrape interval
            made.counts = counts(await made.ask(None))
            assert sorted(made.counts.values()) == [18, 24]
            yield made


async def test_there_are_kinds_enough_and_each_has_a_name_of_its_own() -> None:
    names = [kind.name for kind in prometheus_answers.KINDS]
    assert len(names) == len(set(names)) >= 168


@pytest.mark.parametrize("kind", prometheus_answers.KINDS, ids=lambda kind: kind.name)
async def test_an_odd_answer_is_refused_with_a_reason_or_harmless(
    scene: Scene, kind: prometheus_answers.Kind, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        reply = await scene.ask(kind)
    assert scene.odd.played
    if kind.harmless:
        assert counts(reply) == scene.counts
    else:
        message = reply.refused(503)
        assert "Prometheus" in message
        assert not any(word in message for word in ("127.0.0.1", "envoy_", "rate(", "secret", "http://"))
    assert not [one for one in caplog.records if one.exc_info], caplog.text
    assert "a defect" not in caplog.text
