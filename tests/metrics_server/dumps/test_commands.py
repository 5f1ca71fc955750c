"""The commands `try` and `anonymize`: what they print, and how they refuse what they cannot use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click.testing
import pytest

from metrics_server import __main__ as command

_PROFILE = """
name: toy
about: A mesh in ten lines
process: {metric: toy_uptime_seconds, tells: age}
views:
  - side: client
    requests: toy_requests_total
    appears: with first request
    latency: {metric: toy_request_duration_seconds, unit: s}
    outcome: [{label: code, matches: "5..", is: failure}, {is: success}]
    peer: {namespace: [to_namespace], workload: [to_workload]}
"""
_SAMPLES = """# TARGET {namespace="shop",pod="web-1"}
toy_uptime_seconds %d
toy_requests_total{to_namespace="shop",to_workload="cart",code="200"} %d # {trace_id="8f1c"} 1
toy_requests_total{to_namespace="shop",to_workload="cart",code="503"} 2
"""
_EDGE = (
    "edges: [{from: shop/pod.web-1, to: [shop/workload.cart, shop/service.cart], succeeded: %d, failed: %d}]"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "toy.yaml").write_text(_PROFILE)
    (tmp_path / "one.prom").write_text(_SAMPLES % (100, 40))
    (tmp_path / "two.prom").write_text(_SAMPLES % (160, 47))
    return tmp_path


def tried(folder: Path, *expositions: str, truth: str) -> click.testing.Result:
    (folder / "truth.yaml").write_text(truth)
    files = [str(folder / name) for name in ("toy.yaml", *expositions, "truth.yaml")]
    return click.testing.CliRunner().invoke(command.main, ["try", *files])


def test_right_figures_end_with_success(folder: Path) -> None:
    result = tried(folder, "one.prom", truth=_EDGE % (40, 2))
    assert result.exit_code == 0, result.output
    assert "ok  shop/pod.web-1 -> shop/workload.cart  40 + 2 failed  40 + 2 failed  +0.0%" in result.output
    assert "note  the dump has no toy_request_duration_seconds: there will be no latencies" in result.output
    assert "1 of 1 figures are right" in result.output


def test_of_two_scrapes_the_growth_counts(folder: Path) -> None:
    result = tried(folder, "one.prom", "two.prom", truth=_EDGE % (7, 0))
    assert result.exit_code == 0, result.output


def test_a_figure_that_differs_ends_with_failure(folder: Path) -> None:
    result = tried(
        folder, "one.prom", truth=_EDGE % (39, 2) + "\nreceived: {shop/deployment.x: {succeeded: 1}}"
    )
    assert result.exit_code == 1
    assert "WRONG  shop/pod.web-1 -> shop/workload.cart  39 + 2 failed  40 + 2 failed  +2.4%" in result.output
    assert "1 + 0 failed" in result.output
    assert tried(folder, "one.prom", truth="tolerance: 0.05\n" + _EDGE % (39, 2)).exit_code == 0


def test_an_edge_that_should_not_be_there_is_wrong(folder: Path) -> None:
    result = tried(folder, "one.prom", truth="edges: []")
    assert result.exit_code == 1
    assert "WRONG  shop/pod.web-1 -> shop/workload.cart  none  40 + 2 failed" in result.output


@pytest.mark.parametrize(
    ("dump", "truth", "why"),
    [
        ("a 1\nb\n", "edges: []", "bad.prom: line 2: there is no value; give the text"),
        ("# nothing\n", "edges: []", "bad.prom: holds no sample"),
        ("a 1\n", "edges: [{from: a, succeeded: 1}]", "truth.yaml: edges.0.to: Field required"),
        ("a 1\n", "{}", "give `received`, `edges` or both"),
        ("a 1\n", "a: [", "truth.yaml: not YAML"),
        ("toy_requests_total -3\n", "edges: []", "the dump cannot be read with this profile"),
    ],
)
def test_what_cannot_be_used_is_named(folder: Path, dump: str, truth: str, why: str) -> None:
    (folder / "bad.prom").write_text(dump)
    result = tried(folder, "bad.prom", truth=truth)
    assert result.exit_code == 1
    assert why in result.output


def test_the_module_is_another_name_of_the_command(folder: Path) -> None:
    (folder / "truth.yaml").write_text(_EDGE % (40, 2))
    files = [str(folder / name) for name in ("toy.yaml", "one.prom", "truth.yaml")]
    run = [sys.executable, "-m", "metrics_server.profiles.try", *files]
    ended = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "1 of 1 figures are right" in ended.stdout


def test_the_replaced_files_can_be_tried(folder: Path) -> None:
    (folder / "truth.yaml").write_text(_EDGE % (40, 2))
    names = ("one.prom", "truth.yaml")
    other = folder / "other"
    arguments = ["anonymize", *(str(folder / name) for name in names), "--to", str(other)]
    result = click.testing.CliRunner().invoke(command.main, arguments)
    assert result.exit_code == 0, result.output
    text = (other / "dump-1.txt").read_text()
    assert "toy_requests_total" in text
    assert not [word for word in ("shop", "web", "cart", "8f1c") if word in text]
    files = [str(folder / "toy.yaml"), str(other / "dump-1.txt"), str(other / "dump-2.yaml")]
    result = click.testing.CliRunner().invoke(command.main, ["try", *files])
    assert result.exit_code == 0, result.output
    again = click.testing.CliRunner().invoke(command.main, arguments)
    assert again.exit_code == 1
    assert "File exists" in again.output
