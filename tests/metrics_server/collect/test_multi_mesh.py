"""All meshes that exist are read into one snapshot, over one window."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from concurrent import futures
from typing import Any

import pytest

from metrics_server.collect import multi_mesh
from metrics_server.model import faults, kinds, snapshot
from metrics_server.profiles import loading
from metrics_server.upstream import response
from tests.metrics_server import recording
from tests.metrics_server.collect import test_merge as moments

SHIPPED = {mesh.name: mesh for mesh in loading.shipped()}


class Backend:
    """A backend that has series of the given profiles."""

    def __init__(self, *present: str) -> None:
        self.present = set(present)
        self.asked = 0

    async def ask(self, queries: Sequence[str], *, at: float) -> Sequence[response.PrometheusAnswer]:
        self.asked += 1
        (query,) = queries
        series = [
            f'{{"metric":{{"trafficmetrics_profile":"{name}"}},"value":[0,"1"]}}'
            for name in self.present
            if f'"{name}"' in query
        ]
        body = f'{{"status":"success","data":{{"resultType":"vector","result":[{",".join(series)}]}}}}'
        return [response.PrometheusAnswer(body.encode())]


@dataclasses.dataclass
class Mesh:
    """Takes snapshots of one pod, with a window of at least `least` seconds, or fails with `fault`."""

    name: str
    least: float = 30.0
    fault: faults.Unavailable | None = None
    windows: list[float] = dataclasses.field(default_factory=list)

    def read_by_requests(self) -> None:
        if isinstance(self.fault, faults.NoMesh):
            self.fault = None

    async def take(
        self, namespace: str | None, *, window: float, latency: Collection[kinds.Side]
    ) -> snapshot.Snapshot | None:
        self.windows.append(window)
        if self.fault is not None:
            raise self.fault
        pod = snapshot.Reporter(namespace="shop", pod=self.name)
        if namespace not in (None, "shop"):
            return None
        taken = moments.reported(self.name, [pod], server=[(0, -1, 5, 0)])
        return dataclasses.replace(taken, window=max(window, self.least))


def mixed(backend: Backend, *takers: Mesh, uptime: Any = lambda: 0.0) -> multi_mesh.MultiMeshCollector:
    return multi_mesh.MultiMeshCollector(
        backend,
        [(SHIPPED[taker.name], taker) for taker in takers],
        allowed=moments.everywhere,
        clock=recording.Clock(0.0),
        executor=futures.ThreadPoolExecutor(max_workers=1),
        uptime=uptime,
    )


async def test_only_meshes_that_are_there_are_asked() -> None:
    istio, linkerd, envoy = Mesh("istio"), Mesh("linkerd"), Mesh("envoy")
    taken = await mixed(Backend("istio", "envoy"), istio, linkerd, envoy).take(None, window=30)
    assert taken is not None
    assert [mesh.profile for mesh in taken.meshes] == ["istio", "envoy"]
    assert linkerd.windows == []


async def test_a_mesh_that_comes_is_found_after_a_while() -> None:
    now, backend = 0.0, Backend("envoy")
    taker = mixed(backend, Mesh("istio"), Mesh("envoy"), uptime=lambda: now)
    for moment, expected in ((0.0, ["envoy"]), (59.0, ["envoy"]), (60.0, ["istio", "envoy"])):
        now = moment
        taken = await taker.take(None, window=30)
        assert taken is not None
        assert [mesh.profile for mesh in taken.meshes] == expected
        backend.present.add("istio")
    assert backend.asked == 2


async def test_a_mesh_that_is_scraped_seldom_does_not_widen_the_window_of_another() -> None:
    often, seldom = Mesh("istio", least=10), Mesh("envoy", least=120)
    taken = await mixed(Backend("istio", "envoy"), often, seldom).take(None, window=30)
    assert taken is not None
    assert taken.window == 120
    assert (often.windows, seldom.windows) == ([30], [30])


async def test_a_mesh_that_is_scraped_no_more_is_left_out_and_the_rest_is_partial() -> None:
    stale = Mesh("istio", fault=faults.Stale("The newest scrape of the mesh is 95 s old."))
    taken = await mixed(Backend("istio", "envoy"), stale, Mesh("envoy")).take(None, window=30)
    assert taken is not None
    assert taken.absent == ("istio",)
    assert not taken.partial, "of which Prometheus would have warned"
    assert [mesh.profile for mesh in taken.meshes] == ["envoy"]


async def test_nothing_is_served_if_all_are_stale_or_prometheus_is_away() -> None:
    backend = Backend("istio", "envoy")
    stale = faults.Stale("The newest scrape of the mesh is 95 s old.")
    with pytest.raises(faults.Stale):
        await mixed(backend, Mesh("istio", fault=stale), Mesh("envoy", fault=stale)).take(None, window=30)
    down = faults.BackendDown("Prometheus cannot be reached.")
    with pytest.raises(faults.BackendDown):
        await mixed(backend, Mesh("istio", fault=down), Mesh("envoy")).take(None, window=30)


async def test_without_any_mesh_it_is_said_what_was_looked_for() -> None:
    with pytest.raises(faults.NoMesh, match="looked for those of profiles istio, envoy"):
        await mixed(Backend(), Mesh("istio"), Mesh("envoy")).take(None, window=30)


async def test_a_mesh_without_processes_is_read_by_its_requests_if_there_is_no_other() -> None:
    hidden = faults.NoMesh("no `envoy_server_uptime`")
    alone = Mesh("istio", fault=hidden)
    taken = await mixed(Backend("istio"), alone).take(None, window=30)
    assert taken is not None
    assert [mesh.profile for mesh in taken.meshes] == ["istio"]
    carried, other = Mesh("istio", fault=hidden), Mesh("envoy")
    taken = await mixed(Backend("istio", "envoy"), carried, other).take(None, window=30)
    assert taken is not None
    assert [mesh.profile for mesh in taken.meshes] == ["envoy"]


async def test_a_namespace_without_a_proxy_is_none() -> None:
    assert await mixed(Backend("envoy"), Mesh("envoy")).take("empty", window=30) is None
