"""A mesh as a library: `async with runner.Mesh(state=path, subnet="127.11.0") as mesh`.

The mesh is a process of its own (`python -m demo mesh`): its load continues while tests block their loop, it
can be used from any loop or thread through its addresses, and it ends with the block or with its parent
process, whichever is first.
"""

import abc
import contextlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import aiohttp

from demo import faults, processes, scenarios, state, wait

_UP_WITHIN = 120.0
"""Seconds in addition to the first scrape; its parts have deadlines with messages of their own."""


class Reach(abc.ABC):
    """The requests to the control address of a mesh, wherever it runs."""

    @property
    @abc.abstractmethod
    def prometheus_url(self) -> str: ...

    @property
    @abc.abstractmethod
    def control_url(self) -> str: ...

    async def scenario(self, name: str) -> None:
        """`quiet` returns when nothing is in flight any more."""
        await self._ask("POST", "/scenario", json={"name": name})

    async def calls(
        self, path: str, *, count: int, faults: Mapping[str, int] | None = None
    ) -> Mapping[str, Any]:
        """Send exactly so many requests to the gateway; return when they have ended."""
        body = {"path": path, "count": count, "faults": dict(faults or {})}
        answer: Mapping[str, Any] = await self._ask("POST", "/calls", json=body)
        return answer

    async def truth(self, *, since: float | None = None, until: float | None = None) -> Mapping[str, Any]:
        span = {"since": since, "until": until}
        params = {name: repr(value) for name, value in span.items() if value is not None}
        answer: Mapping[str, Any] = await self._ask("GET", "/truth", params=params)
        return answer

    async def pods(self) -> list[Mapping[str, Any]]:
        pods: list[Mapping[str, Any]] = await self._ask("GET", "/pods")
        return pods

    async def _ask(self, method: str, path: str, **options: Any) -> Any:
        return await ask(self.control_url, method, path, **options)


class Mesh(Reach):
    def __init__(
        self,
        *,
        state: Path,
        subnet: str,
        scrape_interval: float = 1.0,
        rate: float = 25.0,
        scenario: str = scenarios.STEADY.name,
    ) -> None:
        self.state = state.resolve()
        self._command = [
            *(sys.executable, "-m", "demo", "mesh"),
            *("--state", str(self.state)),
            *("--subnet", subnet),
            *("--scrape-interval", f"{scrape_interval}s"),
            *("--rate", str(rate)),
            *("--scenario", scenario),
        ]
        self._within = _UP_WITHIN + scrape_interval
        self._stack = contextlib.AsyncExitStack()
        self._found: Mapping[str, str] = {}

    @property
    def prometheus_url(self) -> str:
        return self._found["prometheus_url"]

    @property
    def control_url(self) -> str:
        return self._found["control_url"]

    @property
    def gateway_url(self) -> str:
        return self._found["gateway_url"]

    @property
    def inventory(self) -> Path:
        return Path(self._found["inventory"])

    async def __aenter__(self) -> Self:
        addresses = state.Folder(self.state).addresses
        addresses.unlink(missing_ok=True)
        async with contextlib.AsyncExitStack() as stack:
            family = await stack.enter_async_context(processes.family(self.state))
            await family.start("mesh", self._command)

            async def published() -> bool:
                return addresses.exists()

            await family.guard(wait.until(published, what="the mesh", within=self._within))
            self._found = json.loads(addresses.read_text())
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def restart(self, pod: str) -> None:
        await self._ask("POST", f"/pods/{pod}/restart")

    async def kill(self, pod: str) -> None:
        await self._ask("POST", f"/pods/{pod}/kill")


async def ask(control_url: str, method: str, path: str, **options: Any) -> Any:
    try:
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, control_url + path, **options) as response,
        ):
            answer = await response.json(content_type=None)
            if response.status >= 400:
                raise faults.DemoError(f"{method} {path}: {answer['message']}")
            return answer
    except aiohttp.ClientError as error:
        raise faults.DemoError(f"no mesh answers at {control_url}: {error}") from error
