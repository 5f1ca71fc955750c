"""Parts that start quickly replace the real ones: these tests cover how parts are run."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from demo import everything, faults, ports, processes, state, wait

HOST = "127.29.4.1"
DEADLINE = 20.0
ANSWERS = """
import http.server, sys

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[3]))
        self.end_headers()

print("listening", flush=True)
http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), Answer).serve_forever()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def answering(name: str, *, status: int = 200, within: float = DEADLINE) -> everything.Part:
    port = free_port()
    command = (sys.executable, "-c", ANSWERS, HOST, str(port), str(status))
    return everything.Part(
        name, command, ready=f"http://{HOST}:{port}/", listens=((HOST, port),), advice="move", within=within
    )


def dying(name: str) -> everything.Part:
    command = (sys.executable, "-c", "raise SystemExit('out of paper')")
    return everything.Part(name, command, ready=f"http://{HOST}:{free_port()}/")


class Running:
    """A run in progress, with its output."""

    def __init__(self, parts: Sequence[everything.Part], folder: Path) -> None:
        self.said: list[str] = []
        run = everything.run(parts, folder=folder, report=self.said.append, welcome="Try it")
        self.task = asyncio.create_task(run)

    async def welcomed(self) -> None:
        async def said() -> bool:
            return "Try it" in self.said or self.task.done()

        await wait.until(said, what="the welcome", within=DEADLINE)

    async def end(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


def is_free(part: everything.Part) -> bool:
    with socket.socket() as probe:
        return all(probe.connect_ex(address) != 0 for address in part.listens)


async def test_parts_start_in_order_and_each_gets_a_line_and_then_the_welcome(tmp_path: Path) -> None:
    parts = [answering("first"), answering("second")]
    running = Running(parts, tmp_path)
    await running.welcomed()
    await running.end()
    assert [line.split()[0] for line in running.said] == ["first", "second", "Try"]


async def test_the_end_of_a_run_is_the_end_of_its_parts(tmp_path: Path) -> None:
    parts = [answering("first"), answering("second")]
    running = Running(parts, tmp_path)
    await running.welcomed()
    assert not any(map(is_free, parts))
    await running.end()
    assert all(map(is_free, parts))


async def test_a_part_that_dies_at_its_start_ends_all_and_says_why(tmp_path: Path) -> None:
    first = answering("first")
    running = Running([first, dying("second")], tmp_path)
    with pytest.raises(
        faults.DemoError, match=r"second ended with status 1; its log is .*second\.log\n.*out of paper"
    ):
        await running.task
    assert is_free(first)
    assert "Try it" not in running.said


async def test_a_part_that_dies_later_ends_all_and_says_which(tmp_path: Path) -> None:
    first, second = answering("first"), answering("second")
    running = Running([first, second], tmp_path)
    await running.welcomed()
    found = re.search(r"pid (\d+)", ports.holder(second.listens[0][1]))
    assert found is not None
    os.kill(int(found[1]), signal.SIGKILL)
    with pytest.raises(faults.DemoError, match="second ended by SIGKILL"):
        await running.task
    assert is_free(first)


async def test_a_part_that_answers_with_an_error_is_not_ready(tmp_path: Path) -> None:
    sick = answering("sick", status=503, within=0.5)
    with pytest.raises(faults.DemoError, match=r"sick is not ready after 0\.5 s"):
        await Running([sick], tmp_path).task
    assert is_free(sick)


async def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    first, second = answering("first"), answering("second")
    with (
        socket.create_server(second.listens[0]),
        pytest.raises(faults.DemoError, match=r"is taken by .*; move"),
    ):
        await Running([first, second], tmp_path).task
    assert processes.tail(tmp_path / "first.log") == []


async def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with (
        state.lock(tmp_path, name="run"),
        pytest.raises(
            faults.DemoError, match=r"another run is running in .*; end it, or give another --state"
        ),
    ):
        await Running([answering("first")], tmp_path).task
