"""Requests are counted correctly in every database, whatever happens to their proxies."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio

from metrics_server.model import quantity
from tests import serving
from tests.backends import backend, proxies

pytestmark = pytest.mark.asyncio(loop_scope="module")
_STORES = (backend.PROMETHEUS, backend.VICTORIA_METRICS)
_BEFORE = 1000
"""What a proxy counted before the test began."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """The server's figures of each pod's calls in the time since `_BEFORE` was scraped."""

    figures: Mapping[str, Mapping[str, float]]

    def counts(self, pod: str) -> tuple[float, float]:
        """Successes and failures."""
        found = self.figures[pod]
        return round(found["success_count"], 6), round(found["failure_count"], 6)


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=[pytest.param(store, id=store.name, marks=store.marks) for store in _STORES],
)
async def reply(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, other_subnet: str
) -> AsyncIterator[Reply]:
    store = request.param
    folder = tmp_path_factory.mktemp(store.name)
    host = f"{other_subnet}.{150 + _STORES.index(store)}"
    old = ("steady", "failing", "restarted", "gone", "back", "newborn-edge")
    known = {pod: proxies.Proxy(pod, succeeded=_BEFORE, milliseconds=[5.0] * 20) for pod in old}
    known["newborn-edge"] = proxies.Proxy("newborn-edge")
    known["born"] = proxies.Proxy("born", there=False)
    mesh = proxies.Proxies(known)
    async with (
        proxies.serving(mesh) as address,
        backend.running(store, folder, host=host, scrapes=mesh.scrapes(address)) as (mesh.url, family),
        serving.server(folder, prometheus=mesh.url, options={"refresh": "0.2"}) as api,
    ):
        # The window has whole seconds, and must begin when all had been scraped.
        await family.guard(mesh.scraped(times=5))
        begin = time.time()
        await family.guard(_happens(mesh))
        window = f"{math.ceil(time.time() - begin)}s"
        items = await api.items("/trafficedges", window=window, fieldSelector="resource.kind=Pod")
        yield Reply({item["resource"]["name"]: _figures(item) for item in items})


async def _happens(mesh: proxies.Proxies) -> None:
    """Every change in turn, each scraped by the database."""
    mesh["steady"].succeeded += 30
    mesh["failing"].failed = 9
    mesh["newborn-edge"].succeeded = 500
    mesh["newborn-edge"].milliseconds = [0.5] * 5 + [50.0] * 495
    for pod in ("restarted", "gone", "back"):
        mesh[pod].succeeded += 12
    mesh["born"].there, mesh["born"].began, mesh["born"].succeeded = True, time.time(), 20
    await mesh.scraped()
    mesh["gone"].there = mesh["back"].there = False
    mesh["restarted"].began, mesh["restarted"].succeeded = time.time(), 7
    mesh["restarted"].milliseconds = ()
    await mesh.scraped()
    mesh["back"].there = True
    mesh["back"].succeeded += 3
    mesh["steady"].milliseconds = [*mesh["steady"].milliseconds, *([5.0] * 30)]
    await mesh.scraped()
    await mesh.arrived()


def _figures(item: dict[str, Any]) -> dict[str, float]:
    return {one["name"]: float(quantity.parse(one["value"])) for one in item["metrics"]}


async def test_what_a_steady_proxy_counts_is_told(reply: Reply) -> None:
    assert reply.counts("steady") == (30, 0)


async def test_nine_first_failures_are_nine(reply: Reply) -> None:
    assert reply.counts("failing") == (0, 9)


async def test_a_restarted_proxy_counts_before_and_after(reply: Reply) -> None:
    assert reply.counts("restarted") == (12 + 7, 0)


async def test_a_proxy_that_went_away_keeps_what_it_counted(reply: Reply) -> None:
    assert reply.counts("gone") == (12, 0)


async def test_a_proxy_that_was_not_scraped_for_a_while_counts_on(reply: Reply) -> None:
    assert reply.counts("back") == (12 + 3, 0)


async def test_a_new_proxy_counts_from_its_first_request(reply: Reply) -> None:
    assert reply.counts("born") == (20, 0)


async def test_an_edge_whose_histogram_is_new_has_its_requests_and_no_latency_rather_than_a_wrong_one(
    reply: Reply,
) -> None:
    assert reply.counts("newborn-edge") == (500, 0)
    assert not [name for name in reply.figures["newborn-edge"] if name.endswith("latency")]


async def test_a_latency_is_that_of_the_requests_since(reply: Reply) -> None:
    assert 0.001 <= reply.figures["steady"]["p50_response_latency"] <= 0.01
