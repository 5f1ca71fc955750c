"""`try` gives the right values of a case, from a dump of its targets."""

from __future__ import annotations

from pathlib import Path

import click.testing
import pytest

from metrics_server.dumps import anonymous, commands, dump, replacement, trial
from metrics_server.inventory import file_source, objects
from metrics_server.profiles import loading
from tests.cases import case
from tests.dialects import dumped as dialect_dumps

_PROFILES = {"istio-keeplist": "istio", "istio-mc": "istio", "istio-twice": "istio"}
"""Cases that are right today, with the one profile that has their requests."""


def dumped(given: case.Case) -> str:
    """Return the scrapes of all phases."""
    began, parts = case.began(), []
    for phase in range(max(target.phases for target in given.targets())):
        parts.append("# SCRAPE\n")
        for target in given.targets():
            labels = {**target.labels, "job": target.job, "instance": target.instance}
            parts.append(dump.target_line(labels, honors=target.honor_labels) + "\n")
            parts.append(target.exposition(phase, began=began))
    return "".join(parts)


@pytest.mark.parametrize("name", _PROFILES)
def test_a_dump_of_a_case_has_its_right_values(name: str, tmp_path: Path) -> None:
    given = case.Case(name)
    exposition, truth = tmp_path / "mesh.prom", tmp_path / "truth.yaml"
    exposition.write_text(dumped(given))
    truth.write_text((given.folder / "expect.yaml").read_text())
    result = click.testing.CliRunner().invoke(
        commands.try_profile,
        [
            _PROFILES[name],
            str(exposition),
            str(truth),
            *(["--inventory", str(given.inventory)] if given.inventory else []),
        ],
    )
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("given", case.found(), ids=lambda given: given.name)
def test_the_figures_of_a_case_without_its_names_are_the_same(given: case.Case) -> None:
    names = anonymous.Names(replacement.Replacements(b"key", loading.shipped()), loading.shipped())
    text, known = dumped(given), given.inventory.read_text() if given.inventory else ""
    other, others = names.of_exposition(text, source="dump"), names.of_yaml(known, source="objects")
    for mesh in loading.shipped():
        before, after = (
            trial.figures(
                mesh,
                dump.parsed(exposition, source="dump"),
                file_source.read(inventory, source="objects") if inventory else objects.Inventory(),
            )
            for exposition, inventory in ((text, known), (other, others))
        )
        assert dialect_dumps.shape(after) == dialect_dumps.shape(before), mesh.name
