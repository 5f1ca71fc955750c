"""A case: its expositions in phases, its scrape targets, and what the API must answer.

A line of an exposition is a series and its value in each phase: `up{job="a"} 1 -> 2 -> -`. `-` means that the
series is absent, `AGE` the seconds since an hour before the start, and `START` that moment as Unix time. The
last value stays in all later phases.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

_FOLDER = Path(__file__).parent / "mesh"
_AGE = 3600.0
_ABSENT, _AGE_WORD, _START_WORD = "-", "AGE", "START"


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One series of an exposition."""

    series: str
    """Name and labels."""
    values: Sequence[str]
    """One per phase; the last one stays."""

    @staticmethod
    def read(text: str) -> Line:
        """Return the series in a line."""
        brace = text.rfind("} ")
        end = brace + 1 if brace >= 0 else text.index(" ")
        return Line(text[:end], [value.strip() for value in text[end:].split("->")])

    def at(self, phase: int, *, age: float, start: float) -> str:
        """Return the line that is exposed in a phase; an empty text where the series is absent.

        `age` is in seconds, `start` in Unix seconds.
        """
        value = self.values[min(phase, len(self.values) - 1)]
        known = {_AGE_WORD: f"{age:.0f}", _START_WORD: f"{start:.0f}"}
        return "" if value == _ABSENT else f"{self.series} {known.get(value, value)}\n"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A scrape target, with the labels that the scrape gives it."""

    name: str
    job: str
    instance: str
    labels: Mapping[str, str]
    lines: Sequence[Line]
    honor_labels: bool = False

    @property
    def phases(self) -> int:
        """The number of different expositions."""
        return max(len(line.values) for line in self.lines)

    def exposition(self, phase: int, *, began: float) -> str:
        """Return the text that is exposed in a phase. `began`: when the process started, Unix seconds."""
        age = time.time() - began
        return "".join(line.at(phase, age=age, start=began) for line in self.lines)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """An edge that must be listed exactly once."""

    callers: Sequence[str]
    """The right names of the caller; one of them is answered."""
    callees: Sequence[str]
    """The same of the callee."""
    succeeded: int
    failed: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the API must answer."""

    received: Mapping[str, tuple[int, int]]
    """Requests that succeeded and failed, by the resource that received them."""
    edges: Sequence[Edge]
    """All edges with requests."""
    refused: str
    """Empty, or a regular expression for the message of the refusal."""


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """A folder of `mesh`."""

    name: str

    @property
    def folder(self) -> Path:
        """The folder with its files."""
        return _FOLDER / self.name

    @property
    def inventory(self) -> Path | None:
        """The file with its Kubernetes objects, if it has one."""
        file = self.folder / "inventory.yaml"
        return file if file.exists() else None

    @functools.cache  # noqa: B019 (a case is a name)
    def targets(self) -> Sequence[Target]:
        """Return the scrape targets."""
        return [
            Target(
                name=given["name"],
                job=given["job"],
                instance=given.get("instance", given["name"]),
                labels=given.get("labels") or {},
                lines=self._lines(given["file"]),
                honor_labels=given.get("honor_labels", False),
            )
            for given in self._read("targets.yaml")["targets"]
        ]

    def _lines(self, file: str) -> list[Line]:
        text = (self.folder / file).read_text().splitlines()
        return [Line.read(line) for line in text if line and not line.startswith("#")]

    @property
    def labeldrop(self) -> str:
        """A regular expression for labels that the scrape removes; empty if it removes none."""
        return str(self._read("targets.yaml").get("labeldrop", ""))

    @property
    def external_labels(self) -> Mapping[str, str]:
        """The labels that Prometheus adds to what it sends elsewhere."""
        labels: Mapping[str, str] = self._read("targets.yaml").get("external_labels") or {}
        return labels

    @property
    def expected(self) -> Expected:
        """What the API must answer."""
        given = self._read("expect.yaml")
        return Expected(
            received={
                name: (counts["succeeded"], counts["failed"])
                for name, counts in (given.get("received") or {}).items()
            },
            edges=[
                Edge(
                    callers=_several(edge["from"]),
                    callees=_several(edge["to"]),
                    succeeded=edge["succeeded"],
                    failed=edge["failed"],
                )
                for edge in given.get("edges") or ()
            ],
            refused=given.get("refused", ""),
        )

    def _read(self, file: str) -> dict[str, Any]:
        content: dict[str, Any] = yaml.safe_load((self.folder / file).read_text())
        return content


def found() -> list[Case]:
    """Return all cases, by name."""
    return [Case(folder.name) for folder in sorted(_FOLDER.iterdir()) if folder.is_dir()]


def began() -> float:
    """Return when the processes of a case that begins now started, Unix seconds."""
    return time.time() - _AGE


def _several(given: str | list[str]) -> list[str]:
    return [given] if isinstance(given, str) else given
