"""What a cluster wrote down, and how it is removed."""

import os
from pathlib import Path

import pytest

from demo import faults
from tests.cluster import places, record, removal

_KILLED = record.Record("tm", nodes=False, pid=os.getpid(), sysctls={"kernel/panic": "1"})


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    _KILLED.write(tmp_path / "cluster.json")

    assert record.read(tmp_path / "cluster.json") == _KILLED


def test_a_record_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cluster.json"
    path.write_text('{"name": "tm"')

    with pytest.raises(faults.DemoError, match=r"cluster\.json is no record of a cluster"):
        record.read(path)


async def test_where_no_cluster_was_there_is_nothing_to_end(tmp_path: Path) -> None:
    assert await removal.down(places.Folder(tmp_path)) is False


async def test_a_killed_cluster_leaves_its_logs_and_ends_nobody_else(tmp_path: Path) -> None:
    folder = places.Folder(tmp_path)
    folder.pki.mkdir(parents=True)
    folder.kubeconfig.touch()
    folder.logs.mkdir()
    # Its process id is that of this process now: only the lock shows that it is gone.
    _KILLED.write(folder.record)

    assert await removal.down(folder) is True

    assert sorted(os.listdir(tmp_path)) == ["cluster.lock", "logs"]
