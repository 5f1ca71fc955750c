"""A signal ends each program at any moment of its start, quickly and without a traceback.

The moments are visible in its output: Python prints each module that it has loaded (`-X importtime`).
"""

import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest

SERVER = ("metrics_server", "serve", "--prometheus", "http://127.0.0.1:1", "--listen", "127.0.0.1:0")
DASHBOARD = ("dashboard", "--listen", "127.0.0.1:0")
TERMINAL = ("dashboard.terminal", "top", "-A", "--watch")
PROGRAMS = {
    "server": (SERVER, ("click", "pydantic", "metrics_server.server.server")),
    "dashboard": (DASHBOARD, ("click", "flask")),
    "terminal": (TERMINAL, ("click", "dashboard.terminal.top")),
}
"""The command of each program, and modules in the order in which they are loaded."""
CASES = [(name, module) for name, (_, modules) in PROGRAMS.items() for module in modules]
ENDED = {-signal.SIGINT, 128 + signal.SIGINT, -signal.SIGTERM, 128 + signal.SIGTERM}


def started(command: Sequence[str], folder: pathlib.Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.getcwd(), "KUBECONFIG": str(folder / "kubeconfig")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def interrupted(command: Sequence[str], folder: pathlib.Path, *, moment: str, number: int) -> tuple[int, str]:
    """Return the exit code, and the output after the moment when a line of stderr contains this text."""
    program = started(command, folder)
    assert program.stderr is not None
    try:
        for line in program.stderr:
            if line.rstrip().endswith(moment):
                break
        program.send_signal(number)
        rest = program.stderr.read()
        return program.wait(30), rest
    finally:
        program.kill()
        program.wait()
        program.stderr.close()


@pytest.mark.parametrize(("program", "module"), CASES)
@pytest.mark.timeout(120)
def test_a_signal_while_a_program_loads_ends_it_without_a_traceback(
    tmp_path: pathlib.Path, program: str, module: str
) -> None:
    (tmp_path / "kubeconfig").write_text(_KUBECONFIG)
    code, said = interrupted(PROGRAMS[program][0], tmp_path, moment=f" {module}", number=signal.SIGINT)
    assert code in ENDED, said
    assert "Traceback" not in said
    assert "KeyboardInterrupt" not in said


@pytest.mark.timeout(120)
def test_a_signal_ends_a_server_that_serves_gracefully(tmp_path: pathlib.Path) -> None:
    code, said = interrupted(SERVER, tmp_path, moment="as profile auto", number=signal.SIGINT)
    assert code == 0, said
    assert "Traceback" not in said


_KUBECONFIG = """
current-context: a
contexts: [{name: a, context: {cluster: a, user: a}}]
clusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: a, user: {token: t}}]
"""
