"""The running server: connects its parts and serves until a signal stops it.

Readiness does not depend on Prometheus: otherwise one failed scrape would remove the whole API, including
discovery. An unavailable backend shows in every answer, in `/metrics` and in the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from importlib import metadata

import prometheus_client

from apiservice.observe import health
from apiservice.server import handler, sockets
from metrics_server.api import view as api_view
from metrics_server.api.autoscaling import fallback, groups
from metrics_server.api.smi import group
from metrics_server.collect import backend_clock
from metrics_server.profiles import schema
from metrics_server.server import (
    access,
    address,
    collectors,
    inventory_source,
    live_profiles,
    setting_files,
    telemetry,
)
from metrics_server.settings import formats, memory_budget, mistakes, settings
from metrics_server.store import fetch_queue, store
from metrics_server.upstream import credential_files, fallback_adapter, prometheus

logger = logging.getLogger(__name__)
_BEYOND_PATIENCE = 5.0
"""Seconds that a request may take longer than Prometheus, to decode its answer."""


@contextlib.asynccontextmanager
async def predecessor(chosen: settings.Settings) -> AsyncIterator[fallback_adapter.FallbackAdapter | None]:
    """Provide the fallback adapter, if there is one, until the block is left. Raises mistakes.BadSettings."""
    called, presented = chosen.autoscaling_fallback, credential_files.fallback(chosen)
    if called is None or presented is None:
        yield None
        return
    if called.partition(":")[0] == chosen.service:
        raise mistakes.BadSettings(
            mistakes.mistake(
                "autoscaling_fallback", "names this server's own Service; give that of the fallback adapter"
            )
        )
    async with contextlib.aclosing(
        fallback_adapter.FallbackAdapter(fallback_adapter.service(called), presenting=presented)
    ) as one:
        yield one


@contextlib.asynccontextmanager
async def api(
    chosen: settings.Settings, *, admits: access.Access, asked: fallback_adapter.FallbackAdapter | None = None
) -> AsyncIterator[handler.Handler]:
    """Connect the parts, and close them when the block is left. Raises mistakes.BadSettings."""
    decisions = setting_files.decisions(chosen, setting_files.profiles(chosen))
    registry = prometheus_client.CollectorRegistry()
    prometheus_client.ProcessCollector(registry=registry)
    prometheus_client.PlatformCollector(registry=registry)
    watcher = telemetry.Telemetry(registry)
    backend = prometheus.Prometheus(
        chosen.prometheus,
        observer=watcher,
        presenting=credential_files.current(chosen),
        patience=prometheus.Patience(answer=chosen.patience),
        allowed=memory_budget.MemoryBudget(chosen.answer_bytes),
        always=chosen.matchers,
    )
    clock = backend_clock.BackendClock(backend, wall=time.time, uptime=time.monotonic, observer=watcher)

    def make(meshes: Sequence[schema.Profile]) -> store.SnapshotSource:
        return collectors.taker(
            backend,
            meshes,
            decisions=decisions,
            watcher=watcher,
            clock=clock,
            stale_after=chosen.stale_after,
            chosen=[matcher.label for matcher in chosen.matchers],
        )

    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(backend.close)
        taker = await stack.enter_async_context(
            live_profiles.following(chosen, decisions=decisions, make=make)
        )
        exists = await stack.enter_async_context(inventory_source.known(chosen, admits=admits))
        moments = store.Store(
            taker,
            inventory=exists.inventory,
            clock=time.monotonic,
            refresh=chosen.refresh,
            turns=fetch_queue.FetchQueue(fetch_queue.limits(chosen.fetches, patience=chosen.patience)),
        )
        stack.push_async_callback(moments.close)
        view = api_view.SnapshotReader(moments, chosen.window, exists.splits, exists.of_splits)
        others = fallback.others(asked) if asked is not None else None
        yield sockets.build(
            [group.group(view), *(groups.groups(view, others=others) if chosen.autoscaling else ())],
            authenticator=admits.authenticator,
            authorizer=admits.authorizer,
            checks=health.HealthChecks(ready=exists.ready),
            registry=registry,
            clock=lambda: datetime.datetime.fromtimestamp(clock(), datetime.UTC),
            title="TrafficMetrics",
            release=metadata.version("trafficmetrics"),
            deadline=chosen.patience + _BEYOND_PATIENCE,
            notices=exists.notices,
        )


_TURN = 0.001
"""Seconds for which a thread may run while another one waits (`sys.setswitchinterval`). A request waits for
it several times while another thread decodes the next snapshot; with Python's default of 5 ms, this would be
most of an autoscaler's waiting time.
"""


def _rest_the_collector() -> None:
    """Make the garbage collector visit only new objects, and rarely.

    A snapshot has hundreds of thousands of objects without cycles. Visiting them repeatedly takes 40 % of the
    time of a cold read (docs/benchmarks.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _signalled(number: signal.Signals, stop: asyncio.Event) -> None:
    """Stop gracefully; at the second signal, at once. Files are complete on disk at any time."""
    if stop.is_set():
        logger.warning("second signal: the server ends at once")
        # The default action of a signal has no effect on the first process of a container.
        os._exit(128 + number)
    stop.set()


async def serve(chosen: settings.Settings) -> None:
    """Serve until SIGINT or SIGTERM; a second signal ends it at once. Raises mistakes.BadSettings."""
    stop = asyncio.Event()
    async with (
        access.granted(chosen) as admits,
        predecessor(chosen) as asked,
        api(chosen, admits=admits, asked=asked) as served,
        address.bound(chosen, served, tls=admits.tls) as bound,
    ):
        # Until here, a signal ends the process at once (`signals`), as there are no requests yet.
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, _signalled, number, stop)
        admits.announce(address.public_url(chosen, bound))
        _rest_the_collector()
        sys.setswitchinterval(_TURN)
        logger.info("reading %s as profile %s", formats.base(chosen.prometheus), chosen.profile)
        await stop.wait()
