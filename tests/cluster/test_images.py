"""Images made without a builder."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

from tests.cluster import images


def _content(tar: tarfile.TarFile, name: str) -> bytes:
    member = tar.extractfile(name)
    assert member is not None
    return member.read()


def test_an_image_holds_its_program_and_starts_it(tmp_path: Path) -> None:
    program = tmp_path / "hello"
    program.write_bytes(b"\x7fELF")

    images.write(program, archive=tmp_path / "hello.tar")

    with tarfile.open(tmp_path / "hello.tar") as archive:
        (manifest,) = json.loads(_content(archive, "manifest.json"))
        config = json.loads(_content(archive, manifest["Config"]))
        layer = _content(archive, manifest["Layers"][0])
    assert manifest["RepoTags"] == [images.name("hello")]
    assert config["config"]["Entrypoint"] == ["/hello"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    with tarfile.open(fileobj=io.BytesIO(layer)) as content:
        assert content.getnames() == ["hello"]
        assert content.getmember("hello").mode == 0o755
        assert _content(content, "hello") == b"\x7fELF"


def test_the_same_program_makes_the_same_image(tmp_path: Path) -> None:
    program = tmp_path / "hello"
    program.write_bytes(b"the same")

    archives = [tmp_path / "one.tar", tmp_path / "two.tar"]
    for archive in archives:
        images.write(program, archive=archive)

    assert archives[0].read_bytes() == archives[1].read_bytes()
