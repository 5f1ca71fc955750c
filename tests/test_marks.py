"""A test that starts a program has its mark."""

import shutil
from pathlib import Path

import pytest

from tests import marks

pytest_plugins = ["pytester"]

_CONFTEST = """
    import subprocess

    import pytest

    from tests import marks

    def pytest_configure(config):
        config.pluginmanager.register(marks.Marks())

    @pytest.fixture(scope="module")
    @marks.needs("prometheus")
    def measured():
        subprocess.run(["./prometheus"], check=True)

    @pytest.fixture
    def indirectly(measured):
        pass
"""
_TESTS = """
    import subprocess

    import pytest

    def test_with_the_fixture(indirectly):
        pass

    def test_with_it_too(measured):
        pass

    @pytest.mark.prometheus
    def test_with_the_mark():
        subprocess.run(["./prometheus"], check=True)

    def test_without_the_mark():
        subprocess.run(["./prometheus"], check=True)

    def test_with_nothing():
        subprocess.run(["sh", "-c", "true"], check=True)
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv(marks.CHECKED, "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[1]))
    program = pytester.path / "prometheus"
    true = shutil.which("true")
    assert true is not None
    shutil.copy(true, program)
    pytester.makeini("[pytest]\nmarkers =\n prometheus\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makeconftest(_CONFTEST)
    pytester.makepyfile(_TESTS)
    return pytester


def test_a_test_that_starts_a_program_without_the_mark_of_it_fails(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("-p", "no:dash")
    result.assert_outcomes(passed=5, errors=1)
    result.stdout.fnmatch_lines(["*test_without_the_mark*", "*starts prometheus and has none of the marks*"])


def test_tests_have_the_marks_of_their_fixtures(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("-p", "no:dash", "-m", "prometheus")
    result.assert_outcomes(passed=3, deselected=2)


@pytest.mark.parametrize(
    ("program", "mark"),
    [("envoy", "mesh"), ("envoy", "packaged"), ("kubectl", "packaged"), ("mosn", "go"), ("node", "browser")],
)
def test_a_program_is_allowed_by_its_mark_and_by_no_other(program: str, mark: str) -> None:
    assert marks.unmarked([program], marks={mark}) == []
    assert marks.unmarked([program], marks={"cluster"}) == []
    assert len(marks.unmarked([program, program], marks={"attack"})) == 1


def test_python_and_the_shell_are_everywhere() -> None:
    assert marks.unmarked(["python3.11", "python", "sh"], marks=set()) == []
