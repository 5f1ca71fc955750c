"""A real Envoy with the access logger of docs/meshes.md exposes the same series as our writer."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio
import yaml

from demo import processes, sidecars, wait
from tests import marks
from tests.dialects import page
from tests.dialects.spoken import envoy_access_log

_ADMIN, _OUTBOUND, _NOBODY = 15000, 15001, 15999
_TYPE = "type.googleapis.com/envoy.extensions"


@pytest_asyncio.fixture
@marks.needs("dialect", "packaged")
async def exposed(tmp_path: Path, other_subnet: str) -> AsyncIterator[str]:
    """What an Envoy exposes with three services: one answers, one has no endpoints, one has a closed port."""
    host = f"{other_subnet}.190"
    config = tmp_path / "envoy.json"
    config.write_text(json.dumps(_bootstrap(host)))
    async with processes.family(tmp_path) as family, aiohttp.ClientSession() as http:
        await family.start("envoy", sidecars.command(config, program=str(sidecars.binary())))
        admin = f"http://{host}:{_ADMIN}"
        await family.guard(wait.until_ok(http, f"{admin}/ready", what="Envoy", within=60))
        for path in ("answers", "empty", "refused"):
            async with http.get(f"http://{host}:{_OUTBOUND}/{path}"):
                pass

        async def flushed() -> bool:
            async with http.get(f"{admin}/stats/prometheus") as response:
                return (await response.text()).count("envoy_mesh_request_duration_count{") == 3

        await family.guard(wait.until(flushed, what="three timed requests", within=60))
        async with http.get(f"{admin}/stats/prometheus") as response:
            yield await response.text()


def _bootstrap(host: str) -> Mapping[str, Any]:
    def listened(port: int) -> Mapping[str, Any]:
        return {"socket_address": {"address": host, "port_value": port}}

    def cluster(name: str, ports: list[int]) -> Mapping[str, Any]:
        endpoints = [{"endpoint": {"address": listened(port)}} for port in ports]
        assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]}
        return {"name": name, "type": "STATIC", "load_assignment": assignment}

    names = {"answers": [_ADMIN], "empty": [], "refused": [_NOBODY]}
    routes = [{"match": {"prefix": f"/{name}"}, "route": {"cluster": name}} for name in names]
    router = {"@type": f"{_TYPE}.filters.http.router.v3.Router"}
    manager = {
        "@type": f"{_TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "outbound",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
        "access_log": [yaml.safe_load(page.access_logger())],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    outbound = {"name": "outbound", "address": listened(_OUTBOUND), "filter_chains": [{"filters": filters}]}
    return {
        "admin": {"address": listened(_ADMIN)},
        "stats_flush_interval": "0.2s",
        "static_resources": {
            "listeners": [outbound],
            "clusters": [cluster(name, ports) for name, ports in names.items()],
        },
    }


def _labels(exposed: str, metric: str) -> list[dict[str, str]]:
    lines = re.findall(rf"^{metric}{{(.*)}} \S+$", exposed, flags=re.MULTILINE)
    return [dict(re.findall(r'(\w+)="([^"]*)"', line)) for line in lines]


async def test_a_real_envoy_exposes_what_the_writer_speaks(exposed: str) -> None:
    (source, *_) = envoy_access_log.DIALECT.sources(envoy_access_log.DIALECT.calls)
    for metric in ("envoy_mesh_requests_total", "envoy_mesh_request_duration_bucket"):
        spoken = {frozenset(sample.labels) for sample in source.samples if sample.name == metric}
        assert {frozenset(labels) for labels in _labels(exposed, metric)} == spoken


async def test_who_reached_nobody_has_no_host_and_still_its_cluster(exposed: str) -> None:
    reply = {one["upstream_cluster"]: one for one in _labels(exposed, "envoy_mesh_requests_total")}
    assert {name: one["upstream_host"].rpartition(":")[2] for name, one in reply.items()} == {
        "answers": str(_ADMIN),
        "empty": "",
        "refused": str(_NOBODY),
    }
    assert reply["empty"]["response_flags"] == "UH"
