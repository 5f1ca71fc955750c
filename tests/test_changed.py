"""A change selects the tests that depend on it."""

import pytest

from tests import changed


@pytest.fixture(scope="module")
def imports() -> changed.Imports:
    return changed.imports()


@pytest.mark.parametrize(
    ("file", "test"),
    [
        ("metrics_server/query/plan.py", "tests/metrics_server/query/test_plan.py"),
        ("metrics_server/model/kinds.py", "tests/metrics_server/query/test_plan.py"),  # through others
        ("metrics_server/profiles/istio.yaml", "tests/metrics_server/query/test_plan.py"),
        ("metrics_server/__main__.py", "tests/metrics_server/server/test_process.py"),  # python -m
        ("tests/metrics_server/query/test_plan.py", "tests/metrics_server/query/test_plan.py"),
        ("tests/metrics_server/conftest.py", "tests/metrics_server/query/test_plan.py"),
        ("tests/conftest.py", "tests/metrics_server/query/test_plan.py"),
        ("demo/runner.py", "tests/truth/test_counts.py"),  # its fixture is in tests/conftest.py
        ("docs/meshes.md", "tests/dialects/test_page.py"),
    ],
)
def test_a_change_selects_what_depends_on_it(imports: changed.Imports, file: str, test: str) -> None:
    chosen = imports.chosen([file])
    assert test in chosen.tests
    assert chosen.unknown == []


def test_a_change_selects_nothing_else(imports: changed.Imports) -> None:
    chosen = imports.chosen(["dashboard/terminal/__init__.py"])
    assert "tests/dashboard/test_terminal.py" in chosen.tests
    assert not [
        file for file in chosen.tests if file.startswith(("tests/metrics_server", "tests/apiservice"))
    ]


def test_what_no_module_knows_is_named(imports: changed.Imports) -> None:
    file = "-".join(("nowhere", "at", "all")) + "/" + "-".join(("nothing", "like", "it"))
    assert imports.chosen([file]) == changed.Chosen([], [file])


def test_a_module_says_what_it_starts_and_which_fixtures_it_has() -> None:
    source = (
        "@pytest.fixture\ndef made(tmp_path): pass\n"
        "def test(made): run((sys.executable, '-m', 'demo', 'mesh'), 'docs/a.md')\n"
    )
    module = changed.parse("tests.test_it", "tests/test_it.py", source)
    assert module.runs == {"demo"}
    assert module.fixtures == {"made"}
    assert {"made", "tmp_path"} <= module.arguments
    assert "a.md" in module.strings
    assert module.is_test
