from __future__ import annotations

from pathlib import Path

import pytest

from metrics_server.model import faults
from metrics_server.settings import memory_budget

MIB = memory_budget.MIB


@pytest.mark.parametrize(
    ("memory", "usual"), [(128, 160), (512, 256), (1024, 512), (2048, 1024), (64 * 1024, 1024)]
)
def test_half_of_the_memory_is_for_answers_within_bounds(memory: int, usual: int) -> None:
    assert memory_budget.usual(memory * MIB) == usual * MIB


@pytest.mark.parametrize(
    ("file", "own"),
    [
        ("memory.max", "0::/"),
        ("memory/memory.limit_in_bytes", "4:memory:/"),
        ("pods/one/memory.max", "0::/pods/one"),
        ("memory/pods/one/memory.limit_in_bytes", "4:cpu,memory:/pods/one"),
    ],
)
def test_a_control_group_of_either_version_limits_the_memory(tmp_path: Path, file: str, own: str) -> None:
    path = tmp_path / "cgroup" / file
    path.parent.mkdir(parents=True)
    path.write_text(f"{64 * MIB}\n")
    (tmp_path / "own").write_text(f"{own}\n")
    assert memory_budget.available(tmp_path / "cgroup", tmp_path / "own") == 64 * MIB


@pytest.mark.parametrize("limit", ["max", "9223372036854771712", "", "many"])
def test_a_group_without_a_limit_leaves_the_memory_of_the_machine(tmp_path: Path, limit: str) -> None:
    (tmp_path / "memory.max").write_text(limit)
    assert memory_budget.available(tmp_path, tmp_path / "absent") > 64 * MIB


def test_what_is_let_go_is_given_back() -> None:
    allowed = memory_budget.MemoryBudget(10)
    one, other = allowed.share(), allowed.share()
    one.take(8)
    with pytest.raises(faults.BackendRefused, match="--answer-limit"):
        other.take(8)
    del other
    assert allowed.taken == 8
    one.give_back()
    assert allowed.taken == 0
