"""The parts of the pages: their YAML, their links, and the headings that links can lead to."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```ya?ml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """One YAML document of a page."""

    where: str
    content: Mapping[str, Any]


def every() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])


def examples() -> Iterator[Example]:
    """All YAML documents; one that cannot be read is an error."""
    for page in every():
        text = page.read_text()
        for block in _BLOCK.finditer(text):
            line = text.count("\n", 0, block.start()) + 1
            for content in yaml.safe_load_all(block[1]):
                yield Example(f"{page.relative_to(ROOT)}:{line}", content)


def links(page: Path) -> Iterator[str]:
    """Links to other files and to headings, without those to other sites."""
    prose = _FENCED.sub("", page.read_text())
    return (link for link in _LINK.findall(prose) if "://" not in link and not link.startswith("mailto:"))


def anchors(page: Path) -> set[str]:
    """The possible `#…` of a link, as GitHub makes them from headings."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
