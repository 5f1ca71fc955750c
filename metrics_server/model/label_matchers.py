"""Label matchers, and a strict reader of those that an operator writes: `cluster="eu",env!~"test|dev"`.

The reader knows names, operators and quoted values of PromQL, and nothing else, so that its text can only
narrow a query. Each mistake says what to write instead.
https://prometheus.io/docs/prometheus/latest/querying/basics/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

Operator = Literal["=", "!=", "=~", "!~"]
_EXAMPLE = 'such as cluster="eu"'
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OPERATOR = re.compile(r"=~|!~|!=|=")
_SPACE = re.compile(r"\s*")
_QUOTES = "\"'`"
_ESCAPED = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "r": "\r", "t": "\t"}
_ONLY_RE2 = re.compile(r"\\[pPzQC]|\[\[:")
"""Syntax of RE2 that Python does not know."""
_NOT_RE2 = re.compile(r"\(\?(<?[=!]|#|P=|\()|\\[1-9]")
"""Look-around, comments and back references, which RE2 does not know."""
_SHOWN = 40
"""Characters of a text that a message quotes."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One label matcher of a selector."""

    label: str
    operator: Operator
    value: str


def parse(text: str) -> tuple[Matcher, ...]:
    """Return the matchers in a text, which may stand in braces. Raises ValueError with the reason."""
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1]
    found: list[Matcher] = []
    position = _after_space(inner, 0)
    while position < len(inner):
        matcher, position = _matcher(inner, position)
        found.append(matcher)
        position = _after_space(inner, position)
        if position == len(inner):
            break
        if inner[position] != ",":
            raise ValueError(f"give a comma between two matchers, before {_shown(inner, position)}")
        position = _after_space(inner, position + 1)
    if not found:
        raise ValueError(f"give at least one label matcher, {_EXAMPLE}")
    return tuple(found)


def _matcher(text: str, position: int) -> tuple[Matcher, int]:
    """Return the matcher that begins at `position`, and the position after it. Raises ValueError."""
    name = _NAME.match(text, position)
    if name is None:
        raise ValueError(f"give a label, an operator and a value, {_EXAMPLE}, at {_shown(text, position)}")
    if name[0] == "__name__":
        raise ValueError("give matchers of labels; the server chooses the names of metrics (__name__) itself")
    position = _after_space(text, name.end())
    operator = _OPERATOR.match(text, position)
    if operator is None:
        raise ValueError(f"give one of the operators = != =~ !~ after the label {_shown(name[0])}")
    value, position = _quoted(text, _after_space(text, operator.end()), name[0][:_SHOWN] + operator[0])
    if operator[0] in ("=~", "!~"):
        _check_pattern(value)
    return Matcher(name[0], cast(Operator, operator[0]), value), position


def _quoted(text: str, position: int, before: str) -> tuple[str, int]:
    """Return the value of the quoted text at `position`, and the position after it. Raises ValueError."""
    quote = text[position : position + 1]
    if not quote or quote not in _QUOTES:
        bare = re.match(r'[^,}"\s]*', text[position:])
        raise ValueError(f'put the value in double quotes: {before}"{(bare[0] if bare else "")[:_SHOWN]}"')
    value: list[str] = []
    position += 1
    while position < len(text):
        character = text[position]
        if character == quote:
            return "".join(value), position + 1
        if character == "\\" and quote != "`":
            escaped = text[position + 1 : position + 2]
            if escaped not in _ESCAPED or not escaped:
                raise ValueError(f"give two backslashes for one in a value, at {_shown(text, position)}")
            character, position = _ESCAPED[escaped], position + 1
        value.append(character)
        position += 1
    raise ValueError(f"give the closing quote {quote} of the value after {before}")


def _check_pattern(pattern: str) -> None:
    """Raises ValueError for a regular expression that Prometheus (RE2) does not know."""
    if _NOT_RE2.search(pattern):
        raise ValueError(
            f"give a regular expression without look-around and back references, not {_shown(pattern)}"
        )
    if _ONLY_RE2.search(pattern):
        return
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"give a regular expression that Prometheus knows, not {_shown(pattern)}: {error}"
        ) from None


def _after_space(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return space.end() if space else position


def _shown(text: str, position: int = 0) -> str:
    rest = text[position:]
    return repr(rest if len(rest) <= _SHOWN else f"{rest[:_SHOWN]}…")
