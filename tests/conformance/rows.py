"""The rows of the contract as marks on tests, and the table that is made of them.

`@rows.row("D1")` declares which row a test covers; the test's name is the sentence. `differences` lists where
a row cannot hold, and why; everywhere else it is tested.
"""

import dataclasses
import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.conformance import differences
from tests.conformance.subject import TRIED, Way

_HERE = Path(__file__).parent
_AREAS = "DONLEXZHC"
"""Discovery, OpenAPI, negotiation, lists, errors, authentication, authorization, health, clients."""


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    id: str
    sentence: str

    @property
    def place(self) -> tuple[int, int, str]:
        letters = self.id[1:]
        number = re.match(r"\d+", letters)
        return (_AREAS.index(self.id[0]), int(number[0]) if number else 0, letters)


def row(name: str) -> pytest.MarkDecorator:
    return pytest.mark.row(name)


def applies(name: str, *, way: Way) -> bool:
    return (name, way) not in differences.DIFFERENCES


def declared() -> list[Row]:
    """Every row that a test of this folder covers."""
    return sorted(_found(), key=lambda row: row.place)


def table(rows: list[Row]) -> str:
    """In Markdown, with a note for each difference."""
    notes: dict[str, int] = {}
    lines = [
        f"| row | what is true | {' | '.join(way.value for way in TRIED)} |",
        f"|---|---|{'---|' * len(TRIED)}",
    ]
    for each in rows:
        cells = " | ".join(_cell(each.id, way=way, notes=notes) for way in TRIED)
        lines.append(f"| {each.id} | {each.sentence} | {cells} |")
    written = [f"{number}. {text}" for text, number in notes.items()]
    return "\n".join([*lines, "", *written, ""])


def _cell(name: str, *, way: Way, notes: dict[str, int]) -> str:
    why = differences.DIFFERENCES.get((name, way))
    return "yes" if why is None else f"({notes.setdefault(why, len(notes) + 1)})"


def _found() -> Iterator[Row]:
    for file in sorted(_HERE.glob("test_*.py")):
        module = importlib.import_module(f"tests.conformance.{file.stem}")
        members: Mapping[str, object] = vars(module)
        for name, member in members.items():
            for mark in getattr(member, "pytestmark", ()) if name.startswith("test_") else ():
                if mark.name == "row":
                    yield Row(mark.args[0], sentence(name))


def sentence(test: str) -> str:
    """The name of the test as a sentence."""
    return test.partition("[")[0].removeprefix("test_").replace("_", " ")
