"""The command `check`: its exit code, a user's own profile, and wrong options."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import click.testing
import pytest

from metrics_server import __main__ as command
from tests.metrics_server import fake_prometheus, recording

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def mesh() -> recording.Recording:
    return recording.shop(taken=time.time())


async def invoke(*arguments: str) -> click.testing.Result:
    return await asyncio.to_thread(click.testing.CliRunner().invoke, command.main, arguments)


async def test_the_command_ends_with_success_for_a_good_mesh(
    backend: fake_prometheus.FakePrometheus, mesh: recording.Recording
) -> None:
    backend.holds = mesh
    result = await invoke("check", "--prometheus", backend.url, "--profile", "envoy")
    assert result.exit_code == 0, result.output
    assert "18 proxies" in result.output


async def test_the_command_reads_an_inventory_and_a_selector(
    backend: fake_prometheus.FakePrometheus, mesh: recording.Recording
) -> None:
    backend.holds = mesh
    inventory = str(recording.inventory_file())
    result = await invoke("check", "--prometheus", backend.url, "--inventory", inventory)
    assert result.exit_code == 0, result.output
    assert "ok    Service: 13 seen" in result.output
    chosen = await invoke("check", "--prometheus", backend.url, "--prometheus-selector", 'namespace="data"')
    assert 'namespace="data"}' in chosen.output
    assert "ok    Namespace: 1 seen" in chosen.output


async def test_an_inventory_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    result = await invoke("check", "--prometheus", NOWHERE, "--inventory", str(tmp_path / "none.yaml"))
    assert result.exit_code == 1
    assert "--inventory (TRAFFIC_INVENTORY)" in result.output


async def test_the_command_refuses_data_as_old_as_the_server_does(
    backend: fake_prometheus.FakePrometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.holds = recording.shop(taken=time.time() - 20)
    result = await invoke("check", "--prometheus", backend.url)
    assert result.exit_code == 0, result.output
    monkeypatch.setenv("TRAFFIC_STALE_AFTER", "10")
    assert (await invoke("check", "--prometheus", backend.url)).exit_code == 1


async def test_the_command_fails_for_a_bad_one(backend: fake_prometheus.FakePrometheus) -> None:
    result = await invoke("check", "--prometheus", backend.url)
    assert result.exit_code == 1
    assert "WRONG" in result.output


TOY = """
name: toy
about: Envoys, read by a file of one's own
process: {metric: envoy_server_uptime, tells: age}
views:
  - side: client
    requests: %s
    appears: with first request
    outcome: [{label: envoy_response_code_class, matches: "5", is: failure}, {is: success}]
    peer: {label: %s, patterns: ["(?P<name>.+)"]}
"""


async def own(
    backend: fake_prometheus.FakePrometheus, mesh: recording.Recording, folder: Path, text: str
) -> click.testing.Result:
    backend.holds = mesh
    file = folder / "toy.yaml"
    file.write_text(text, encoding="utf-8")
    return await invoke("check", "--prometheus", backend.url, "--profile", str(file))


async def test_a_profile_of_ones_own_is_told_what_it_finds(
    backend: fake_prometheus.FakePrometheus, mesh: recording.Recording, tmp_path: Path
) -> None:
    text = TOY % ("envoy_cluster_upstream_rq_xx", "envoy_cluster_name")
    result = await own(backend, mesh, tmp_path, text)
    assert result.exit_code == 0, result.output
    assert 'profile toy: {__name__="envoy_server_uptime"} is there' in result.output
    assert "18 proxies" in result.output
    assert "server side" not in result.output, "of which this profile does not speak"


@pytest.mark.parametrize(
    ("metric", "label"),
    [("envoy_cluster_requests", "envoy_cluster_name"), ("envoy_cluster_upstream_rq_xx", "cluster_name")],
)
async def test_a_metric_or_a_label_that_nobody_has_is_told(
    backend: fake_prometheus.FakePrometheus,
    mesh: recording.Recording,
    tmp_path: Path,
    metric: str,
    label: str,
) -> None:
    result = await own(backend, mesh, tmp_path, TOY % (metric, label))
    assert f"client side: no series of {metric} that `match`, `ignore` and `peer` let count" in result.output


async def test_callers_that_name_nobody_are_told(
    backend: fake_prometheus.FakePrometheus, mesh: recording.Recording, tmp_path: Path
) -> None:
    text = (TOY % ("envoy_cluster_upstream_rq_xx", "x")).replace(
        '{label: x, patterns: ["(?P<name>.+)"]}', "{workload: [to]}"
    )
    result = await own(backend, mesh, tmp_path, text)
    assert "of these rows have an unknown callee" in result.output


async def test_all_that_is_wrong_with_a_profile_is_named_by_file_key_and_reason(
    backend: fake_prometheus.FakePrometheus, mesh: recording.Recording, tmp_path: Path
) -> None:
    text = (TOY % ("envoy_cluster_upstream_rq_xx", "cluster-name")).replace("side: client", "side: middle")
    result = await own(backend, mesh, tmp_path, text)
    assert result.exit_code == 1
    assert "toy.yaml: views.0.side: Input should be 'client' or 'server'" in result.output
    assert "toy.yaml: views.0.peer.label: String should match pattern" in result.output
    assert backend.asked == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("check",), "--prometheus (TRAFFIC_PROMETHEUS): is required"),
        (("check", "--prometheus", "x"), "such as http://prometheus.monitoring:9090"),
        (("check", "--prometheus", NOWHERE, "--window", "5x"), "'5x' is not a duration"),
        (("check", "--prometheus", NOWHERE, "--profile", "evnoy"), "no profile is called 'evnoy'"),
        (("serve", "--prometheus", "x", "--listen", "y"), "--listen (TRAFFIC_LISTEN)"),
    ],
)
async def test_a_mistake_on_the_command_line_is_an_error_that_says_what_to_give(
    arguments: tuple[str, ...], why: str
) -> None:
    result = await invoke(*arguments)
    assert result.exit_code == 1
    assert f"Error: {why}" in result.output or why in result.output
    assert "Traceback" not in result.output
