"""The real server as a process, and how a test reads its API."""

import contextlib
import json
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from demo import processes, wait

GROUP = "/apis/metrics.smi-spec.io/v1alpha1"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@dataclass(frozen=True, slots=True)
class Api:
    """A running server."""

    url: str
    kubeconfig: Path
    token: str
    authority: Path

    async def ask(
        self, path: str, *, accept: str = "application/json", token: str | None = None, **parameters: str
    ) -> tuple[int, Any]:
        """Return the status and the JSON of an answer; `path` follows the group, or begins at the root with
        `//`.
        """
        context = ssl.create_default_context(cafile=str(self.authority))
        address = self.url + (path[1:] if path.startswith("//") else GROUP + path)
        headers = {"Authorization": f"Bearer {self.token if token is None else token}", "Accept": accept}
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http,
            http.get(address, params=parameters, headers=headers) as response,
        ):
            return response.status, json.loads(await response.read())

    async def items(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        """Return the items of a list."""
        status, answer = await self.ask(path, **parameters)
        assert status == 200, answer
        items: list[dict[str, Any]] = answer["items"]
        return items


@contextlib.asynccontextmanager
async def server(folder: Path, *, prometheus: str, options: Mapping[str, str]) -> AsyncIterator[Api]:
    """Run `metrics_server serve` until the block is left; `options` without dashes, flags without value."""
    state, kubeconfig = folder / "server", folder / "kubeconfig"
    given = {"prometheus": prometheus, "state": str(state), "kubeconfig": str(kubeconfig), **options}
    command = [sys.executable, "-m", "metrics_server", "serve", "--listen=127.0.0.1:0"]

    async def written() -> bool:
        return kubeconfig.exists()

    async with processes.family(folder) as family, aiohttp.ClientSession() as http:
        flags = [f"--{name}={value}" if value else f"--{name}" for name, value in given.items()]
        await family.start("server", [*command, *flags])
        await family.guard(wait.until(written, what="the server's kubeconfig", within=30))
        url = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
        await family.guard(wait.until_ok(http, f"{url}/readyz", what="the server", within=30))
        yield Api(url, kubeconfig, (state / "token").read_text().strip(), state / "ca.crt")
