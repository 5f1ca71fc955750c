"""`make run`, as a user without a cluster sees it: the command, kubectl, the browser, and its end."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright import sync_api

from tests.browser import graph_page

pytestmark = [pytest.mark.browser, pytest.mark.mesh]
_UP_WITHIN = 120.0
_EDGES = {
    "gateway → frontend", "frontend → cart", "frontend → catalog-v1", "frontend → catalog-v2",
    "frontend → checkout", "frontend → ghost", "frontend → session-cache", "checkout → payments",
    "cart → db", "payments → billing-vm", "billing-vm → db", "report → db",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Running:
    """All parts, started by one command."""

    process: subprocess.Popen[str]
    printed: str
    state: pathlib.Path
    dashboard: str

    def command(self, *words: str) -> str:
        """Return what a command prints."""
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, other_subnet: str) -> Iterator[Running]:
    """`python -m demo run`, ready; ended by its own pid."""
    state = tmp_path_factory.mktemp("run")
    ports = [f"--{part}-port={_free_port()}" for part in ("dashboard", "api")]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "demo", "run", "--state", str(state), "--subnet", other_subnet, *ports],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        printed = _read_until(process, "Ctrl-C")
        found = re.search(r"http://127\.0\.0\.1:\d+/", printed)
        assert found, printed
        yield Running(process, printed, state, found[0])
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        if process.stdout:
            process.stdout.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _read_until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout
    lines: list[str] = []
    deadline = time.monotonic() + _UP_WITHIN
    for line in process.stdout:
        lines.append(line)
        if text in line or time.monotonic() > deadline:
            break
    printed = "".join(lines)
    assert text in printed, printed
    return printed


@pytest.fixture
def page(chromium: sync_api.Browser, running: Running) -> Iterator[graph_page.GraphPage]:
    """A tab on the real dashboard; at the end it must not have logged an error or loaded a foreign
    address.
    """
    tab = graph_page.GraphPage(chromium.new_page(viewport={"width": 1600, "height": 1000}), running.dashboard)
    yield tab
    tab.tab.close()
    assert tab.guard.errors == []
    assert tab.guard.foreign == []


def test_it_says_what_to_try_and_kubectl_prints_the_shop(running: Running) -> None:
    assert "kubectl" in running.printed
    assert "scenario failing" in running.printed
    kubectl = str(pathlib.Path(sys.executable).with_name("kubectl"))
    arguments = (f"--kubeconfig={running.state}/kubeconfig", f"--cache-dir={running.state}/kubectl-cache")
    printed = running.command(kubectl, *arguments, "get", "trafficmetrics", "-A")
    assert len(printed.splitlines()) >= 12
    assert "deployment.frontend" in printed


def test_the_plugin_prints_the_shop(running: Running) -> None:
    plugin = str(pathlib.Path(sys.executable).with_name("kubectl-traffic"))
    printed = running.command(plugin, "top", "-A", "--kubeconfig", str(running.state / "kubeconfig"))
    assert "LATENCY_P99" in printed
    assert "frontend" in printed


def test_the_graph_shows_the_mesh_and_turns_red_when_it_fails(
    page: graph_page.GraphPage, running: Running
) -> None:
    page.open("?refresh=2s")
    page.until(lambda: set(page.edges()) >= _EDGES, "every edge of the shop is drawn", patience=40)
    page.screenshot("whole-steady")
    running.command(sys.executable, "-m", "demo", "scenario", "failing", "--state", str(running.state))
    # The window has to fill with failures, a scrape has to see them and the page has to refresh.
    page.until(
        lambda: page.edges()["checkout → payments"]["health"] == "failing", "the edge is red", patience=40
    )
    page.screenshot("whole-failing")
    with contextlib.suppress(AssertionError):
        running.command(sys.executable, "-m", "demo", "scenario", "steady", "--state", str(running.state))


def test_the_page_never_gets_the_token(page: graph_page.GraphPage, running: Running) -> None:
    page.open()
    page.until(page.edges, "the graph is drawn", patience=40)
    token = (running.state / "server" / "token").read_text().strip()
    bodies = page.guard.bodies()
    assert bodies
    assert not any(token in body for body in bodies)


def test_one_signal_ends_every_part(running: Running) -> None:
    """Last in the file: it ends what the other tests use."""
    children = _descendants(running.process.pid)
    assert len(children) >= 20
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(30) == 0
    deadline = time.monotonic() + 10
    while (
        left := [pid for pid in children if pathlib.Path(f"/proc/{pid}").exists()]
    ) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


def _descendants(pid: int) -> set[int]:
    """Return the processes below a process."""
    parents = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid, os.getpid()}
