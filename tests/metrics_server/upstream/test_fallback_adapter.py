"""The server forwards requests for other metrics to the fallback adapter, here a fake with real TLS."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from metrics_server.model import faults
from metrics_server.settings import mistakes, settings
from metrics_server.upstream import credential_files, fallback_adapter
from tests.apiservice import pki
from tests.metrics_server import guarded_prometheus, other_adapter

PATH = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop/pods/*/queue_length"
AUTHORITY = pki.authority("other")
HASTE = fallback_adapter.FallbackLimits(connect=0.3, answer=0.6, size=1 << 20)
_NOBODY = 1
"""A port on which no program listens."""
GENEROUS = fallback_adapter.FallbackLimits(connect=10.0, answer=20.0)


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    """A fallback adapter, and the files of its authority and of our token."""

    adapter: other_adapter.Adapter
    authority: Path
    token: Path

    @contextlib.asynccontextmanager
    async def asking(
        self, *, bounds: fallback_adapter.FallbackLimits = GENEROUS, port: int | None = None
    ) -> AsyncIterator[fallback_adapter.FallbackAdapter]:
        called = f"adapter.monitoring:{port or self.adapter.port}"
        chosen = settings.load(
            prometheus="http://p", autoscaling=True, autoscaling_fallback=called,
            autoscaling_fallback_ca=self.authority, autoscaling_fallback_token=self.token,
        )  # fmt: skip
        presented = credential_files.fallback(chosen)
        assert presented is not None
        predecessor = fallback_adapter.FallbackAdapter(
            fallback_adapter.service(called),
            presenting=presented,
            bounds=bounds,
            resolver=other_adapter.Here(),
        )
        async with contextlib.aclosing(predecessor):
            yield predecessor


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    authority, token = tmp_path / "ca.crt", tmp_path / "token"
    authority.write_bytes(AUTHORITY.pem)
    token.write_text("first-token\n")
    async with other_adapter.serve(tmp_path, identity=other_adapter.certified(AUTHORITY)) as adapter:
        yield Scene(adapter, authority, token)


async def refused(
    predecessor: fallback_adapter.FallbackAdapter, path: str = PATH
) -> faults.FallbackUnavailable:
    with pytest.raises(faults.FallbackUnavailable) as reply:
        await predecessor.ask(path, query={})
    assert reply.value.message.startswith(
        "Service monitoring/adapter, which is asked for metrics that TrafficMetrics does not have, "
    )
    assert "first-token" not in reply.value.message + reply.value.detail
    return reply.value


@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        (200, b'{"kind":"MetricValueList"}', "application/json"),
        (200, b"k8s\x00\x0a\xff\x00", "application/vnd.kubernetes.protobuf"),
        (404, b'{"kind":"Status","message":"the server could not find it"}', "application/json"),
        (500, b"oh", "text/plain; charset=utf-8"),
        (503, b"", "application/json"),
    ],
)
async def test_what_it_answers_is_handed_on(
    scene: Scene, status: int, body: bytes, content_type: str
) -> None:
    scene.adapter.status, scene.adapter.body, scene.adapter.content_type = status, body, content_type
    scene.adapter.headers = {"Retry-After": "7"}
    async with scene.asking() as predecessor:
        answer = await predecessor.ask(PATH, query={})
    assert answer == fallback_adapter.ForwardedAnswer(status=status, body=body, content_type=content_type)


async def test_it_is_asked_what_we_were_asked_in_our_name(scene: Scene) -> None:
    query = {"labelSelector": "app=cart,tier in (a,b)", "metricLabelSelector": "queue=a&b"}
    async with scene.asking() as predecessor:
        await predecessor.ask(PATH, query=query)
        await predecessor.ask("/apis/x/ü%2F?y", query={})
    first, second = scene.adapter.seen
    assert first.path.startswith(f"{PATH}?labelSelector=app")
    assert "metricLabelSelector=queue%3Da%26b" in first.path
    assert (first.token, first.accept, first.encoding) == ("first-token", other_adapter.JSON, "identity")
    assert second.path == "/apis/x/%C3%BC%252F%3Fy"


@pytest.mark.parametrize("path", ["/apis/x/../y", "/apis/./x", "/apis/x/.."])
async def test_a_path_that_an_address_would_change_is_asked_of_nobody(scene: Scene, path: str) -> None:
    async with scene.asking() as predecessor:
        with pytest.raises(faults.BadRequest):
            await predecessor.ask(path, query={})
    assert scene.adapter.seen == []


@pytest.mark.parametrize(
    ("identity", "why"),
    [
        (other_adapter.certified(AUTHORITY, name="adapter.elsewhere.svc"), "adapter.monitoring.svc"),
        (other_adapter.certified(pki.authority("stranger")), "unable to get local issuer"),
    ],
)
async def test_somebody_else_in_its_place_learns_nothing(
    scene: Scene, identity: pki.Identity, why: str
) -> None:
    scene.adapter.show(identity)
    async with scene.asking() as predecessor:
        reply = await refused(predecessor)
    assert reply.message.endswith("shows a certificate that is not trusted")
    assert why in reply.detail
    assert f"trusted CAs: those in {scene.authority} (--autoscaling-fallback-ca)" in reply.detail
    assert scene.adapter.seen == []


async def test_a_token_and_a_ca_that_were_replaced_are_used_by_the_next_question(scene: Scene) -> None:
    other = pki.authority("renewed")
    async with scene.asking() as predecessor:
        await predecessor.ask(PATH, query={})
        guarded_prometheus.replace(scene.token, "second-token")
        await predecessor.ask(PATH, query={})
        scene.adapter.show(other_adapter.certified(other))
        guarded_prometheus.replace(scene.authority, other.pem)
        await predecessor.ask(PATH, query={})
    assert [seen.token for seen in scene.adapter.seen] == ["first-token", "second-token", "second-token"]


async def test_half_a_file_takes_nothing_away(scene: Scene) -> None:
    async with scene.asking() as predecessor:
        scene.token.write_text("")
        scene.authority.write_bytes(AUTHORITY.pem[:100])
        assert (await predecessor.ask(PATH, query={})).status == 200
    assert [seen.token for seen in scene.adapter.seen] == ["first-token"]


async def test_one_that_is_away_is_named(scene: Scene) -> None:
    async with scene.asking(port=_NOBODY) as predecessor:
        assert (await refused(predecessor)).message.endswith("cannot be reached")


async def test_one_that_does_not_take_up_the_connection_is_given_up(scene: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with scene.asking(bounds=HASTE, port=silent.getsockname()[1]) as predecessor:
            assert (await refused(predecessor)).message.endswith("cannot be reached within 0.3 s")


@pytest.mark.parametrize("pause", [3600.0, 0.1])
async def test_one_that_does_not_come_to_an_end_is_given_up(scene: Scene, pause: float) -> None:
    """The adapter sends nothing for an hour, or one byte every 0.1 s without end."""
    scene.adapter.pause = pause
    async with scene.asking(bounds=HASTE) as predecessor:
        assert (await refused(predecessor)).message.endswith("did not answer within 0.6 s")


async def test_an_answer_without_measure_is_not_taken(scene: Scene) -> None:
    async with scene.asking(bounds=HASTE) as predecessor:
        scene.adapter.body = b" " * HASTE.size
        assert len((await predecessor.ask(PATH, query={})).body) == HASTE.size
        scene.adapter.body += b" "
        assert (await refused(predecessor)).message.endswith("answers with more than 1 MiB")


@pytest.mark.parametrize("status", [401, 403])
async def test_that_it_refuses_our_account_is_not_said_as_if_it_refused_the_asker(
    scene: Scene, status: int
) -> None:
    scene.adapter.status = status
    scene.adapter.body = b'User "system:serviceaccount:trafficmetrics:trafficmetrics-fallback" cannot'
    async with scene.asking() as predecessor:
        reply = await refused(predecessor)
    assert f"refuses the account of TrafficMetrics (status {status})" in reply.message
    assert f"client credential sent: the token in {scene.token}" in reply.detail
    assert "trafficmetrics-fallback" in reply.detail


async def test_a_redirect_is_not_followed(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    identity = other_adapter.certified(AUTHORITY)
    async with other_adapter.serve(tmp_path / "elsewhere", identity=identity) as elsewhere:
        scene.adapter.status = 302
        scene.adapter.headers = {"Location": f"https://{other_adapter.HOST}:{elsewhere.port}/"}
        async with scene.asking() as predecessor:
            reply = await refused(predecessor)
    assert "redirects to another address (status 302)" in reply.message
    assert elsewhere.seen == []


async def test_many_are_asked_at_once(scene: Scene) -> None:
    async with scene.asking() as predecessor:
        answers = await asyncio.gather(*(predecessor.ask(PATH, query={}) for _ in range(200)))
    assert {answer.status for answer in answers} == {200}


def test_files_that_are_not_there_are_named_at_once(tmp_path: Path) -> None:
    chosen = settings.load(
        prometheus="http://p", autoscaling=True, autoscaling_fallback="adapter.monitoring",
        autoscaling_fallback_ca=tmp_path / "ca.crt", autoscaling_fallback_token=tmp_path / "token",
    )  # fmt: skip
    with pytest.raises(mistakes.BadSettings) as reply:
        credential_files.fallback(chosen)
    first, second = str(reply.value).splitlines()
    assert first.startswith("--autoscaling-fallback-token (TRAFFIC_AUTOSCALING_FALLBACK_TOKEN): ")
    assert second.startswith("--autoscaling-fallback-ca (TRAFFIC_AUTOSCALING_FALLBACK_CA): ")


def test_without_another_adapter_there_is_nobody_to_ask() -> None:
    assert credential_files.fallback(settings.load(prometheus="http://p")) is None
