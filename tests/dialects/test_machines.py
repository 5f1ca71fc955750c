"""Meshes on machines: each proxy counts once, and the machines of a mesh know each other by name."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from tests import marks, serving
from tests.dialects import machines, playing

pytestmark = pytest.mark.asyncio(loop_scope="package")
_OPTIONS = {"refresh": "600", "stale-after": "600", "window": "60"}


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """A server, and the meshes that it reads."""

    api: serving.Api
    meshes: Sequence[machines.Mesh]

    def named(self, mesh: machines.Mesh, service: str) -> str:
        return f"externalworkload.{service}" + (f".{mesh.name}" if mesh.name else "")


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="package",
    params=[
        pytest.param((machines.MESHES, 190), id="of-equal-names"),
        pytest.param(([machines.APP_MESH], 191), id="app-mesh"),
        pytest.param(([machines.TRAFFIC_DIRECTOR], 192), id="traffic-director"),
    ],
)
@marks.needs("dialect")
async def prometheus(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, other_subnet: str
) -> AsyncIterator[tuple[str, Sequence[machines.Mesh]]]:
    meshes, last = request.param
    folder = tmp_path_factory.mktemp("machines")
    async with machines.running(meshes, folder, host=f"{other_subnet}.{last}") as url:
        yield url, meshes


@pytest_asyncio.fixture(scope="module", loop_scope="package", params=["alone", "with an inventory"])
async def asked(
    request: pytest.FixtureRequest,
    prometheus: tuple[str, Sequence[machines.Mesh]],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Asked]:
    url, meshes = prometheus
    folder: Path = tmp_path_factory.mktemp("server")
    known = {} if request.param == "alone" else {"inventory": str(machines.inventory(folder))}
    async with serving.server(folder, prometheus=url, options={**_OPTIONS, **known}) as api:
        yield Asked(api, meshes)


async def test_each_request_is_received_once_and_by_a_machine(asked: Asked) -> None:
    assert await _counts(asked, "trafficmetrics") == {
        asked.named(mesh, service): mesh.received(service)
        for mesh in asked.meshes
        for service in machines.CHAIN
    }


async def test_gateway_backend_and_db_are_one_connected_graph(asked: Asked) -> None:
    """Only what arrives at the gateway has an unknown caller: that caller has no proxy."""
    found = await _counts(asked, "trafficedges")
    known = {name: count for name, count in found.items() if not name.startswith("unknown")}
    assert known == {
        f"{asked.named(mesh, caller)}:{asked.named(mesh, callee)}": mesh.received(callee)
        for mesh in asked.meshes
        for caller, callee in zip(machines.CHAIN, machines.CHAIN[1:], strict=False)
    }
    assert {name: count for name, count in found.items() if name not in known} == {
        f"unknown:{asked.named(mesh, 'gateway')}": mesh.received("gateway") for mesh in asked.meshes
    }


async def test_the_table_has_each_machine_once(asked: Asked) -> None:
    status, table = await asked.api.ask("/trafficmetrics", accept=serving.TABLE)
    assert status == 200
    names = [row["cells"][0] for row in table["rows"]]
    assert sorted(names) == sorted(
        asked.named(mesh, service) for mesh in asked.meshes for service in machines.CHAIN
    )


async def test_a_machine_can_be_selected_by_its_name(asked: Asked) -> None:
    for mesh in asked.meshes:
        name = asked.named(mesh, "db")
        (item,) = await asked.api.items("/trafficmetrics", fieldSelector=f"metadata.name={name}")
        assert item["resource"] == {"kind": "ExternalWorkload", "name": name.partition(".")[2]}


async def _counts(asked: Asked, resource: str) -> Mapping[str, float]:
    items = await asked.api.items(f"/{resource}")
    figures = {item["metadata"]["name"]: playing.figures(item) for item in items}
    assert len(figures) == len(items), "names are unique"
    return {name: each["success_count"] + each["failure_count"] for name, each in figures.items()}
