"""A database as a process: what it is called, how it is started, what is needed for it.

Each reads the same scrape configuration, in its folder, and is run as its makers leave it: what the server
needs besides is a fact for docs/backends.md, not a flag here.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from demo import processes, prometheus, wait
from tests.cluster import build

_PORT = 9090
_READY = "/-/ready"
_LATELY = "1m"


@dataclasses.dataclass(frozen=True, slots=True)
class Backend:
    name: str
    command: Callable[[Path, tuple[str, int]], list[str]]
    """To start it, given the folder that holds its configuration and the address to listen at."""
    program: build.Program | None = None
    """What is built for it; None for one that is there in any case."""

    @property
    def marks(self) -> tuple[pytest.MarkDecorator, ...]:
        """Of a test that needs it."""
        if self.program is None:
            return (pytest.mark.prometheus,)
        return pytest.mark.go, pytest.mark.timeout(3600)


def _prometheus(folder: Path, listen: tuple[str, int]) -> list[str]:
    return prometheus.command(prometheus.binary(), folder=folder, listen=listen)


def _victoria_metrics(folder: Path, listen: tuple[str, int]) -> list[str]:
    return [
        str(build.VICTORIA_METRICS.path),
        f"-promscrape.config={folder / 'prometheus.yml'}",
        f"-storageDataPath={folder / 'data'}",
        f"-httpListenAddr={listen[0]}:{listen[1]}",
        "-loggerLevel=WARN",
    ]


PROMETHEUS = Backend("prometheus", _prometheus)
VICTORIA_METRICS = Backend("victoria-metrics", _victoria_metrics, build.VICTORIA_METRICS)


async def tells(url: str, *, of: int, since: float) -> None:
    """Wait until it tells of so many targets that each was scraped after a moment: VictoriaMetrics, for one,
    shows what it scraped some seconds later.
    """

    async def reply() -> bool:
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{url}/api/v1/query", data={"query": f"up[{_LATELY}]"}) as response,
        ):
            answer = await response.json()
        newest = [series["values"][-1][0] for series in answer["data"]["result"]]
        return len(newest) == of and min(newest) > since

    await wait.until(reply, what=f"a scrape of {of} targets", within=60, pause=0.2)


@contextlib.asynccontextmanager
async def running(
    backend: Backend, folder: Path, *, host: str, scrapes: Mapping[str, Any]
) -> AsyncIterator[tuple[str, processes.Family]]:
    """Its URL, on a loopback address of its own, and its family, until the block is left; `scrapes` is
    Prometheus' configuration.
    """
    if backend.program is not None:
        await build.make(backend.program, report=print)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(scrapes))
    url = f"http://{host}:{_PORT}"
    async with processes.family(folder) as family, aiohttp.ClientSession() as http:
        await family.start(backend.name, backend.command(folder, (host, _PORT)))
        await family.guard(wait.until_ok(http, url + _READY, what=backend.name, within=60))
        yield url, family
