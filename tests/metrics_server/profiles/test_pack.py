"""A profile pack is read as a whole, and every mistake in it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from metrics_server.profiles import loading, pack, registry
from tests.metrics_server import packs


def test_all_profiles_are_read_and_other_files_are_not(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(packs.TOY % "beta")
    (tmp_path / "a.yml").write_text("version: 1\nrevision: 2026-11\n" + packs.TOY % "alpha")
    (tmp_path / "README.md").write_text("not a profile")
    (tmp_path / "..2026").mkdir()
    (tmp_path / ".hidden.yaml").write_text("[")
    assert [mesh.name for mesh in pack.load(tmp_path)] == ["alpha", "beta"]
    assert pack.load(tmp_path)[0].revision == "2026-11"


def test_an_empty_pack_has_no_profiles(tmp_path: Path) -> None:
    assert pack.load(tmp_path) == ()


def test_all_mistakes_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(packs.TOY % "same")
    (tmp_path / "b.yaml").write_text(packs.TOY % "same")
    (tmp_path / "c.yaml").write_text(packs.TOY.replace("client", "middle") % "c")
    (tmp_path / "d.yaml").write_text("version: 2\n" + packs.TOY % "d")
    with pytest.raises(loading.BadProfile) as caught:
        pack.load(tmp_path)
    text = str(caught.value)
    assert "b.yaml: another file has the name 'same', too" in text
    assert "c.yaml: views.0.side: Input should be 'client' or 'server'" in text
    assert "d.yaml: version: this release reads profiles of version 1" in text


@pytest.mark.parametrize("name", ["none", "file"])
def test_what_is_no_directory_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    for read in (pack.load, pack.fingerprint):
        with pytest.raises(loading.BadProfile, match=rf"{name}: cannot be read: .*; give a directory"):
            read(tmp_path / name)


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    for number in range(101):
        (tmp_path / f"{number}.yaml").write_text("")
    with pytest.raises(loading.BadProfile, match="holds 101 files; give at most 100"):
        pack.load(tmp_path)


def test_the_profiles_of_a_pack_are_known_by_name_and_replace_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "toy.yaml").write_text(packs.TOY % "toy")
    (tmp_path / "istio.yaml").write_text(packs.TOY % "istio")
    (tmp_path / "quiet.yaml").write_text(packs.TOY % "quiet" + "auto: false\n")
    packed = pack.load(tmp_path)
    chosen = {mesh.name: mesh for mesh in registry.choose("auto", pack=packed)}
    assert {"toy", "istio", "envoy"} <= set(chosen)
    assert "quiet" not in chosen
    assert chosen["istio"].about == "A mesh in ten lines"
    assert [mesh.name for mesh in registry.choose("quiet,toy", pack=packed)] == ["quiet", "toy"]
    assert "toy" not in {mesh.name for mesh in registry.choose("auto,-toy", pack=packed)}
    with pytest.raises(loading.BadProfile, match=r"no profile is called 'joy'; known are .*toy"):
        registry.choose("joy", pack=packed)
