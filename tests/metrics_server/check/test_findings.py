"""`check` names what is wrong with a scrape, a clock or a histogram, and what to do."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator, Mapping

import pytest
from aiohttp import web

from metrics_server.check import examination, report
from metrics_server.inventory import objects
from metrics_server.model import kinds, label_matchers
from tests.metrics_server import fake_prometheus, recording

Backend = fake_prometheus.FakePrometheus
PODS = ("gateway", "front", "cart")
LATER = 60.0
"""Seconds of samples."""


def proxy(
    pod: str,
    *,
    now: float,
    every: float = 5.0,
    rps: float = 4.0,
    bounds: tuple[str, ...] = ("10", "100", "+Inf"),
    slots: tuple[float, ...] = (0.5, 0.9, 1.0),
    **labels: str,
) -> Iterator[recording.Series]:
    """Return the series of an Envoy that serves and sends `rps`. `slots`: cumulative, a share per bucket."""
    target = {"job": "envoy", "instance": f"{pod}:15090", "namespace": "shop", "pod": pod, **labels}
    times = [now - LATER + step * every for step in range(int(LATER / every) + 1)]

    def series(name: str, value: float, **more: str) -> recording.Series:
        return recording.series(name, [(at, value * (at - now + 3600)) for at in times], **target, **more)

    server = {"envoy_http_conn_manager_prefix": "ingress_http"}
    scraped = {label: value for label, value in target.items() if not label.startswith("exported_")}
    yield recording.series("up", [(at, 1) for at in times], **scraped)
    yield series("envoy_server_uptime", 1.0)
    yield series("envoy_http_downstream_rq_xx", rps, **server, envoy_response_code_class="2")
    yield series(
        "envoy_cluster_upstream_rq_xx", rps, envoy_cluster_name="mail.shop.svc", envoy_response_code_class="2"
    )
    for bound, share in zip(bounds, slots, strict=True):
        yield series("envoy_http_downstream_rq_time_bucket", rps * share, **server, le=bound)
        yield series(
            "envoy_cluster_upstream_rq_time_bucket", rps * share, envoy_cluster_name="mail.shop.svc", le=bound
        )


def recorded(*series: Iterator[recording.Series]) -> recording.Recording:
    return recording.Recording([one for each in series for one in each])


async def run(
    backend: Backend,
    *,
    always: str = "",
    inventory: Mapping[kinds.Ref, objects.Object] | None = None,
) -> report.CheckReport:
    return await asyncio.to_thread(
        examination.run,
        backend.url,
        profiles=None,
        window="30s",
        namespace=None,
        always=label_matchers.parse(always) if always else (),
        inventory=objects.Inventory(inventory) if inventory else None,
    )


def line(found: report.CheckReport, words: str) -> str:
    """Return the one line with these words."""
    lines = [one for one in found.lines if words in one]
    assert len(lines) == 1, found.lines
    return lines[0]


async def test_a_good_scrape_has_no_complaint(backend: Backend) -> None:
    now = time.time()
    backend.holds = recorded(*(proxy(pod, now=now) for pod in PODS))
    found = await run(backend)
    assert found.healthy, found.lines
    text = "\n".join(found.lines)
    for words in ("different intervals", "share", "twice", "s late", "clock", "clusters", "bucket of"):
        assert words not in text
    assert "ok    Pod: 3 seen, received requests of 3, latencies of 3" in text
    assert "Deployment, " in line(found, "none is known from labels")


@pytest.mark.parametrize("ahead", [20.0, -600.0, 86_400.0])
async def test_a_clock_that_differs_is_named_and_changes_nothing_else(backend: Backend, ahead: float) -> None:
    backend.clock = lambda: time.time() - ahead
    backend.holds = recorded(*(proxy(pod, now=backend.clock()) for pod in PODS))
    found = await run(backend)
    way = "ahead of" if ahead > 0 else "behind"
    assert f"clock is {abs(ahead):.0f} s {way} the backend's" in line(found, "this machine's clock")
    assert found.healthy, found.lines
    assert "ok    Pod: 3 seen, received requests of 3" in "\n".join(found.lines)


async def test_late_samples_are_named(backend: Backend) -> None:
    backend.holds = recorded(*(proxy(pod, now=time.time() - 25) for pod in PODS))
    late = line(await run(backend), "the newest sample is")
    assert "the newest sample is 25 s old, with a scrape every 5 s: samples come 20 s late" in late
    assert "--stale-after" in late


async def test_a_series_that_vanished_for_a_while_is_named(backend: Backend) -> None:
    now = time.time()
    backend.holds = recorded(proxy("cart", now=now))
    gone = [
        recording.Series(one.labels, [*one.samples[:5], *one.samples[9:]])
        if one.labels["__name__"] == "envoy_cluster_upstream_rq_xx"
        else one
        for one in backend.holds.series
    ]
    backend.holds = recording.Recording(gone)
    vanished = line(await run(backend), "vanished and came back")
    assert "1 series" in vanished
    assert "envoy_cluster_upstream_rq_xx" in vanished


async def test_different_intervals_are_named(backend: Backend) -> None:
    now = time.time()
    backend.holds = recorded(proxy("gateway", now=now, every=20.0), proxy("cart", now=now))
    assert "5 s (1 target), 20 s (1 target)" in line(await run(backend), "different intervals")


async def test_pods_that_share_a_target_are_named(backend: Backend) -> None:
    now = time.time()
    pods = recorded(*(proxy(pod, now=now, job="federate", instance="p:9090") for pod in PODS))
    backend.holds = pods.without("up")
    shared = line(await run(backend), "share a target")
    assert "3 pods share a target (p:9090 of job federate)" in shared
    assert "honor_labels: true" in shared


async def test_the_pods_behind_a_collector_that_is_a_pod_are_each_found(backend: Backend) -> None:
    now = time.time()
    backend.holds = recorded(
        proxy("collector-1", now=now, job="otel", instance="c:8889", exported_pod=PODS[0]),
        *(
            itertools.islice(
                proxy("collector-1", now=now, job="otel", instance="c:8889", exported_pod=pod), 1, None
            )
            for pod in PODS[1:]
        ),
    )
    found = await run(backend)
    assert found.healthy, found.lines
    assert "3 pods share a target (c:8889 of job otel)" in line(found, "share a target")
    (proxies,) = [text for text in found.lines if "proxies, scraped every" in text]
    assert proxies.startswith("ok    3 proxies")


async def test_two_clusters_are_wrong_until_one_is_chosen(backend: Backend) -> None:
    now = time.time()
    backend.holds = recorded(
        *(
            proxy(pod, now=now, cluster=cluster, rps=rps)
            for pod in PODS
            for cluster, rps in (("eu", 40), ("us", 4))
        )
    )
    found = await run(backend)
    assert not found.healthy
    wrong = line(found, "clusters by their label 'cluster' (eu, us)")
    assert "--prometheus-selector 'cluster=\"eu\"'" in wrong
    chosen = await run(backend, always='cluster="eu"')
    assert chosen.healthy, chosen.lines
    assert "of them failed" in "\n".join(chosen.lines)


async def test_a_pod_that_is_scraped_twice_is_named(backend: Backend) -> None:
    now = time.time()
    backend.holds = recorded(
        proxy("cart", now=now, instance="10.1.0.5:15020", job="kubernetes-pods"),
        proxy("cart", now=now, instance="10.1.0.5:15090", job="envoy-stats", container="istio-proxy"),
        proxy("front", now=now),
    )
    twice = line(await run(backend), "scraped twice")
    assert (
        "1 pod scraped twice, such as shop/cart (10.1.0.5:15090 of job envoy-stats and 10.1.0.5:15020"
        in twice
    )


async def test_replicas_of_prometheus_are_named(backend: Backend) -> None:
    now = time.time()
    backend.holds = recorded(
        *(proxy(pod, now=now, prometheus_replica=name) for pod in PODS for name in ("a", "b"))
    )
    assert "held 2 times, by the label 'prometheus_replica' (a, b)" in line(await run(backend), "replicas")


async def test_targets_without_their_own_address_are_named(backend: Backend) -> None:
    now = time.time()
    backend.holds = recorded(*(proxy(pod, now=now, instance="all") for pod in PODS))
    shared = line(await run(backend), "scrape targets share job and instance")
    assert "3 scrape targets share job and instance (all of job envoy), and differ in pod" in shared


@pytest.mark.parametrize(
    ("slots", "words"),
    [
        ((0.99, 1.0, 1.0), "are in the first bucket of envoy_http_downstream_rq_time, which ends at 0.01 s"),
        ((0.0, 0.01, 1.0), "are in the last bucket of envoy_http_downstream_rq_time, above 0.1 s"),
    ],
)
async def test_buckets_that_show_no_latency_are_wrong(
    backend: Backend, slots: tuple[float, ...], words: str
) -> None:
    now = time.time()
    backend.holds = recorded(*(proxy(pod, now=now, slots=slots) for pod in PODS))
    found = await run(backend)
    assert not found.healthy
    assert "correct `unit` in the profile" in line(found, words)


@pytest.mark.parametrize("callee", [True, False])
async def test_what_only_callers_see_is_told_apart(backend: Backend, callee: bool) -> None:
    now = time.time()
    backend.holds = recorded(proxy("gateway", now=now))
    mail = kinds.Ref("Deployment", "shop" if callee else "other", "mail")
    pod, service = (
        kinds.Ref(kind, mail.namespace, name) for kind, name in (("Pod", "mail-1"), ("Service", "mail"))
    )
    known = {
        mail: objects.Object(ref=mail),
        pod: objects.Object(ref=pod, owner=mail, labels={"app": "mail"}),
        service: objects.Object(ref=service, selector={"app": "mail"}),
    }
    words = line(await run(backend, inventory=known), "Deployment: 1 not listed")
    assert ("only their callers see them" in words) == callee


async def test_a_missing_process_metric_is_not_taken_for_missing_labels(backend: Backend) -> None:
    now = time.time()
    series = [
        recording.series(
            "istio_requests_total", [(now - 60 + step * 5, 100 + step) for step in range(13)],
            namespace="shop", pod=pod, job="envoy-stats", instance=f"{pod}:15090", reporter="destination",
            response_code="200", source_workload="front", source_workload_namespace="shop",
        )
        for pod in PODS
    ]  # fmt: skip
    backend.holds = recording.Recording(series)
    found = await run(backend)
    assert not [one for one in found.lines if "Relabel" in one], found.lines
    assert "ok    a target's pod is in its label 'pod'" in found.lines
    assert "Keep this metric in the scrape job" in line(found, "no target has envoy_server_uptime")


async def test_ambient_without_waypoints_is_named(backend: Backend) -> None:
    now = time.time()
    backend.holds = recording.Recording(
        [recording.series("istio_tcp_connections_opened_total", [(now - 5, 1), (now, 2)], job="ztunnel")]
    )
    found = await run(backend)
    assert not found.healthy
    assert "ambient mode without waypoints" in line(found, "istio_tcp_connections_opened_total is there")


async def test_objects_of_the_inventory_without_a_proxy_are_named(backend: Backend) -> None:
    now = time.time()
    backend.holds = recorded(*(proxy(pod, now=now) for pod in PODS))
    front = kinds.Ref("Deployment", "shop", "front")
    known = {
        ref: objects.Object(ref=ref, owner=front if ref.name == "front" and ref.kind == "Pod" else None)
        for ref in (
            front,
            kinds.Ref("Deployment", "shop", "idle"),
            *(kinds.Ref("Pod", "shop", pod) for pod in (*PODS, "idle-1")),
        )
    }
    found = await run(backend, inventory=known)
    assert "ok    Deployment: 1 seen" in "\n".join(found.lines)
    assert line(found, "Deployment: 1 not listed").endswith("shop/idle")
    assert line(found, "Pod: 1 not listed").endswith("shop/idle-1")


async def test_a_backend_with_its_own_form_is_queried_as_by_the_server(backend: Backend) -> None:
    now = time.time()
    backend.holds = recorded(*(proxy(pod, now=now) for pod in PODS))

    async def particular(request: web.Request, query: str) -> web.StreamResponse:
        if request.method == "POST":
            raise web.HTTPForbidden
        if "__name__=~" in query:
            error = "=~ is an unsupported matchtype for the __name__ label: invalid argument"
            return web.json_response({"status": "error", "errorType": "bad_data", "error": error}, status=400)
        return await backend.well(request, query)

    backend.behaviour = particular
    found = await run(backend)
    assert found.healthy, found.lines
    assert "ok    Pod: 3 seen, received requests of 3, latencies of 3" in found.lines
    assert "GET, by exact names of metrics; so does the server" in found.lines[-1]
