"""The counts of each backend of a split are those that its callers saw, and its share is that of the
truth.
"""

import asyncio
from collections import Counter
from typing import Any

import pytest

from dashboard.client import quantity
from demo import runner
from tests import serving
from tests.truth import span

pytestmark = [pytest.mark.mesh, pytest.mark.asyncio(loop_scope="session")]

_BACKENDS = {"catalog:catalog-v1": 90, "catalog:catalog-v2": 10}


def _share(item: dict[str, Any]) -> float:
    (share,) = (one["value"] for one in item["metrics"] if one["name"] == "request_share")
    return float(quantity.parse(share))


async def test_a_split_has_the_requests_that_its_callers_sent(mesh: runner.Mesh, api: serving.Api) -> None:
    async with span.idle_around(mesh) as over:
        await mesh.scenario("steady")
        await asyncio.sleep(12)  # the duration of the load, not a wait for a condition
    items = await api.items("/namespaces/shop/trafficsplits", window=over.window)
    assert {item["metadata"]["name"]: item["backend"]["weight"] for item in items} == _BACKENDS
    truth: Counter[str] = Counter()
    for edge, counts in span.true_edges(await mesh.truth(since=over.begin, until=over.end)).items():
        truth[f"catalog:{edge[1]}"] += int(sum(counts))
    reply = {item["metadata"]["name"]: sum(span.counts(item)) for item in items}
    received = {name: truth[name] for name in _BACKENDS}
    assert reply == pytest.approx(received, abs=span.SLACK)
    total = sum(received.values())
    assert total > 50
    for item in items:
        assert _share(item) == pytest.approx(received[item["metadata"]["name"]] / total, abs=0.01)
    print(f"read {reply}, received {received}")


async def test_the_callers_of_a_split_sum_up_to_it(mesh: runner.Mesh, api: serving.Api) -> None:
    async with span.idle_around(mesh) as over:
        await mesh.calls("/product/7", count=60)
    items = await api.items("/namespaces/shop/trafficsplits", window=over.window)
    edges = await api.items("/namespaces/shop/trafficsplits/catalog/edges", window=over.window)
    callers: Counter[str] = Counter()
    for edge in edges:
        assert edge["edge"]["direction"] == "from"
        callers[edge["metadata"]["name"]] += int(sum(span.counts(edge)))
    assert callers == {item["metadata"]["name"]: sum(span.counts(item)) for item in items}
    assert sum(callers.values()) == pytest.approx(60, abs=span.SLACK)
