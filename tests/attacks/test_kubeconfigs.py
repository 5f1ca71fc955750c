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


def asked(command: click.Command, *arguments: str) -> click.testing.Result:
    """What a program answers."""
    with warnings.catch_warnings():
        # The library that listens forgets to close its socket where it cannot; the program ends then.
        warnings.simplefilter("ignore", ResourceWarning)
        result = click.testing.CliRunner().invoke(command, arguments)
        if "Cannot listen" in result.output:
            gc.collect()
    return result


@pytest.mark.parametrize("kind", list(damaged.KUBECONFIG))
@pytest.mark.parametrize("program", ["dashboard", "terminal"])
def test_a_damaged_kubeconfig_is_refused_in_one_line(tmp_path: pathlib.Path, program: str, kind: str) -> None:
    path = tmp_path / "config"
    damaged.KUBECONFIG[kind](path)
    # The dashboard asks only when somebody looks: it must not come so far as to listen.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listen = ["--listen", f"127.0.0.1:{port}"]
        command = dashboard.__main__.main if program == "dashboard" else terminal.commands
        arguments = listen if program == "dashboard" else ["top"]
        result = asked(command, *arguments, "--kubeconfig", str(path))
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    (line,) = result.output.splitlines()
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
    result = asked(terminal.commands, "top", "--kubeconfig", str(path))
    os.close(reader)
    assert "has no context named 'through-the-pipe'" in result.output


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: pathlib.Path) -> None:
    (tmp_path / "config").write_text(damaged.kubeconfig())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = asked(
            dashboard.__main__.main,
            *("--kubeconfig", str(tmp_path / "config"), "--listen", f"127.0.0.1:{port}"),
        )
    (line,) = result.output.splitlines()
    assert line.startswith(f"Error: Cannot listen on 127.0.0.1:{port} (--listen): Address already in use")
    assert "Give another" in line
