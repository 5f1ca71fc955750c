"""Tests on a real Kubernetes are never left out in silence."""

import pytest

pytest_plugins = ["pytester"]

_CONFTEST = """
    from tests.cluster import switch

    def hindrance(*, nodes):
        return "it needs root" if nodes else None

    def pytest_configure(config):
        config.pluginmanager.register(switch.Switch({environment!r}, hindrance=hindrance))
"""
_TESTS = """
    import pytest

    @pytest.fixture
    def whole_cluster():
        return None

    @pytest.mark.cluster
    def test_in_a_cluster(whole_cluster):
        pass

    def test_anywhere():
        pass
"""


def _run(pytester: pytest.Pytester, environment: dict[str, str]) -> pytest.RunResult:
    pytester.makeini("[pytest]\nmarkers = cluster\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makeconftest(_CONFTEST.format(environment=environment))
    pytester.makepyfile(_TESTS)
    return pytester.runpytest_inprocess("-p", "no:dash")


def test_one_who_leaves_them_out_is_told_so_loudly(pytester: pytest.Pytester) -> None:
    result = _run(pytester, {"TESTS_CLUSTER": "0"})
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*NOT TESTED ON A REAL KUBERNETES*", "1 tests did not run: left out by*"])


def test_where_no_cluster_can_run_the_reason_is_told(pytester: pytest.Pytester) -> None:
    result = _run(pytester, {})
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*did not run: *needs root*"])


def test_where_they_are_demanded_a_machine_that_cannot_run_them_is_a_failure(
    pytester: pytest.Pytester,
) -> None:
    result = _run(pytester, {"CI": "true"})
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*tests on a real Kubernetes are demanded: *needs root*"])
