"""`check --learn` on a mesh of which no profile knows anything."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path

import click.testing
import hypothesis
import pytest
from aiohttp import web
from hypothesis import strategies

from metrics_server import __main__ as command
from metrics_server.check import families, proposal
from metrics_server.profiles import loading
from tests.metrics_server import fake_prometheus, recording

Backend = fake_prometheus.FakePrometheus
_TIMES = 13
_EVERY = 5.0


def acme(*, now: float) -> recording.Recording:
    """Return two proxies of an invented mesh, a second one's metrics, and metrics that are no requests."""
    times = [now - _EVERY * step for step in reversed(range(_TIMES))]

    def one(name: str, by: float, pod: str, **labels: str) -> recording.Series:
        target = {"job": "acme", "instance": f"{pod}:9", "namespace": "shop", "pod": pod}
        samples = [(at, 100 + by * number) for number, at in enumerate(times)]
        return recording.series(name, samples, **target, **labels)

    def of_pod(pod: str, to: str) -> Iterator[recording.Series]:
        target = {"job": "acme", "instance": f"{pod}:9", "namespace": "shop", "pod": pod}
        yield recording.series("up", [(at, 1.0) for at in times], **target)
        yield recording.series("process_start_time_seconds", [(at, now - 9000) for at in times], **target)
        ends = {"dst_namespace": "data", "dst_workload": to}
        yield one("acme_outbound_requests_total", 10, pod, **ends, status="200")
        yield one("acme_outbound_requests_total", 2, pod, **ends, status="503")
        for bound, share in (("100", 6), ("1000", 12), ("+Inf", 12)):
            yield one("acme_outbound_latency_bucket", share, pod, **ends, le=bound)
        yield one("acme_outbound_latency_count", 12, pod, **ends)
        yield one("acme_sent_bytes_total", 9000, pod, **ends)
        yield one("apiserver_request_total", 9000, pod, code="200")

    return recording.Recording([*of_pod("web-1", "db"), *of_pod("web-2", "cache")])


async def invoke(*arguments: str) -> click.testing.Result:
    return await asyncio.to_thread(click.testing.CliRunner().invoke, command.main, arguments)


async def test_a_profile_is_learned_and_can_be_used_at_once(backend: Backend, tmp_path: Path) -> None:
    backend.holds = acme(now=time.time())
    result = await invoke("check", "--prometheus", backend.url, "--learn")
    assert result.exit_code == 0, result.output
    assert "shop/pod.web-1 -> data/workload.db: 72 requests, 12 of them failed" in result.stderr
    mesh = loading.read(result.stdout, source="stdout")
    assert mesh.process is not None
    (view,) = mesh.views
    assert (view.side, view.counters) == ("client", ("acme_outbound_requests_total",))
    assert view.latency is not None
    assert (view.latency.metric, view.latency.unit) == ("acme_outbound_latency", "ms")
    file = tmp_path / "acme.yaml"
    file.write_text(result.stdout)
    used = await invoke("check", "--prometheus", backend.url, "--profile", str(file))
    assert used.exit_code == 0, used.output
    assert "client side: 2 rows, 144 requests, 24 of them failed" in used.stdout


async def test_where_no_profile_has_data_the_likely_metrics_are_named(backend: Backend) -> None:
    backend.holds = acme(now=time.time())
    result = await invoke("check", "--prometheus", backend.url)
    assert result.exit_code == 1
    (named,) = [line for line in result.stdout.splitlines() if "look like counters of requests" in line]
    assert "acme_outbound_requests_total" in named
    assert "check --learn" in named
    assert "bytes" not in named
    assert "apiserver" not in named


async def test_nothing_is_proposed_where_there_is_nothing(backend: Backend) -> None:
    result = await invoke("check", "--prometheus", backend.url, "--learn")
    assert result.exit_code == 1
    assert "WRONG nothing to learn from: no metric looks like a counter of requests" in result.stderr
    assert not result.stdout


async def test_where_shipped_profiles_read_all_counters_they_are_named(backend: Backend) -> None:
    now = time.time()
    target = {"job": "tempo", "instance": "t:1"}
    samples = [(now - 5, 1.0), (now, 2.0)]
    backend.holds = recording.Recording(
        [recording.series("traces_service_graph_request_total", samples, client="a", server="b", **target)]
    )
    result = await invoke("check", "--prometheus", backend.url, "--learn")
    assert result.exit_code == 1
    assert "shipped profiles read all metrics that look like counters of requests" in result.stderr
    assert "(traces_service_graph_request_total)" in result.stderr


async def test_a_metric_can_be_chosen(backend: Backend) -> None:
    backend.holds = acme(now=time.time())
    result = await invoke(
        "check", "--prometheus", backend.url, "--learn", "--metric", "apiserver_request_total"
    )
    assert "requests: apiserver_request_total" in result.stdout
    missing = await invoke("check", "--prometheus", backend.url, "--learn", "--metric", "acme_none")
    assert missing.exit_code == 1
    assert "no recent series of acme_none" in missing.stderr
    odd = await invoke("check", "--prometheus", backend.url, "--learn", "--metric", "a.b")
    assert "a.b cannot be in a profile" in odd.stderr
    alone = await invoke("check", "--prometheus", backend.url, "--metric", "acme_none")
    assert alone.exit_code == 2
    assert "--metric needs --learn" in alone.output


async def test_of_very_many_names_the_first_are_read_and_it_is_said(backend: Backend) -> None:
    now = time.time()
    many = [recording.series(f"zz_{number}", [(now, 1.0)]) for number in range(families.MOST_NAMES)]
    backend.holds = recording.Recording([*acme(now=now).series, *many])
    result = await invoke("check", "--prometheus", backend.url, "--learn")
    assert (
        f"more than {families.MOST_NAMES} names of metrics, and only the first were looked at"
        in result.stderr
    )
    assert "requests: acme_outbound_requests_total" in result.stdout


async def test_a_backend_that_lists_no_names_can_learn_a_metric_that_is_given(backend: Backend) -> None:
    backend.holds = acme(now=time.time())

    async def lost(request: web.Request) -> web.StreamResponse:
        return web.Response(status=404, text="not here")

    backend.listing = lost
    given = ("--metric", "acme_outbound_requests_total")
    result = await invoke("check", "--prometheus", backend.url, "--learn", *given)
    assert result.exit_code == 0, result.output
    assert "requests: acme_outbound_requests_total" in result.stdout


_LABELS = strategies.dictionaries(
    strategies.sampled_from(
        ["src", "dst", "source_pod", "destination_workload", "code", "grpc_status", "direction", "reporter",
         "k8s.pod", "failed", "host", "class", "namespace", "pod", "upstream_cluster", "path", "from", "to",
         "on"]
    )
    | strategies.text(min_size=1, max_size=8),
    strategies.text(max_size=20)
    | strategies.sampled_from(["200", "5xx", "2", "outbound", "true", "OK", "a.b.svc", "/healthz"]),
    max_size=6,
)  # fmt: skip


@hypothesis.given(
    strategies.lists(_LABELS, max_size=6), strategies.booleans(), strategies.lists(strategies.floats(0, 1e12))
)
def test_whatever_the_labels_a_proposal_can_be_loaded(
    series: list[dict[str, str]], has_process: bool, bounds: list[float]
) -> None:
    family = families.Family(counter="x_requests_total", histogram="x_duration")
    sample = proposal.Sample(family=family, series=series, bounds=bounds)
    process = proposal.Process("process_start_time_seconds", "start") if has_process else None
    assert loading.read(proposal.write([sample], process=process), source="proposed").views


def test_probes_are_left_out_of_a_proposal() -> None:
    family = families.Family(counter="x_requests_total", histogram=None)
    series = [{"path": path, "code": "200"} for path in ("/healthz", "/cart", "/metrics", "kube-probe/1.30")]
    text = proposal.write([proposal.Sample(family=family, series=series)], process=None)
    (view,) = loading.read(text, source="proposed").views
    assert [bool(re.fullmatch(view.ignore["path"], one["path"])) for one in series] == [
        True,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("name", "others", "type_", "looks_like_one"),
    [
        ("acme_requests_total", (), "", True),
        ("acme_requests", (), "counter", True),
        ("acme_requests", (), "gauge", False),
        ("acme_requests_total", (), "gauge", False),
        ("acme_call_duration_count", ("acme_call_duration_bucket",), "", True),
        ("acme_call_duration_count", (), "", False),
        ("acme_request_bytes_total", (), "", False),
        ("prometheus_http_requests_total", (), "counter", False),
        ("istio_requests_total", (), "counter", False),
        ("acme_restarts_total", (), "counter", False),
    ],
)
def test_what_looks_like_a_counter_of_requests(
    name: str, others: tuple[str, ...], type_: str, looks_like_one: bool
) -> None:
    found = families.likely({name, *others}, loading.shipped(), {name: type_})
    assert [one.counter for one in found] == [name] * looks_like_one
