"""`kubectl traffic top` prints tables like kubectl, and its exit code shows success or failure."""

import csv
import io
import json
import pathlib
import subprocess
import sys

import click.testing
import pytest
import syrupy.assertion

from dashboard.terminal import __main__ as terminal
from tests.fakes import traffic_api


def _run(*arguments: str, kubeconfig: pathlib.Path) -> click.testing.Result:
    return click.testing.CliRunner().invoke(
        terminal.commands, ["top", *arguments, "--kubeconfig", str(kubeconfig)], prog_name="kubectl traffic"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("-A",),
        ("-n", "data", "-o", "wide"),
        ("-A", "--sort-by", "success"),
        ("-A", "--sort-by", "p99"),
        ("-A", "--sort-by", "rps"),
        ("deploy", "-l", "app=catalog"),
        ("-n", "data", "-o", "json"),
        ("-A", "-o", "csv"),
    ],
    ids=lambda arguments: "_".join(arguments) or "plain",
)
def test_the_table_is_the_one_that_was_reviewed(
    arguments: tuple[str, ...], kubeconfig_file: pathlib.Path, snapshot: syrupy.assertion.SnapshotAssertion
) -> None:
    result = _run(*arguments, kubeconfig=kubeconfig_file)
    assert result.exit_code == 0, result.output
    assert result.output == snapshot


def test_programs_get_numbers_and_nothing_for_the_unknown(kubeconfig_file: pathlib.Path) -> None:
    reply = json.loads(_run("-o", "json", kubeconfig=kubeconfig_file).stdout)
    wishlist = next(row for row in reply if row["name"] == "deployment/wishlist")
    assert (wishlist["success"], wishlist["p99_seconds"], wishlist["rps"]) == (None, None, 0.0)
    rows = list(csv.DictReader(io.StringIO(_run("-o", "csv", kubeconfig=kubeconfig_file).stdout)))
    assert [row["name"] for row in rows] == [row["name"] for row in reply]


def test_counts_nobody_knows_are_a_dash_and_nothing_for_programs(kubeconfig_file: pathlib.Path) -> None:
    wide = _run("-n", "data", "-o", "wide", kubeconfig=kubeconfig_file).stdout
    (line,) = (line for line in wide.splitlines() if line.startswith("job/report"))
    assert line.split() == ["job/report", *"-------", "1m"]
    reply = json.loads(_run("-n", "data", "-o", "json", kubeconfig=kubeconfig_file).stdout)
    report = next(row for row in reply if row["name"] == "job/report")
    assert [report[key] for key in ("rps", "success_count", "failure_count")] == [None, None, None]
    (row,) = (
        row
        for row in csv.DictReader(io.StringIO(_run("-A", "-o", "csv", kubeconfig=kubeconfig_file).stdout))
        if row["name"] == "job/report"
    )
    assert [row[key] for key in ("rps", "success_count", "failure_count")] == ["", "", ""]


def test_an_approximate_latency_is_marked_for_people_and_a_number_for_programs(
    fake: traffic_api.FakeTrafficApi, kubeconfig_file: pathlib.Path
) -> None:
    item = next(one for one in fake.metrics if one["metadata"]["name"] == "deployment.cart")
    item["metadata"]["annotations"]["metrics.smi-spec.io/approximate"] = "p99_response_latency"
    wide = _run("-o", "wide", kubeconfig=kubeconfig_file).stdout
    assert [cell for cell in wide.split() if cell.startswith("~")] == ["~17ms"]
    reply = json.loads(_run("-o", "json", kubeconfig=kubeconfig_file).stdout)
    assert next(row for row in reply if row["name"] == "deployment/cart")["p99_seconds"] == 0.0174


def test_limits_of_a_latency_are_marked_and_what_is_not_timed_is_in_a_wide_column(
    fake: traffic_api.FakeTrafficApi, kubeconfig_file: pathlib.Path
) -> None:
    item = next(one for one in fake.metrics if one["metadata"]["name"] == "deployment.cart")
    item["metadata"]["annotations"] |= {
        "metrics.smi-spec.io/clamped": "p99_response_latency",
        "metrics.smi-spec.io/clamped-below": "p50_response_latency=5m",
        "metrics.smi-spec.io/latency-without": "timeouts,17% of requests",
    }
    wide = _run("-o", "wide", kubeconfig=kubeconfig_file).stdout
    (line,) = (line for line in wide.splitlines() if line.startswith("deployment/cart"))
    assert [cell for cell in line.split() if cell[0] in "<>"] == ["<5ms", ">17ms"]
    assert line.endswith("timeouts, 17% of requests")
    reply = json.loads(_run("-o", "json", kubeconfig=kubeconfig_file).stdout)
    assert next(row for row in reply if row["name"] == "deployment/cart")["p99_seconds"] == 0.0174


def test_nothing_to_show_is_said_beside_the_output(kubeconfig_file: pathlib.Path) -> None:
    result = _run("-l", "app=nobody", kubeconfig=kubeconfig_file)
    assert (result.exit_code, result.stdout, result.stderr) == (
        0,
        "",
        "No traffic found in shop namespace.\n",
    )


@pytest.mark.parametrize("mode", ["unavailable", "denied", "garbage", "absent"])
def test_a_failure_is_one_sentence_and_exit_code_one(
    fake: traffic_api.FakeTrafficApi, kubeconfig_file: pathlib.Path, mode: str
) -> None:
    fake.mode = mode
    result = _run(kubeconfig=kubeconfig_file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("unicorns",), "there is no traffic of 'unicorns'"),
        (("-A", "-n", "shop"), "exclude each other"),
        (("--window", "soon"), "not a duration: 'soon'"),
        (("--sort-by", "colour"), "'colour' is not one of"),
    ],
)
def test_wrong_usage_is_explained_with_exit_code_two(
    kubeconfig_file: pathlib.Path, arguments: tuple[str, ...], message: str
) -> None:
    result = _run(*arguments, kubeconfig=kubeconfig_file)
    assert result.exit_code == 2
    assert message in result.stderr


def test_the_usage_names_the_command_as_it_is_typed(kubeconfig_file: pathlib.Path) -> None:
    assert "Usage: kubectl traffic top" in _run("--help", kubeconfig=kubeconfig_file).output


def test_the_terminal_starts_without_what_makes_the_page() -> None:
    program = (
        "import sys; import dashboard.terminal.__main__;"
        "print({'dash', 'plotly', 'numpy', 'flask', 'kubernetes_asyncio'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
