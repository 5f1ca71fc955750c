"""The server as its users start it: a process of its own, told to stop by a signal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import yaml

from tests.metrics_server import fake_prometheus, recording

HOST = "127.0.0.1:0"


@contextlib.asynccontextmanager
async def started(*arguments: str | Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Ended by its own process id when the block is left, if it has not ended by itself."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "metrics_server",
        *map(str, arguments),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def until_there(path: Path, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(30):
        while not path.exists():  # noqa: ASYNC240 - a look that does not block; another process writes it
            assert process.returncode is None, "the server ended before it served"
            await asyncio.sleep(0.05)


async def test_a_kubeconfig_leads_to_the_figures_until_a_signal_ends_the_server(
    backend: fake_prometheus.FakePrometheus, tmp_path: Path
) -> None:
    backend.holds = recording.shop(taken=time.time())
    kubeconfig = tmp_path / "kubeconfig"
    options = ("--listen", HOST, "--state", tmp_path / "state", "--kubeconfig", kubeconfig)
    async with started("serve", "--prometheus", backend.url, *options) as process:
        await until_there(kubeconfig, process)
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        url = config["clusters"][0]["cluster"]["server"]
        headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}
        trusting = ssl.create_default_context(cafile=str(tmp_path / "state" / "ca.crt"))
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as session,
            session.get(
                f"{url}/apis/metrics.smi-spec.io/v1alpha1/trafficmetrics", headers=headers
            ) as response,
        ):
            assert response.status == 200
            assert len((await response.json())["items"]) > 5
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            _, said = await process.communicate()
        assert process.returncode == 0, said.decode()
        assert b"Traceback" not in said


async def test_an_address_that_is_taken_is_an_error_in_words(
    backend: fake_prometheus.FakePrometheus, tmp_path: Path
) -> None:
    taken = backend.url.removeprefix("http://")
    async with (
        asyncio.timeout(30),
        started(
            "serve", "--prometheus", backend.url, "--listen", taken, "--state", tmp_path / "state"
        ) as process,
    ):
        _, said = await process.communicate()
        assert process.returncode == 1
        assert b"Error: " in said
        assert b"Traceback" not in said
