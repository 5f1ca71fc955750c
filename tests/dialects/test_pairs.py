"""No request counts twice and no edge is listed twice, whatever else is in the same Prometheus."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import pytest_asyncio

from metrics_server.inventory import file_source, objects
from metrics_server.model import faults
from tests.dialects import pairs, spoken, stage, traffic, writers

pytestmark = pytest.mark.asyncio(loop_scope="module")
_ENVOYS = frozenset({"app-mesh", "consul", "envoy", "envoy-endpoints", "kuma", "traffic-director"})
"""Dialects of Envoy's own statistics, which have other names in each: a proxy has one control plane."""


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> objects.Inventory:
    """The Kubernetes objects of the workloads."""
    file: Path = stage.inventory(tmp_path_factory.mktemp("known"))
    return file_source.read(file.read_text(), source=file.name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alone(known: objects.Inventory) -> dict[str, pairs.Reply]:
    """What is read of each dialect."""
    return {one.name: await pairs.read(one, known=known) for one in spoken.DIALECTS}


def _is_machine(name: str) -> bool:
    """Whether it is the machine: its proxies of two meshes are two machines."""
    return traffic.TILL.name in name


def _repeated(reply: pairs.Reply, *single: pairs.Reply) -> list[str]:
    """Return what has more requests than in each reply of a single dialect, and what is listed twice."""
    edges = Counter((caller, callee) for caller, callee, _ in reply.edges)
    found = [
        f"{caller} → {callee} is listed {times} times"
        for (caller, callee), times in edges.items()
        if times > 1
    ]
    for name, received in reply.received.items():
        most = max(((one.received[name].total or 0.0) for one in single if name in one.received), default=0.0)
        if not _is_machine(name) and (received.total or 0.0) > most:
            found.append(f"{name} received {received.total} instead of {most}")
    for caller, callee, sent in reply.edges:
        counts = [one.count(caller, callee) for one in single]
        if not _is_machine(caller + callee) and (sent.total or 0.0) > max(counts):
            found.append(f"{caller} → {callee} has {sent.total} instead of {max(counts)}")
    return found


@pytest.mark.parametrize("dialect", spoken.DIALECTS, ids=lambda one: one.name)
async def test_no_request_counts_twice_where_two_dialects_report_it(
    dialect: writers.Dialect, alone: dict[str, pairs.Reply], known: objects.Inventory
) -> None:
    assert _repeated(alone[dialect.name], alone[dialect.name]) == []
    later = spoken.DIALECTS[spoken.DIALECTS.index(dialect) + 1 :]
    for other in later:
        if not {dialect.name, other.name} <= _ENVOYS:
            both = await pairs.read(dialect, other, known=known)
            single = alone[dialect.name], alone[other.name]
            assert _repeated(both, *single) == [], f"{dialect.name} and {other.name}"


@pytest.mark.parametrize("dialect", spoken.DIALECTS, ids=lambda one: one.name)
async def test_a_federated_target_that_carries_everything_changes_no_figure(
    dialect: writers.Dialect, alone: dict[str, pairs.Reply], known: objects.Inventory
) -> None:
    found = await pairs.read(dialect, known=known, federated=True)
    assert found.counts == alone[dialect.name].counts


@pytest.mark.parametrize("dialect", spoken.DIALECTS, ids=lambda one: one.name)
async def test_a_second_cluster_is_refused_and_not_added(
    dialect: writers.Dialect, alone: dict[str, pairs.Reply], known: objects.Inventory
) -> None:
    with pytest.raises(faults.SeveralClusters, match="Choose one with"):
        await pairs.read(dialect, known=known, clusters=("eu", "us"))
    found = await pairs.read(dialect, known=known, clusters=("eu",))
    assert found.counts == alone[dialect.name].counts
