import pathlib
import stat

import pytest

from apiservice.runtime import files


def test_a_file_is_replaced_with_its_mode(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "deep" / "file"
    files.write(path, content=b"first", mode=0o644)
    files.write(path, content=b"second", mode=0o600)
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: pathlib.Path) -> None:
    occupied = tmp_path / "occupied"
    (occupied / "by").mkdir(parents=True)
    with pytest.raises(OSError, match="occupied"):
        files.write(occupied, content=b"x", mode=0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["occupied"]
