"""docs/architecture.md names every package, and agrees with `.importlinter` and the code."""

import configparser
import re
from collections.abc import Mapping, Sequence

import grimp
import pytest

from tests.deploy import pages

_PAGE = pages.ROOT / "docs" / "architecture.md"
_CONTRACTS = {
    "metrics_server": "journey",
    "metrics_server.api": "views",
    "apiservice": "kitrooms",
    "dashboard": "dashboard",
}
"""The contract that orders the packages in a package."""


def rows(package: str) -> list[Sequence[str]]:
    """Return the cells of the page's table for a package."""
    part = _PAGE.read_text().partition(f"<!-- packages of {package} -->")[2]
    lines = part.partition(f"<!-- /packages of {package} -->")[0].strip().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def contract(name: str) -> Mapping[str, str]:
    """Return the keys of a contract in `.importlinter`."""
    parser = configparser.ConfigParser()
    parser.read(pages.ROOT / ".importlinter")
    return parser[f"importlinter:contract:{name}"]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def present(package: str) -> set[str]:
    """Return the packages and modules directly in a package."""
    folder = pages.ROOT / package.replace(".", "/")
    found = {one.parent.name for one in folder.glob("*/__init__.py")} | {
        one.stem for one in folder.glob("*.py")
    }
    return found - {"__init__"}


@pytest.mark.parametrize("package", _CONTRACTS)
def test_every_package_stands_in_the_table_once(package: str) -> None:
    shown = [name for row in rows(package) for name in names(row[1])]

    assert sorted(shown) == sorted(present(package))


@pytest.mark.parametrize("package", _CONTRACTS)
def test_every_package_has_a_promise(package: str) -> None:
    assert [row for row in rows(package) if len(row[2]) < 20] == []


@pytest.mark.parametrize("package", _CONTRACTS)
def test_the_levels_are_those_of_the_contract(package: str) -> None:
    layers = contract(_CONTRACTS[package])["layers"].split("\n")
    ordered = [{name.strip() for name in layer.split("|")} for layer in layers if layer.strip()]
    shown = {names(row[1])[0]: int(row[0]) for row in rows(package)}

    assert shown == {name: len(ordered) - place for place, layer in enumerate(ordered) for name in layer}


@pytest.mark.parametrize("package", [one for one in _CONTRACTS if one != "dashboard"])
def test_each_may_import_the_levels_below(package: str) -> None:
    for level, name, _, allowed in rows(package):
        below = {1: "nothing", 2: "level 1"}.get(int(level), f"levels 1 to {int(level) - 1}")
        assert re.split(r"[,;] ", allowed)[0] == below, name


def test_the_pure_packages_are_those_of_the_contract() -> None:
    pure = contract("pure")
    sources = {name.strip() for name in pure["source_modules"].split("\n") if name.strip()}
    for _, cell, _, allowed in rows("metrics_server"):
        (name,) = names(cell)
        may = {f"metrics_server.{name}" in sources: "; pure"}.get(True, ", `apiservice`")
        assert allowed.endswith(may), name
    assert "apiservice" in pure["forbidden_modules"]


def test_the_dashboard_imports_what_the_table_says() -> None:
    graph = grimp.build_graph("dashboard")
    for row in rows("dashboard"):
        (name,) = names(row[1])
        inside = {f"dashboard.{name}", *graph.find_descendants(f"dashboard.{name}")}
        imported = {one for module in inside for one in graph.find_modules_directly_imported_by(module)}
        assert set(names(row[3])) == {one.split(".")[1] for one in imported - inside}, name
