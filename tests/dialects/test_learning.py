"""`check --learn` proposes a profile for every dialect, and for many of them a right one."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from metrics_server.check import examination, report
from metrics_server.inventory import file_source
from metrics_server.profiles import loading
from tests.dialects import recorded, spoken, stage, writers
from tests.metrics_server import fake_prometheus

_PROFILES = {mesh.name: mesh for mesh in loading.shipped()}
_RIGHT = ("csm", "envoy", "gloo-mesh", "hubble", "istio", "linkerd", "osm", "otel")
"""Dialects of which the learned profile finds the edge with the most requests."""
_SCRAPES_IN_WINDOW = 6


async def learned(dialect: writers.Dialect, folder: Path, *, metric: str) -> report.CheckReport:
    fake = fake_prometheus.FakePrometheus(recorded.recorded(dialect, until=time.time()))
    async with fake_prometheus.running(fake):
        return await asyncio.to_thread(
            examination.run,
            fake.url,
            profiles=None,
            window="30s",
            namespace=None,
            inventory=file_source.File(stage.inventory(folder)).latest,
            learns=True,
            metric=metric,
        )


@pytest.mark.parametrize("dialect", spoken.DIALECTS, ids=lambda dialect: dialect.name)
async def test_a_profile_is_proposed_for_every_dialect(dialect: writers.Dialect, tmp_path: Path) -> None:
    found = await learned(dialect, tmp_path, metric=_PROFILES[dialect.profile].views[0].counters[0])
    assert found.proposed is not None, found.lines
    assert loading.read(found.proposed, source="learned").views
    assert any("rows, " in line for line in found.lines), found.lines


@pytest.mark.parametrize("name", _RIGHT)
async def test_the_proposed_profile_gives_the_right_edge(name: str, tmp_path: Path) -> None:
    (dialect,) = (one for one in spoken.DIALECTS if one.name == name)
    found = await learned(dialect, tmp_path, metric=_PROFILES[dialect.profile].views[0].counters[0])
    calls = [call for call in dialect.calls if (call.caller.name, call.callee.name) == ("frontend", "cart")]
    count = _SCRAPES_IN_WINDOW * sum(call.count for call in calls)
    edge = f"shop/deployment.frontend -> shop/deployment.cart: {count} requests"
    assert any(edge in line for line in found.lines), found.lines
