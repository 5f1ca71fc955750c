"""The whole server with a fallback adapter: the server answers its own metrics, the adapter all others."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yarl

from apiservice.server import sockets
from metrics_server.server import access, server
from metrics_server.settings import mistakes, settings
from metrics_server.upstream import credential_files, fallback_adapter
from tests.apiservice import pki
from tests.metrics_server import fake_prometheus, other_adapter, recording

CUSTOM = "/apis/custom.metrics.k8s.io/v1beta2"
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1"
AUTHORITY = pki.authority("other")


@dataclasses.dataclass(frozen=True, slots=True)
class Both:
    """A client of our server, and the fallback adapter."""

    session: aiohttp.ClientSession
    url: str
    adapter: other_adapter.Adapter

    async def get(self, path: str) -> tuple[int, bytes, aiohttp.typedefs.LooseHeaders]:
        async with self.session.get(yarl.URL(self.url + path, encoded=True)) as response:
            return response.status, await response.read(), dict(response.headers)

    async def reply(self, path: str) -> Any:
        status, body, _ = await self.get(path)
        return json.loads(body) | {"code": status}


@contextlib.asynccontextmanager
async def served(
    backend: fake_prometheus.FakePrometheus, folder: Path, adapter: other_adapter.Adapter
) -> AsyncIterator[Both]:
    (folder / "ca.crt").write_bytes(AUTHORITY.pem)
    (folder / "token").write_text("shown-token")
    state = folder / "state"
    chosen = settings.load(
        prometheus=backend.url, state=state, autoscaling=True,
        autoscaling_fallback=f"adapter.monitoring:{adapter.port}",
        autoscaling_fallback_ca=folder / "ca.crt", autoscaling_fallback_token=folder / "token",
    )  # fmt: skip
    presented = credential_files.fallback(chosen)
    assert presented is not None
    asked = fallback_adapter.FallbackAdapter(
        adapter.service, presenting=presented, resolver=other_adapter.Here()
    )
    async with (
        contextlib.aclosing(asked),
        access.granted(chosen) as admits,
        server.api(chosen, admits=admits, asked=asked) as api,
        sockets.serve(api, host="127.0.0.1", port=0, tls=admits.tls) as bound,
    ):
        trusting = ssl.create_default_context(cafile=str(state / "ca.crt"))
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trusting),
            headers={"Authorization": f"Bearer {(state / 'token').read_text().strip()}"},
        ) as session:
            yield Both(session, bound.url, adapter)


@pytest.fixture
async def both(backend: fake_prometheus.FakePrometheus, tmp_path: Path) -> AsyncIterator[Both]:
    backend.holds = recording.shop(taken=time.time())
    identity = other_adapter.certified(AUTHORITY)
    async with (
        other_adapter.serve(tmp_path, identity=identity) as adapter,
        served(backend, tmp_path, adapter) as found,
    ):
        yield found


async def test_ours_is_answered_here(both: Both) -> None:
    ours = await both.reply(f"{CUSTOM}/namespaces/shop/deployments.apps/cart/requests_per_second")
    assert (ours["code"], len(ours["items"])) == (200, 1)
    one = await both.reply(f"{EXTERNAL}/namespaces/shop/p95_response_latency?labelSelector=name%3Dcart")
    assert (one["code"], len(one["items"])) == (200, 1)
    assert both.adapter.seen == []


@pytest.mark.parametrize(
    "path",
    [
        f"{CUSTOM}/namespaces/shop/pods/*/queue_length?labelSelector=app%3Dcart,tier%20in%20(a,b)"
        "&metricLabelSelector=queue%3Dorders",
        "/apis/custom.metrics.k8s.io/v1beta1/namespaces/shop/deployments.apps/cart/queue_length",
        f"{CUSTOM}/namespaces/shop/ingresses.networking.k8s.io/main/hits?metricLabelSelector=host%3Da",
        f"{CUSTOM}/namespaces/shop/metrics/queue_length",
        f"{CUSTOM}/nodes/n1/temperature",
        f"{CUSTOM}/namespaces/shop/nodes/n1/temperature",
        f"{EXTERNAL}/namespaces/shop/s0-rabbitmq-orders?labelSelector=scaledobject.keda.sh%2Fname%3Dorders",
        f"{EXTERNAL}/namespaces/shop/datadogmetric@shop:orders",
    ],
)
async def test_what_is_not_ours_is_asked_of_the_other_in_the_same_words(both: Both, path: str) -> None:
    both.adapter.body, both.adapter.status = b'{"kind":"MetricValueList","mark":7}', 200
    assert await both.reply(path) == {"kind": "MetricValueList", "mark": 7, "code": 200}
    (seen,) = both.adapter.seen
    sent, asked = yarl.URL(path, encoded=True), yarl.URL(seen.path, encoded=True)
    assert (asked.path, asked.query) == (sent.path, sent.query)
    assert seen.token == "shown-token"


async def test_the_others_refusals_are_handed_on_without_what_would_make_autoscalers_sleep(
    both: Both,
) -> None:
    body = b'{"kind":"Status","message":"unable to fetch metrics","code":503}\n'
    both.adapter.status, both.adapter.body = 503, body
    both.adapter.headers = {"Retry-After": "30", "Warning": '299 - "x"'}
    status, reply, headers = await both.get(f"{CUSTOM}/namespaces/shop/pods/*/queue_length")
    assert (status, reply) == (503, body)
    assert not {"Retry-After", "Warning"} & set(headers)


async def test_while_the_other_is_away_its_service_is_named_and_ours_is_answered(both: Both) -> None:
    both.adapter.show(other_adapter.certified(pki.authority("stranger")))
    status, reply, headers = await both.get(f"{CUSTOM}/namespaces/shop/pods/*/queue_length")
    assert (status, json.loads(reply)["reason"]) == (503, "ServiceUnavailable")
    assert json.loads(reply)["message"] == (
        "Service monitoring/adapter, which is asked for metrics that TrafficMetrics does not have, shows a "
        "certificate that is not trusted"
    )
    assert "Retry-After" not in headers
    ours = await both.reply(f"{CUSTOM}/namespaces/shop/pods/*/requests_per_second")
    assert ours["code"] == 200


async def test_the_server_does_not_ask_itself(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(AUTHORITY.pem)
    (tmp_path / "token").write_text("shown-token")
    chosen = settings.load(
        prometheus="http://p", cluster="c", service="traffic.mesh", autoscaling=True,
        autoscaling_fallback="traffic.mesh:443", autoscaling_fallback_ca=tmp_path / "ca.crt",
        autoscaling_fallback_token=tmp_path / "token",
    )  # fmt: skip
    with pytest.raises(mistakes.BadSettings, match="names this server's own Service"):
        async with server.predecessor(chosen):
            raise AssertionError("it would ask itself")
