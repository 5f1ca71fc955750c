"""Start and stop one mesh with its traffic.

Sidecars and Prometheus are children of this process; the apps, the load and the control address live in it.
No process is left when it ends, for any reason. If a part ends unexpectedly, all parts are ended, because an
incomplete mesh would have wrong figures.
"""

import asyncio
import contextlib
import dataclasses
import datetime
import itertools
import json
import random
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import yaml

from demo import (
    answering,
    apps,
    certificates,
    control,
    inventory,
    load,
    placement,
    ports,
    processes,
    prometheus,
    scenarios,
    shop,
    sidecars,
    state,
    truth,
    wait,
)

_PROMETHEUS_WITHIN = 60.0
"""Seconds for its start; its first scrapes come within one interval after that."""
_TARGETS_PAUSE = 0.1


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    state: Path
    subnet: str = "127.7.0"
    """The first three numbers of the mesh's own loopback addresses."""
    scrape_interval: float = 5.0
    """Seconds."""
    rate: float = 25.0
    """Requests a second that come to the gateway."""
    scenario: str = scenarios.STEADY.name


Report = Callable[[str], None]


async def run(settings: Settings, *, report: Report) -> None:
    """Run until cancelled. Raises a `DemoError` if a part ends. `report` gets one line per part."""
    folder = state.Folder(settings.state.resolve())
    with state.lock(folder.path, name="mesh"):
        where = placement.place(shop.SHOP, subnet=settings.subnet)
        ports.demand_free(where.addresses(), advice="end it, or give another --subnet")
        _prepare(where, folder=folder, settings=settings)
        async with processes.family(folder.logs) as family, apps.session() as http:
            await _live(settings, where=where, folder=folder, family=family, http=http, report=report)


async def _live(
    settings: Settings,
    *,
    where: placement.Placement,
    folder: state.Folder,
    family: processes.Family,
    http: aiohttp.ClientSession,
    report: Report,
) -> None:
    began = time.monotonic()
    program = prometheus.binary()
    command = prometheus.command(program, folder=folder.prometheus, listen=where.prometheus)
    proxies = sidecars.Sidecars(where, family=family, folder=folder, http=http)
    proxies.configure()
    dial = scenarios.Dial(scenarios.named(settings.scenario))
    world = apps.World(http, truth.Truth(clock=time.time), dial, random.Random())
    async with contextlib.AsyncExitStack() as stack:
        running = await stack.enter_async_context(_apps(where, world=world))
        gateways = itertools.cycle([pod for pod in where.pods if pod.workload.public])
        traffic = load.Load(
            where.plan.entry_paths, world=world, rate=settings.rate, gateways=gateways, running=running
        )
        desk = control.Desk(where, world=world, load=traffic, sidecars=proxies)
        await stack.enter_async_context(answering.serve(desk.application(), listen=where.control))
        await family.start("prometheus", command)
        await family.guard(proxies.start(where.pods))
        report(f"{len(where.pods)} sidecars answer after {time.monotonic() - began:.1f} s")
        await family.guard(_until_scraped(http, where=where, interval=settings.scrape_interval))
        report(f"Prometheus scrapes them all after {time.monotonic() - began:.1f} s")
        stack.push_async_callback(traffic.abandon)
        stack.enter_context(_published(where, folder=folder))
        desk.open()
        await family.guard(traffic.run())


def _prepare(where: placement.Placement, *, folder: state.Folder, settings: Settings) -> None:
    """Write all files. The data of an earlier mesh is deleted, because its counters no longer exist."""
    folder.addresses.unlink(missing_ok=True)
    shutil.rmtree(folder.scratch, ignore_errors=True)
    folder.prometheus.mkdir(parents=True)
    files = certificates.Files(folder.certificates)
    names = [workload.name for workload in where.plan.workloads]
    certificates.write(files, workloads=names, now=datetime.datetime.now(datetime.UTC))
    config = prometheus.config(where, scrape_interval=settings.scrape_interval)
    (folder.prometheus / "prometheus.yml").write_text(yaml.safe_dump(config, sort_keys=False))
    state.write(folder.inventory, yaml.safe_dump(inventory.document(where), sort_keys=False))


@contextlib.asynccontextmanager
async def _apps(where: placement.Placement, *, world: apps.World) -> AsyncIterator[list[apps.App]]:
    running = [apps.App(pod, world=world) for pod in where.pods if not pod.workload.public]
    try:
        for app in running:
            await app.start()
        yield running
    finally:
        await asyncio.gather(*(app.stop() for app in running))


async def _until_scraped(http: aiohttp.ClientSession, *, where: placement.Placement, interval: float) -> None:
    async def all_up() -> bool:
        return await prometheus.scraped(http, _url(where.prometheus)) == len(where.pods)

    await wait.until(all_up, what="Prometheus", within=_PROMETHEUS_WITHIN + interval, pause=_TARGETS_PAUSE)


@contextlib.contextmanager
def _published(where: placement.Placement, *, folder: state.Folder) -> Iterator[None]:
    found = {
        "prometheus_url": _url(where.prometheus),
        "control_url": _url(where.control),
        "gateway_url": _url((where.pods_of(shop.GATEWAY)[0].address, placement.PUBLIC_PORT)),
        "inventory": str(folder.inventory),
    }
    state.write(folder.addresses, json.dumps(found, indent=1))
    try:
        yield
    finally:
        folder.addresses.unlink(missing_ok=True)


def _url(address: tuple[str, int]) -> str:
    return f"http://{address[0]}:{address[1]}"
