"""The server as its users start it: as a process, which a signal stops."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
import yaml

from tests.metrics_server import fake_prometheus, recording

HOST = "127.0.0.1:0"


@contextlib.asynccontextmanager
async def started(*arguments: str | Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start the server with these arguments; kill it at the end of the block if it still runs."""
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
        while not path.exists():  # noqa: ASYNC240 - does not block; another process writes it
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


@contextlib.asynccontextmanager
async def asking(folder: Path) -> AsyncIterator[Callable[[str], Awaitable[int]]]:
    """Yield a function that gets a path with the kubeconfig's credentials and returns the HTTP status."""
    config = yaml.safe_load((folder / "kubeconfig").read_text(encoding="utf-8"))
    url = config["clusters"][0]["cluster"]["server"]
    headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}
    trusting = ssl.create_default_context(cafile=str(folder / "state" / "ca.crt"))
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=trusting), headers=headers
    ) as session:

        async def status(path: str) -> int:
            async with session.get(url + path) as response:
                return response.status

        yield status


async def test_told_to_stop_it_is_not_ready_and_serves_on_for_the_shutdown_delay(
    backend: fake_prometheus.FakePrometheus, tmp_path: Path
) -> None:
    options = ("--listen", HOST, "--state", tmp_path / "state", "--kubeconfig", tmp_path / "kubeconfig")
    # The delay is longer than the test, which then kills the process.
    async with started("serve", "--prometheus", backend.url, *options, "--shutdown-delay=300") as process:
        await until_there(tmp_path / "kubeconfig", process)
        async with asking(tmp_path) as status:
            assert await status("/readyz") == 200
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(30):
                while await status("/readyz") == 200:  # noqa: ASYNC110 - waits for another process
                    await asyncio.sleep(0.05)
            assert (await status("/readyz"), await status("/livez"), await status("/apis")) == (500, 200, 200)
        assert process.returncode is None


@pytest.mark.parametrize("option", ["--access-log", "--no-access-log"])
async def test_the_access_log_says_who_read_what_if_it_is_wanted(
    backend: fake_prometheus.FakePrometheus, tmp_path: Path, option: str
) -> None:
    backend.holds = recording.shop(taken=time.time())
    options = ("--listen", HOST, "--state", tmp_path / "state", "--kubeconfig", tmp_path / "kubeconfig")
    async with started("serve", "--prometheus", backend.url, *options, option) as process:
        await until_there(tmp_path / "kubeconfig", process)
        async with asking(tmp_path) as status:
            assert await status("/readyz") == 200
            path = "/apis/metrics.smi-spec.io/v1alpha1/namespaces/shop/deployments/cart/edges?window=1m"
            assert await status(path) == 200
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            _, said = await process.communicate()
    lines = [line for line in said.decode().splitlines() if " apiservice.access " in line]
    if option == "--no-access-log":
        assert lines == []
    else:
        (line,) = lines
        assert re.search(
            r" INFO apiservice\.access user=trafficmetrics-admin verb=get "
            r"resource=deployments\.metrics\.smi-spec\.io/edges namespace=shop name=cart "
            r"status=200 ms=\d+\.\d audit=[0-9a-f-]{36}$",
            line,
        )


async def test_files_that_cannot_be_used_are_an_error_in_words(
    backend: fake_prometheus.FakePrometheus, tmp_path: Path
) -> None:
    (tmp_path / "headers").write_text("secret words", encoding="utf-8")
    files = ("--prometheus-headers", tmp_path / "headers", "--prometheus-token", tmp_path / "absent")
    for command in (("serve", "--listen", HOST, "--state", tmp_path / "state"), ("check",)):
        async with asyncio.timeout(30), started(*command, "--prometheus", backend.url, *files) as process:
            _, reply = await process.communicate()
        said = reply.decode()
        assert process.returncode == 1
        assert f"{tmp_path / 'absent'}: No such file or directory" in said
        assert "line 1 has no colon; write `Name: value`" in said
        assert "secret" not in said
        assert "Traceback" not in said


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


async def test_a_policy_that_is_wrong_is_the_last_thing_said(
    backend: fake_prometheus.FakePrometheus, tmp_path: Path
) -> None:
    """Kubernetes shows the end of the log of a pod that has terminated."""
    file = tmp_path / "policy.yaml"
    file.write_text("namespaces: {shop: {client_errors: maybe}}", encoding="utf-8")
    options = ("--listen", HOST, "--state", tmp_path / "state", "--policy", file)
    async with asyncio.timeout(30), started("serve", "--prometheus", backend.url, *options) as process:
        _, said = await process.communicate()
        assert process.returncode == 1
        why = f"{file}: namespaces.shop.client_errors: Input should be 'success' or 'failure'\n"
        why = f"Error: --policy (TRAFFIC_POLICY): {why}"
        assert said.decode().endswith(why)
        assert b"Traceback" not in said
