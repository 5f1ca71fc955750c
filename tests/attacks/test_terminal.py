"""Names and messages from the API never control the terminal, the page or a spreadsheet that shows them."""

import ast
import csv
import io
import json
import os
import pathlib
import pty
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from dashboard import escaping
from dashboard.client import traffic
from dashboard.graph import build
from dashboard.health import verdict
from dashboard.web import elements, panel, rows
from tests.fakes import autoscaled, traffic_api

_TERMINAL = pathlib.Path(__file__).parents[2] / "dashboard" / "terminal"
_GOLDEN = pathlib.Path(__file__).parents[1] / "golden"

HOSTILE: Sequence[str] = (
    *("\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x1b[2J\x1b[H", "\x9b31m", "\x1bP+q\x1b\\", "\x90x\x9c"),
    *(
        "two\nlines",
        "two\r\nlines",
        "back\rover",
        "tab\tbed",
        "\x08\x08\x08",
        "nul\x00",
        "\x7f",
        "\x85",
        "\u2028x",
    ),
    *(
        "\u202egnp.exe",
        "\u2066iso\u2069",
        "\u200f",
        "zero\u200bwidth",
        "\ufeff",
        "tag\U000e0041",
        "soft\xadhyphen",
    ),
    *(
        "[red]bold[/red]",
        "[/]",
        "<script>alert(1)</script>",
        "__proto__",
        "{{7*7}}",
        "%s%n",
        "'; reboot #",
        "x" * 3000,
    ),
    *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "=cmd|'/c calc'!A0", "\uff1d1"),
)
_OURS = re.compile(r"\x1b\[(?:[0-9;]*m|H|2J)")  # colours and an empty screen
_FORMULA = re.compile(r"^\s*[=+\-@\uff1d]")


def _items(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """An item with each hostile name."""
    found = []
    for name in HOSTILE:
        item = json.loads(json.dumps(items[0]))
        item["metadata"] |= {"name": name, "labels": {name: name}}
        item["metadata"]["annotations"]["metrics.smi-spec.io/profile"] = name
        item["resource"] |= {"name": name, "namespace": name}
        found.append(item)
    return found


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    with traffic_api.FakeTrafficApi() as fake:
        fake.metrics, fake.edges = _items(fake.metrics), _items(fake.edges)
        yield fake.kubeconfig(tmp_path_factory.mktemp("hostile") / "config")


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """An API whose refusals contain a hostile name."""
    with traffic_api.FakeTrafficApi() as fake:
        fake.viewers = {fake.token: traffic_api.Viewer("".join(HOSTILE), frozenset())}
        yield fake.kubeconfig(tmp_path_factory.mktemp("refusing") / "config")


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    with autoscaled.Cluster() as fake:
        for number, name in enumerate(HOSTILE[:12]):
            said = (name, name, name, name)
            metric = autoscaled.pods_metric(name, target="8")
            fake.hpa(metric, name=f"checkout{number}", target=name, conditions=(said,))
        yield fake.kubeconfig(tmp_path_factory.mktemp("scaled") / "config")


def _run(config: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "dashboard.terminal", *arguments, "--kubeconfig", str(config)]
    return subprocess.run(command, capture_output=True, timeout=120, check=False)


def _typed(config: pathlib.Path, *arguments: str) -> bytes:
    """Return what a user sees who runs the command in a terminal."""
    mine, theirs = pty.openpty()
    command = [sys.executable, "-m", "dashboard.terminal", *arguments, "--kubeconfig", str(config)]
    shown = b""
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        try:
            while piece := os.read(mine, 65536):
                shown += piece
        except OSError:
            pass  # Linux reports the end like this
        finally:
            os.close(mine)
        process.wait(60)
    return shown


def _is_tame(shown: bytes, *, people: bool = False) -> None:
    text = shown.decode()
    if people:
        text = _OURS.sub("", text).replace("\r\n", "\n")
    odd = {letter for letter in text if not letter.isprintable() and letter != "\n"}
    assert not odd, (odd, text[:2000])


_WAYS = (("-A",), ("-A", "-o", "wide"), ("-A", "-o", "csv"))


@pytest.mark.parametrize("arguments", _WAYS, ids=" ".join)
def test_a_table_has_a_line_for_each_name_and_nothing_that_steers(
    config: pathlib.Path, arguments: tuple[str, ...]
) -> None:
    done = _run(config, "top", *arguments)
    assert not done.stderr.startswith(b"Traceback")
    _is_tame(done.stdout)
    _is_tame(done.stderr)
    if arguments == ("-A",):
        lines = done.stdout.decode().splitlines()
        assert len(lines) == 1 + len(HOSTILE)
        assert all(escaping.one_line(name) in line for name, line in zip(HOSTILE, lines[1:], strict=True))


def test_a_person_sees_our_colours_and_no_others(config: pathlib.Path) -> None:
    _is_tame(_typed(config, "top", "-A", "-o", "wide"), people=True)


def test_programs_get_json_whatever_the_names(config: pathlib.Path) -> None:
    reply = json.loads(_run(config, "top", "-A", "-o", "json").stdout)
    assert len(reply) == len(HOSTILE)


def test_no_cell_of_a_csv_is_a_formula(config: pathlib.Path) -> None:
    written = _run(config, "top", "pods", "-A", "-o", "csv").stdout.decode()
    written += _run(config, "top", "-A", "-o", "csv").stdout.decode()
    cells = [cell for row in csv.reader(io.StringIO(written)) for cell in row]
    assert "'=1+1" in cells
    assert not [cell for cell in cells if _FORMULA.match(cell)]


@pytest.mark.parametrize(
    "arguments", [("top", "-A"), ("top", "-A", "--watch"), ("top", "-A", "-o", "json")], ids=" ".join
)
def test_a_refusal_is_one_plain_sentence(refusing: pathlib.Path, arguments: tuple[str, ...]) -> None:
    done = _run(refusing, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith(b"Error: ")
    assert done.stderr.count(b"\n") == 1
    _is_tame(done.stderr)


def test_a_person_sees_a_plain_refusal_too(refusing: pathlib.Path) -> None:
    _is_tame(_typed(refusing, "top", "-A", "--watch"), people=True)


@pytest.mark.parametrize(
    "arguments", [("-A",), ("-n", "shop", "checkout0"), ("-A", "-o", "json")], ids=" ".join
)
def test_what_an_autoscaler_says_of_itself_steers_nothing(
    scaled: pathlib.Path, arguments: tuple[str, ...]
) -> None:
    done = _run(scaled, "hpa", *arguments)
    assert b"Traceback" not in done.stderr
    assert done.stdout
    _is_tame(done.stdout)
    if "-n" in arguments:
        _is_tame(_typed(scaled, "hpa", *arguments), people=True)
    if "json" in arguments:
        assert json.loads(done.stdout)[0]["conditions"][0]["message"] == HOSTILE[0]


def test_the_page_shows_plain_names_only() -> None:
    golden = [
        json.loads((_GOLDEN / f"{name}.json").read_text()) for name in ("trafficmetrics", "trafficedges")
    ]
    answers = [traffic.decode_list({"items": _items(document["items"])}) for document in golden]
    usual = verdict.Thresholds()
    graph = build.build(*answers)
    shown = [
        elements.draw(graph, thresholds=usual),
        rows.of_nodes(graph, thresholds=usual),
        rows.of_edges(graph.edges.values(), graph, thresholds=usual),
        *(str(panel.about(node, graph, thresholds=usual)) for node in graph.nodes),
    ]
    texts = list(_texts(shown))
    assert len(texts) > 10 * len(HOSTILE)
    assert [text for text in texts if not text.isprintable()] == []


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for one in (*value, *value.values()) for text in _texts(one))
    elif isinstance(value, (list, tuple)):
        yield from (text for one in value for text in _texts(one))


def test_the_terminal_is_written_to_in_one_place() -> None:
    writing = {"echo", "secho", "style", "print", "write"}
    for file in _TERMINAL.glob("*.py"):
        called = {
            getattr(node.func, "attr", getattr(node.func, "id", "")): ast.unparse(node.func)
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Call)
        }
        found = {name for name in writing & set(called) if called[name] != "screen.write"}
        assert file.name == "screen.py" or not found, (file.name, found)
        assert file.name == "screen.py" or "ClickException" not in called, file.name
