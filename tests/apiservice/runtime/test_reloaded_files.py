import pathlib
from collections.abc import Sequence

import pytest

from apiservice.runtime import reloaded_files


def joined(contents: Sequence[bytes]) -> bytes:
    whole = b"".join(contents)
    if b"broken" in whole:
        raise ValueError("it is broken")
    return whole


@pytest.fixture
def paths(tmp_path: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"a")
    second.write_bytes(b"b")
    return first, second


def test_a_change_is_seen_at_the_next_look(paths: tuple[pathlib.Path, pathlib.Path]) -> None:
    now = [0.0]
    value = reloaded_files.Reloading(paths, make=joined, clock=lambda: now[0])
    assert value.current() == b"ab"
    paths[1].write_bytes(b"c")
    now[0] = 9.9
    assert value.current() == b"ab"
    now[0] = 10.0
    assert value.current() == b"ac"


def test_a_value_is_the_same_while_its_files_are(paths: tuple[pathlib.Path, pathlib.Path]) -> None:
    value = reloaded_files.Reloading(paths, make=lambda contents: [*contents], every=0.0)
    first = value.current()
    paths[0].write_bytes(b"a")
    assert value.current() is first


def test_what_cannot_be_used_is_named_and_the_last_good_value_kept(
    paths: tuple[pathlib.Path, pathlib.Path], caplog: pytest.LogCaptureFixture
) -> None:
    value = reloaded_files.Reloading(paths, make=joined, every=0.0)
    paths[0].write_bytes(b"broken")
    for _ in range(3):
        assert value.current() == b"ab"
    (line,) = caplog.messages
    assert line.endswith(f"{paths[1]} changed and cannot be used, what was is kept: it is broken")
    paths[0].unlink()
    assert value.current() == b"ab"
    assert "No such file" in caplog.text
    paths[0].write_bytes(b"z")
    assert value.current() == b"zb"


def test_at_first_there_is_nothing_to_keep(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError):
        reloaded_files.Reloading((tmp_path / "none",), make=joined)
    (tmp_path / "there").write_bytes(b"broken")
    with pytest.raises(ValueError, match="it is broken"):
        reloaded_files.Reloading((tmp_path / "there",), make=joined)
