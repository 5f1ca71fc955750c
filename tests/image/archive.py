"""An image as its archive has it: its configuration, and its files with the later layers over the earlier.

python -m tests.image.archive [ARCHIVE]     # writes the tables of packages in docs/image.md
"""

import dataclasses
import email.parser
import hashlib
import json
import re
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs" / "image.md"
_DEFAULT = PROJECT / ".run" / "image" / "trafficmetrics.tar"
_BEGIN, _END = "<!-- packages -->", "<!-- end of packages -->"
_STATUS = "var/lib/dpkg/status"


@dataclasses.dataclass(frozen=True, slots=True)
class File:
    mode: int
    content: bytes
    link: str
    """The target of a link."""


@dataclasses.dataclass(frozen=True, slots=True)
class Archive:
    id: str
    """Such as `sha256:…`: the digest of its configuration, which contains the digests of its layers."""
    config: Mapping[str, Any]
    files: Mapping[str, File]
    """By path, without the first slash; folders and links have no content."""
    size: int
    """The size of the layers, unpacked, in bytes."""

    def text(self, path: str) -> str:
        return self.files[path].content.decode()


def read(path: Path) -> Archive:
    files: dict[str, File] = {}
    size = 0
    with tarfile.open(path) as outer:
        (manifest,) = json.loads(_content(outer, "manifest.json"))
        config = _content(outer, manifest["Config"])
        for name in manifest["Layers"]:
            size += outer.getmember(name).size
            with tarfile.open(fileobj=outer.extractfile(name)) as layer:
                for member in layer:
                    content = _content(layer, member) if member.isfile() else b""
                    files[member.name.removeprefix("./").rstrip("/")] = File(
                        member.mode, content, member.linkname
                    )
    return Archive(f"sha256:{hashlib.sha256(config).hexdigest()}", json.loads(config), files, size)


def _content(tar: tarfile.TarFile, member: str | tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    if file is None:
        raise ValueError(f"{member} in the archive is no file")
    return file.read()


def debian_packages(archive: Archive) -> Iterator[tuple[str, str]]:
    """Return name and version of each package."""
    for stanza in filter(None, archive.text(_STATUS).split("\n\n")):
        fields = email.parser.Parser().parsestr(stanza)
        yield fields["Package"], fields["Version"]


def python_packages(archive: Archive) -> Iterator[tuple[str, str]]:
    """Return name and version of each package."""
    for path in sorted(archive.files):
        if re.search(r"-packages/[^/]+\.dist-info/METADATA$", path):
            fields = email.parser.Parser().parsestr(archive.text(path), headersonly=True)
            yield fields["Name"], fields["Version"]


def tables(archive: Archive) -> str:
    """The two lists in the form of the page."""
    parts = []
    for title, packages in (("Debian", debian_packages(archive)), ("Python", python_packages(archive))):
        rows = [f"| {name} | {version} |" for name, version in packages]
        parts.append("\n".join([f"| {title} package | version |", "|---|---|", *rows]))
    return "\n\n".join(parts)


def written() -> str:
    """The page with the current lists."""
    return PAGE.read_text().partition(f"{_BEGIN}\n")[2].partition(f"\n{_END}")[0]


def main(path: Path) -> None:
    page = PAGE.read_text()
    before, after = page.partition(_BEGIN)[0], page.partition(_END)[2]
    PAGE.write_text(f"{before}{_BEGIN}\n{tables(read(path))}\n{_END}{after}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else _DEFAULT)
