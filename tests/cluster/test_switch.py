"""Tests that a machine cannot run are always listed."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

_CONFTEST = """
    from tests.cluster import switch

    def hindrance(need):
        return {hindrances!r}.get(need.value)

    def pytest_configure(config):
        config.pluginmanager.register(switch.Switch({environment!r}, hindrance=hindrance))
"""
_TESTS = """
    import pytest

    @pytest.mark.cluster
    def test_with_a_control_plane():
        pass

    @pytest.mark.cluster
    @pytest.mark.node
    def test_with_a_node():
        pass

    @pytest.mark.cluster
    @pytest.mark.site
    def test_where_we_may_be_guests():
        pass

    @pytest.mark.go
    def test_with_a_program():
        pass

    @pytest.mark.site
    def test_anywhere():
        pass
"""
_MARKS = "cluster\n node\n site\n go"
_NO_ROOT = {"node": "it needs root", "site": "it needs root"}


def _run(
    pytester: pytest.Pytester, environment: dict[str, str], *, hindrances: dict[str, str]
) -> pytest.RunResult:
    pytester.makeini(f"[pytest]\nmarkers =\n {_MARKS}\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makeconftest(_CONFTEST.format(environment=environment, hindrances=hindrances))
    pytester.makepyfile(_TESTS)
    return pytester.runpytest_inprocess("-p", "no:dash")


def test_where_everything_can_run_everything_does(pytester: pytest.Pytester) -> None:
    result = _run(pytester, {"CI": "true"}, hindrances={})
    result.assert_outcomes(passed=5)
    result.stdout.no_fnmatch_line("*NOT TESTED*")


def test_one_who_leaves_clusters_out_is_told_so_loudly(pytester: pytest.Pytester) -> None:
    result = _run(pytester, {"TESTS_CLUSTER": "0", "CI": "true"}, hindrances=_NO_ROOT)
    result.assert_outcomes(passed=2, skipped=3)
    result.stdout.fnmatch_lines(["*NOT TESTED HERE*", "3 tests did not run: left out by*"])


def test_without_root_what_needs_a_node_is_named_and_the_rest_runs(pytester: pytest.Pytester) -> None:
    result = _run(pytester, {}, hindrances=_NO_ROOT)
    result.assert_outcomes(passed=3, skipped=2)
    result.stdout.fnmatch_lines(["2 tests did not run: *needs root*"])


def test_without_go_what_needs_a_program_is_named_and_the_rest_runs(pytester: pytest.Pytester) -> None:
    absent = "no go on PATH"
    hindrances = {"cluster": absent, "node": absent, "site": absent, "go": absent}
    result = _run(pytester, {}, hindrances=hindrances)
    result.assert_outcomes(passed=1, skipped=4)
    result.stdout.fnmatch_lines(["4 tests did not run: no go on PATH"])


def test_a_cluster_that_is_given_needs_nothing(pytester: pytest.Pytester) -> None:
    result = _run(pytester, {}, hindrances={"cluster": "no go", "node": "no go"})
    result.assert_outcomes(passed=3, skipped=2)


@pytest.mark.parametrize("environment", [{"CI": "true"}, {"TESTS_CLUSTER": "1"}], ids=str)
def test_where_all_is_demanded_a_machine_that_cannot_run_something_is_a_failure(
    pytester: pytest.Pytester, environment: dict[str, str]
) -> None:
    result = _run(pytester, environment, hindrances=_NO_ROOT)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*demanded that cannot run on this machine: *needs root*"])


def _run_in_workers(
    pytester: pytest.Pytester, environment: dict[str, str], *, hindrances: dict[str, str]
) -> pytest.RunResult:
    pytester.makeini(f"[pytest]\nmarkers =\n {_MARKS}\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makeconftest(_CONFTEST.format(environment=environment, hindrances=hindrances))
    pytester.makepyfile(_TESTS)
    return pytester.runpytest_subprocess("-p", "no:dash", "-n", "2", "--dist", "loadfile")


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The project can be imported by a process that starts in another folder."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))


@pytest.mark.usefixtures("importable")
def test_what_workers_left_out_is_named_once(pytester: pytest.Pytester) -> None:
    result = _run_in_workers(pytester, {}, hindrances=_NO_ROOT)
    result.assert_outcomes(passed=3, skipped=2)
    result.stdout.fnmatch_lines(["*NOT TESTED HERE*", "2 tests did not run: *needs root*"])


@pytest.mark.usefixtures("importable")
def test_what_is_demanded_of_workers_and_cannot_run_is_a_failure(pytester: pytest.Pytester) -> None:
    result = _run_in_workers(pytester, {"CI": "true"}, hindrances=_NO_ROOT)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.assert_outcomes()
    result.stdout.fnmatch_lines(["*demanded that cannot run on this machine: *needs root*"])
