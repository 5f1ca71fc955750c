"""A kubeconfig of the dashboard and of `kubectl traffic` is used, or refused in one line."""

import gc
import os
import pathlib
import socket
import warnings

import click
import click.testing
import pytest

import dashboard.__main__
from dashboard.terminal import __main__ as terminal
from tests.attacks import damaged


def asked(command: click.Command, *arguments: str) -> tuple[int, str]:
    """Return the exit code and the output of a program; it must have ended with SystemExit."""
    with warnings.catch_warnings():
        # If it cannot listen, the library does not close its socket; the program ends then.
        warnings.simplefilter("ignore", ResourceWarning)
        result = click.testing.CliRunner().invoke(command, arguments)
        code, said = result.exit_code, result.output
        assert isinstance(result.exception, SystemExit), said
        del result
        if "Cannot listen" in said:
            gc.collect()
    return code, said


@pytest.mark.parametrize("kind", list(damaged.KUBECONFIG))
@pytest.mark.parametrize("program", ["dashboard", "terminal"])
def test_a_damaged_kubeconfig_is_refused_in_one_line(tmp_path: pathlib.Path, program: str, kind: str) -> None:
    path = tmp_path / "config"
    damaged.KUBECONFIG[kind](path)
    # The dashboard reads the API only for a viewer: it must fail before it listens.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listen = ["--listen", f"127.0.0.1:{port}"]
        command = dashboard.__main__.main if program == "dashboard" else terminal.commands
        arguments = listen if program == "dashboard" else ["top"]
        code, said = asked(command, *arguments, "--kubeconfig", str(path))
    assert code == 1, said
    (line,) = said.splitlines()
    assert line.startswith("Error: ")
    assert line.isprintable()
    assert len(line) < 700


def test_a_kubeconfig_may_come_through_a_pipe(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY)
    damaged.content("current-context: through-the-pipe\n")(tmp_path / "file")
    os.write(writer, (tmp_path / "file").read_bytes())
    os.close(writer)
    _, said = asked(terminal.commands, "top", "--kubeconfig", str(path))
    os.close(reader)
    assert "has no context named 'through-the-pipe'" in said


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: pathlib.Path) -> None:
    (tmp_path / "config").write_text(damaged.kubeconfig())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = asked(
            dashboard.__main__.main,
            *("--kubeconfig", str(tmp_path / "config"), "--listen", f"127.0.0.1:{port}"),
        )
    assert code == 1
    (line,) = said.splitlines()
    assert line.startswith(f"Error: Cannot listen on 127.0.0.1:{port} (--listen): Address already in use")
    assert "Give another" in line
