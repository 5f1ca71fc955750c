from pathlib import Path

import pytest

from demo import faults, state


def test_a_second_one_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with (
        state.lock(tmp_path, name="mesh"),
        pytest.raises(faults.DemoError, match="another mesh is running in"),
        state.lock(tmp_path, name="mesh"),
    ):
        pass


def test_a_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with state.lock(tmp_path / "new", name="mesh"):
            pass


def test_without_a_mesh_there_is_no_control_address(tmp_path: Path) -> None:
    with pytest.raises(faults.DemoError, match="no mesh is running in"):
        state.control_url(tmp_path)


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "found.json"
    for text in ("first", "second"):
        state.write(target, text)
        assert target.read_text() == text
    assert list(tmp_path.iterdir()) == [target]
