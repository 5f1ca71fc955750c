"""A dump of every dialect can be tried, and its figures stay the same when its names are replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from metrics_server.dumps import anonymous, dump, replacement, trial
from metrics_server.inventory import file_source
from metrics_server.profiles import loading
from tests.dialects import dumped, spoken, stage, traffic, writers

_PROFILES = {mesh.name: mesh for mesh in loading.shipped()}
_SECRETS = (
    *("frontend", "cart", "browser", "legacy", "till", "shop", "bank", "example"),
    *(pod for workload in traffic.WORKLOADS for pod in workload.pods if "-" in pod and len(pod) > 6),
)


def tried(dialect: writers.Dialect, text: str, inventory: str) -> trial.Figures:
    known = file_source.read(inventory, source="inventory.yaml")
    scrapes = dump.parsed(text, source="dump")
    return trial.figures(_PROFILES[dialect.profile], scrapes, known)


@pytest.mark.parametrize("dialect", spoken.DIALECTS, ids=lambda dialect: dialect.name)
def test_the_figures_of_a_dump_without_its_names_are_the_same(
    dialect: writers.Dialect, tmp_path: Path
) -> None:
    text, inventory = dumped.text(dialect), stage.inventory(tmp_path).read_text()
    before = tried(dialect, text, inventory)
    assert before.received or before.edges
    words = replacement.Replacements(b"key", loading.shipped())
    names = anonymous.Names(words, loading.shipped())
    other = names.of_exposition(text, source="dump")
    objects = names.of_yaml(inventory, source="inventory.yaml")
    for secret in _SECRETS:
        assert secret not in other + objects, secret
    after = tried(dialect, other, objects)
    assert dumped.shape(after) == dumped.shape(before)


@pytest.mark.parametrize("dialect", spoken.DIALECTS, ids=lambda dialect: dialect.name)
def test_a_dump_of_two_scrapes_counts_what_happened_between_them(
    dialect: writers.Dialect, tmp_path: Path
) -> None:
    inventory = stage.inventory(tmp_path).read_text()
    once = tried(dialect, dumped.text(dialect), inventory)
    between = tried(dialect, dumped.text(dialect) + dumped.text(dialect, times=2), inventory)
    assert between.edges == once.edges
    calls = [call for call in dialect.received if call.callee is traffic.DB]
    if dialect.knows.server and calls:
        failed = sum(call.count for call in calls if dialect.fails(call))
        received = (sum(call.count for call in calls) - failed, failed)
        assert between.received["data/statefulset.db"] == pytest.approx(received)
