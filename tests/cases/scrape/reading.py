"""The whole server in the test's process, and one read of everything that it answers about the pods."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from apiservice.server import sockets
from metrics_server.model import quantity
from metrics_server.server import access, server
from metrics_server.settings import settings
from tests.cases.scrape import pods

_SMI = "/apis/metrics.smi-spec.io/v1alpha1"
_CUSTOM = "/apis/custom.metrics.k8s.io/v1beta2"
_EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1"
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_RPS = "requests_per_second"
_EDGE = "from%3Dgateway,to%3Dfront,to_namespace%3Dshop"
WINDOW = 2
"""Seconds: two of the shorter scrape intervals."""
_OPTIONS = {"window": str(WINDOW), "refresh": "0.2", "autoscaling": True, "profile": "auto"}
AUTOSCALED: Mapping[str, str] = {
    "Pods": f"{_CUSTOM}/namespaces/shop/pods/*/{_RPS}?labelSelector=app%3Dfront",
    "Object": f"{_CUSTOM}/namespaces/edge/statefulsets.apps/gateway/{_RPS}",
    "External": f"{_EXTERNAL}/namespaces/edge/{_RPS}?labelSelector={_EDGE}",
}
"""What autoscalers read, by the type of their metric."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: Any
    warning: str
    """The header `Warning`; empty without one."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One read of everything, as requests per second and milliseconds. What is not known is absent."""

    begun: float
    """When it was asked for, Unix seconds."""
    ended: float
    """When everything was answered, Unix seconds."""
    json: Mapping[str, float]
    """Of each workload."""
    quantiles: Mapping[str, Mapping[str, float]]
    """Of each workload, by `p50`, `p90`, `p99`."""
    newest: Mapping[str, float]
    """The time of each workload's figures, Unix seconds."""
    table: Mapping[str, float]
    """The column RPS."""
    edges: Mapping[str, float]
    """By `CALLER:CALLEE`."""
    autoscaled: Mapping[str, float]
    """The sum of the values that each path of `AUTOSCALED` answers."""
    refused: Mapping[str, str]
    """The message of each refusal, by `people` or the type of the metric."""
    warned: bool
    """Whether people got a warning."""


@dataclasses.dataclass(frozen=True, slots=True)
class Api:
    """A client of the server."""

    session: aiohttp.ClientSession
    url: str
    token: str

    async def get(self, path: str, *, accept: str = "application/json") -> Reply:
        """Return the answer to a GET."""
        headers = {"Accept": accept, "Authorization": f"Bearer {self.token}"}
        async with self.session.get(self.url + path, headers=headers) as response:
            body = await response.json(content_type=None)
            return Reply(response.status, body, response.headers.get("Warning", ""))

    async def read(self) -> Read:
        """Read lists, Table, edges and the metrics of autoscalers at the same time."""
        begun = time.time()
        items, table, edges, *scaled = await asyncio.gather(
            self.get(f"{_SMI}/trafficmetrics"),
            self.get(f"{_SMI}/trafficmetrics", accept=_TABLE),
            self.get(f"{_SMI}/trafficedges"),
            *(self.get(path) for path in AUTOSCALED.values()),
        )
        autoscaled = dict(zip(AUTOSCALED, scaled, strict=True))
        listed = {one["resource"]["name"]: one for one in _items(items)}
        figures = {name: _figures(one) for name, one in listed.items()}
        return Read(
            begun=begun,
            ended=time.time(),
            json={name: each[_RPS] for name, each in figures.items() if _RPS in each},
            quantiles={
                name: {
                    quantile: each[f"{quantile}_response_latency"] * 1000
                    for quantile in pods.QUANTILES
                    if f"{quantile}_response_latency" in each
                }
                for name, each in figures.items()
            },
            newest={
                name: dt.datetime.fromisoformat(one["timestamp"]).timestamp() for name, one in listed.items()
            },
            table=_column(table),
            edges={
                f"{one['resource'].get('name', '')}:{one['edge']['resource'].get('name', '')}": each[_RPS]
                for one in _items(edges)
                if _RPS in (each := _figures(one))
            },
            autoscaled={
                name: sum(float(quantity.parse(one["value"])) for one in reply.body["items"])
                for name, reply in autoscaled.items()
                if reply.status == 200
            },
            refused={
                name: reply.body["message"]
                for name, reply in {"people": items, **autoscaled}.items()
                if reply.status != 200
            },
            warned=bool(items.warning and table.warning),
        )

    async def reads(self, times: int, *, every: float, after: float = 0.0) -> Sequence[Read]:
        """Read so many times, `every` seconds from begin to begin, the first time in `after` seconds."""
        found = []
        await asyncio.sleep(after)
        for _ in range(times):
            pause = asyncio.create_task(asyncio.sleep(every))
            found.append(await self.read())
            await pause
        return found


@contextlib.asynccontextmanager
async def serving(database: str, *, state: Path, inventory: Path) -> AsyncIterator[Api]:
    """Run the server on a database until the block is left. `state`: the folder for its files."""
    chosen = settings.load(prometheus=database, state=state, inventory=inventory, **_OPTIONS)
    async with (
        access.granted(chosen) as admits,
        server.api(chosen, admits=admits) as api,
        sockets.serve(api, host="127.0.0.1", port=0, tls=admits.tls) as bound,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=_trusting(state))) as session,
    ):
        yield Api(session, bound.url, (state / "token").read_text().strip())


def _trusting(state: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(state / "ca.crt"))


def _items(reply: Reply) -> Sequence[Mapping[str, Any]]:
    items: Sequence[Mapping[str, Any]] = reply.body["items"] if reply.status == 200 else ()
    return items


def _figures(item: Mapping[str, Any]) -> Mapping[str, float]:
    """Return the metrics of an object by name, and requests ÷ window as the rate."""
    known = {one["name"]: float(quantity.parse(one["value"])) for one in item["metrics"]}
    if "success_count" in known:
        requests = known["success_count"] + known["failure_count"]
        known[_RPS] = requests / quantity.duration(item["window"])
    return known


def _column(table: Reply) -> Mapping[str, float]:
    """Return the column RPS of a Table, by workload; without cells that are no numbers."""
    if table.status != 200:
        return {}
    at = {column["name"]: place for place, column in enumerate(table.body["columnDefinitions"])}
    cells = {row["cells"][at["Name"]]: row["cells"][at["RPS"]] for row in table.body["rows"]}
    return {name.rpartition(".")[2]: float(cell) for name, cell in cells.items() if cell != "-"}
