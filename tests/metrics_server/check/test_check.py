"""`check` reads the same fake Prometheus as the server does, through another HTTP library."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from aiohttp import web

from metrics_server.check import examination, report
from tests.metrics_server import fake_prometheus, recording

NOWHERE = "http://127.0.0.1:1"


async def run(
    backend: fake_prometheus.FakePrometheus, *, window: str = "30s", namespace: str | None = None
) -> report.CheckReport:
    return await asyncio.to_thread(
        examination.run, backend.url, profiles=None, window=window, namespace=namespace
    )


def without_label(recorded: recording.Recording, *names: str) -> recording.Recording:
    return recording.Recording(
        [
            recording.Series({k: v for k, v in one.labels.items() if k not in names}, one.samples)
            for one in recorded.series
        ]
    )


@pytest.fixture
def mesh() -> recording.Recording:
    return recording.shop(taken=time.time())


async def test_a_good_mesh_is_described(
    backend: fake_prometheus.FakePrometheus, mesh: recording.Recording
) -> None:
    backend.holds = mesh
    found = await run(backend)
    text = "\n".join(found.lines)
    assert found.healthy, text
    assert f"ok    {backend.url} answers queries" in text
    assert "ok    a target's namespace is in its label 'namespace'" in text
    assert "18 proxies, scraped every 5 s, the newest" in text
    assert "server side: " in text
    assert "edges between workloads" in text
    assert "by service" in text
    assert "asked (" in text


async def test_one_namespace_is_looked_at_alone(
    backend: fake_prometheus.FakePrometheus, mesh: recording.Recording
) -> None:
    backend.holds = mesh
    found = await run(backend, namespace="data")
    assert found.healthy
    assert any('namespace="data"' in line for line in found.lines)


async def test_a_namespace_of_which_nobody_tells_is_wrong(
    backend: fake_prometheus.FakePrometheus, mesh: recording.Recording
) -> None:
    backend.holds = mesh
    found = await run(backend, namespace="nowhere")
    assert not found.healthy
    assert "WRONG no proxy is scraped in namespace 'nowhere', and nothing calls it" in found.lines


async def test_a_window_that_must_be_widened_is_noted(
    backend: fake_prometheus.FakePrometheus, mesh: recording.Recording
) -> None:
    backend.holds = mesh
    found = await run(backend, window="2s")
    assert any("a window of 2s spans fewer than two scrapes: 10s was used" in line for line in found.lines)


async def wrong(backend: fake_prometheus.FakePrometheus, holds: recording.Recording) -> str:
    backend.holds = holds
    found = await run(backend)
    assert not found.healthy
    return "\n".join(line for line in found.lines if line.startswith("WRONG "))


async def test_a_prometheus_without_a_mesh_is_wrong(backend: fake_prometheus.FakePrometheus) -> None:
    assert "no profile has data" in await wrong(backend, recording.Recording([]))


async def test_targets_that_tell_no_pod_or_namespace_are_wrong_and_the_relabelling_is_named(
    backend: fake_prometheus.FakePrometheus, mesh: recording.Recording
) -> None:
    text = await wrong(backend, without_label(mesh, "pod", "namespace"))
    assert "Relabel __meta_kubernetes_namespace to 'namespace'" in text
    assert "Relabel __meta_kubernetes_pod_name to 'pod'" in text


async def test_requests_without_buckets_are_wrong(
    backend: fake_prometheus.FakePrometheus, mesh: recording.Recording
) -> None:
    text = await wrong(backend, mesh.without("envoy_cluster_upstream_rq_time_bucket"))
    assert "client side: requests but no latency buckets" in text
    assert "server side" not in text


async def test_a_mesh_that_is_no_longer_scraped_is_wrong(backend: fake_prometheus.FakePrometheus) -> None:
    assert "scrape" in await wrong(backend, recording.shop(taken=time.time() - 120))


async def test_a_prometheus_that_is_down_is_wrong_and_named() -> None:
    found = await asyncio.to_thread(examination.run, NOWHERE, profiles=None, window="30s", namespace=None)
    assert not found.healthy
    assert found.lines[0].startswith(f"WRONG {NOWHERE}: Prometheus cannot be asked")


async def test_a_prometheus_that_refuses_is_wrong_in_its_own_words(
    backend: fake_prometheus.FakePrometheus,
) -> None:
    backend.behaviour = fake_prometheus.fixed("the proxy's own words", status=403)
    found = await run(backend)
    assert not found.healthy
    assert "the proxy's own words" in found.lines[0]


async def test_what_is_no_query_api_is_wrong(backend: fake_prometheus.FakePrometheus) -> None:
    backend.behaviour = fake_prometheus.fixed("<html>", content_type="text/html")
    found = await run(backend)
    assert not found.healthy
    assert "answers with a web page instead of figures" in found.lines[0]


async def test_a_redirect_is_wrong_and_not_followed(backend: fake_prometheus.FakePrometheus) -> None:
    async with fake_prometheus.running(fake_prometheus.FakePrometheus()) as elsewhere:

        async def away(request: web.Request, query: str) -> web.StreamResponse:
            raise web.HTTPFound(f"{elsewhere.url}/api/v1/query?query=vector(1)&time=1")

        backend.behaviour = away
        found = await run(backend)
        assert elsewhere.asked == []
    assert not found.healthy
    assert (
        f"redirects to another address: status 302 to {elsewhere.url}/api/v1/query, which is not followed"
        in found.lines[0]
    )


async def test_neither_a_proxy_nor_a_password_of_the_environment_is_used(
    backend: fake_prometheus.FakePrometheus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", NOWHERE)
    seen: list[str | None] = []

    async def looking(request: web.Request, query: str) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        return await backend.well(request, query)

    backend.behaviour = looking
    assert "answers queries" in (await run(backend)).lines[0]
    assert set(seen) == {None}


async def test_only_meshes_that_are_there_are_looked_at(
    backend: fake_prometheus.FakePrometheus, mesh: recording.Recording
) -> None:
    """Seven more profiles read Envoy's uptime, but no line is printed for them."""
    backend.holds = mesh
    found = [line for line in (await run(backend)).lines if line.startswith("ok    profile ")]
    assert found == ['ok    profile envoy: {__name__="envoy_server_uptime"} is there']


async def test_a_proxy_that_two_meshes_tell_of_is_said_to_count_once(
    backend: fake_prometheus.FakePrometheus, mesh: recording.Recording
) -> None:
    pods = [one for one in mesh.series if one.labels["__name__"] == "envoy_server_uptime"][:2]
    more = [
        recording.Series(
            {
                **one.labels,
                "__name__": "istio_requests_total",
                "reporter": "destination",
                "source_workload": "unknown",
                "response_code": "200",
            },
            [(at, str(number)) for number, (at, _) in enumerate(one.samples)],
        )
        for one in pods
    ]
    backend.holds = recording.Recording([*mesh.series, *more])
    (line,) = [line for line in (await run(backend)).lines if "in all" in line]
    # The third proxy reports no requests to either mesh; istio, the first mesh that knows it, counts it.
    assert line == ("ok    18 proxies in all, each counted once: 3 as read by istio, 15 as read by envoy")


async def test_victoria_metrics_is_asked_for_now(
    backend: fake_prometheus.FakePrometheus, mesh: recording.Recording
) -> None:
    """By default VictoriaMetrics answers for 30 s ago; at that time this fake has no samples."""
    backend.holds = mesh

    async def behind(request: web.Request, query: str) -> web.StreamResponse:
        sent = await request.post()
        at, ranged = float(str(sent.get("time", time.time()))), query.endswith("]")
        known = ranged or "latency_offset" in sent
        data = {"result": mesh.ask(query, at=at if known else 0.0)}
        stats = {} if ranged else {"stats": {"seriesFetched": "0"}}
        return web.json_response({"status": "success", "data": data, **stats})

    backend.behaviour = behind
    found = await run(backend)
    assert found.healthy, found.lines
