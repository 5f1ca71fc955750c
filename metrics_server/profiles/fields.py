"""The basic types of a profile: names of labels and metrics, and patterns for label values.

A pattern must match a whole value, of at most 1,024 characters. Only syntax that has the same meaning in
Prometheus (RE2, https://github.com/google/re2/wiki/Syntax) and in Python is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

import pydantic

LONGEST_VALUE = 1024
"""Characters of a label value that are read."""
SECONDS: Mapping[str, float] = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""Seconds per unit."""


def _check_pattern(text: str) -> str:
    """Return a pattern that compiles, that RE2 knows, and that cannot backtrack exponentially. Raises
    ValueError.
    """
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


class StrictModel(pydantic.BaseModel):
    """A part of a profile or a policy: immutable, and without unknown keys."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


def all_match(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Return whether the value of each wanted label matches its pattern. A missing label has an empty
    value.
    """
    return all(re.fullmatch(pattern, labels.get(label, "")) for label, pattern in wanted.items())


def any_match(unwanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Return whether the value of at least one of the unwanted labels matches its pattern."""
    return any(re.fullmatch(pattern, labels.get(label, "")) for label, pattern in unwanted.items())


def are_apart(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return whether no series can match both: they differ in a label for which one has a plain value."""
    return any(
        label in other and (_excludes(value, other[label]) or _excludes(other[label], value))
        for label, value in one.items()
    )


def _excludes(value: str, pattern: str) -> bool:
    """Whether `value` is a plain value that `pattern` does not match."""
    return _is_plain(value) and not re.fullmatch(pattern, value)


def _is_plain(pattern: str) -> bool:
    """Whether a pattern has no special characters, so that it matches one value."""
    return not re.search(r"[][.^$*+?{}\\\\|()]", pattern)
