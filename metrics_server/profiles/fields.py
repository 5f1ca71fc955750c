"""What a mesh's file of facts is made of: names of labels and metrics, and patterns of their values.

Patterns are matched in full, against values of at most 1,024 characters, and are kept in a dialect that
Prometheus (RE2) and Python read alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

import pydantic

LONGEST_VALUE = 1024
SECONDS: Mapping[str, float] = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""Per unit."""


def _check_pattern(text: str) -> str:
    """Refuse what does not compile, what RE2 does not know and what can backtrack without end."""
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a pattern: {error}") from error
    if re.search(r"\(\?[=!<#]|\\\d|[+*}]\)[+*{]|\(\?P=", text.replace("(?P<", "(")):
        raise ValueError("look-around, back references and nested repetition are not allowed")
    return text


LabelName = Annotated[str, pydantic.Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
MetricName = Annotated[str, pydantic.Field(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
Pattern = Annotated[str, pydantic.AfterValidator(_check_pattern)]


class Facts(pydantic.BaseModel):
    """Some facts that belong together: never changed, and none but those that are known here."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


def all_match(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Return whether each of these labels has a value that its pattern matches; one that is missing is
    empty.
    """
    return all(re.fullmatch(pattern, labels.get(label, "")) for label, pattern in wanted.items())


def are_apart(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return whether no series is of both: the plain value one gives a label does not match the other."""
    return any(
        label in other and (_excludes(value, other[label]) or _excludes(other[label], value))
        for label, value in one.items()
    )


def _excludes(value: str, pattern: str) -> bool:
    """Whether a pattern is a plain value, and another one does not match it."""
    return _is_plain(value) and not re.fullmatch(pattern, value)


def _is_plain(pattern: str) -> bool:
    return not re.search(r"[][.^$*+?{}\\\\|()]", pattern)
