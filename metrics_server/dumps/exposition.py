"""Reads and writes lines of the text format in which metrics are exposed.

A line is a name, labels in braces, a value and perhaps a time. Names in UTF-8 are quoted and are in the
braces, as Prometheus 3 writes them: `{"http.requests",code="200"} 1`.
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NAME = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*")
_PART = re.compile(
    r'\s*(?:"((?:[^"\\]|\\.)*)"|([a-zA-Z_][a-zA-Z0-9_.]*))\s*(=\s*"((?:[^"\\]|\\.)*)")?\s*,?\s*'
)
_ESCAPED = re.compile(r"\\(.)")
_CHARACTERS = {"n": "\n"}
_PLAIN_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


class BadLine(ValueError):
    """A line that is no sample."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample as it is written in a line."""

    name: str
    labels: Mapping[str, str]
    rest: str
    """The value as it is written, and what follows it: a time, an exemplar."""

    @property
    def value(self) -> float:
        """The value. Raises BadLine if it is no number."""
        try:
            return float(self.rest.split()[0])
        except (ValueError, IndexError):
            raise BadLine(f"the value {self.rest[:80]!r} is no number") from None


def read(line: str) -> Sample:
    """Return the sample in a line. Raises BadLine."""
    begun = _NAME.match(line)
    name, place = (begun[1] or "", begun.end()) if begun else ("", 0)
    labels: dict[str, str] = {}
    if line[place : place + 1] == "{":
        name, place = _labels(line, place + 1, name, labels)
    if not name:
        raise BadLine("there is no name of a metric")
    rest = line[place:].strip()
    if not rest:
        raise BadLine("there is no value")
    return Sample(name, labels, rest)


def labels(text: str) -> dict[str, str]:
    """Return labels that are written in braces: `{namespace="shop",pod="cart-1"}`. Raises BadLine."""
    found: dict[str, str] = {}
    _, end = _labels(text, 1, "", found) if text.startswith("{") else ("", 0)
    if not end or text[end:].strip():
        raise BadLine('labels are written as {namespace="shop",pod="cart-1"}')
    return found


def _labels(line: str, place: int, name: str, found: dict[str, str]) -> tuple[str, int]:
    """Add the labels from `place` on to `found`; return the metric's name and the place after the brace."""
    while line[place : place + 1] != "}":
        part = _PART.match(line, place)
        if part is None:
            raise BadLine(f"the labels are not closed with a brace, at character {place + 1}")
        label = _unescaped(part[1]) if part[1] is not None else part[2]
        if part[3] is not None:
            found[label] = _unescaped(part[4])
        elif part[1] is not None and not name:
            name = label
        else:
            raise BadLine(f"the label {label[:80]!r} has no value in quotes")
        place = part.end()
    return name, place + 1


def write(sample: Sample) -> str:
    """Return the line of a sample."""
    plain = _PLAIN_NAME.fullmatch(sample.name)
    parts = [] if plain else [_quoted(sample.name)]
    parts += [f"{_label(label)}={_quoted(value)}" for label, value in sample.labels.items()]
    return f"{sample.name if plain else ''}{braced(parts)} {sample.rest}"


def written_labels(given: Mapping[str, str]) -> str:
    """Return labels in braces."""
    return "{" + ",".join(f"{_label(label)}={_quoted(value)}" for label, value in given.items()) + "}"


def braced(parts: list[str]) -> str:
    """Return the parts in braces; an empty text if there are none."""
    return "{" + ",".join(parts) + "}" if parts else ""


def _label(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: _CHARACTERS.get(found[1], found[1]), text) if "\\" in text else text
