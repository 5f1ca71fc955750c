"""A database as a process: its name, its command, and its requirements.

Each reads the same scrape configuration, in its folder, and runs with its default settings: if the server
needs another setting, that belongs in docs/backends.md, not in a flag here.
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
    """Return the command, given the folder that holds its configuration and the address to listen at."""
    program: build.Program | None = None
    """The program to build; None for one that is installed in any case."""

    @property
    def marks(self) -> tuple[pytest.MarkDecorator, ...]:
        """The marks of a test that needs it."""
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
    """Wait until it returns this number of targets, each with a scrape after a moment. VictoriaMetrics, for
    example, returns samples some seconds after the scrape.
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
    """Run it until the block is left, with Prometheus' configuration `scrapes`; yield its URL, on a loopback
    address of its own, and its family.
    """
    if backend.program is not None:
        await build.make(backend.program, report=print)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(scrapes))
    url = f"http://{host}:{_PORT}"
    async with processes.family(folder) as family, aiohttp.ClientSession() as http:
        await family.start(backend.name, backend.command(folder, (host, _PORT)))
        await family.guard(wait.until_ok(http, url + _READY, what=backend.name, within=60))
        yield url, family
