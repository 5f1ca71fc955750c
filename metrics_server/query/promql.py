"""The only writer of PromQL.

Every value that comes from a request, a profile or a label is quoted here, so that a hostile name is a name
and nothing more. Regular expressions are RE2, fully anchored by Prometheus; `literal` makes one that
matches exactly its text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

PROBE = "vector(1)"
"""The least a query API can be asked: whether it answers at all."""

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SPECIAL = frozenset("\\.+*?()|[]{}^$")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One label matcher of a selector."""

    label: str
    operator: Literal["=", "!=", "=~", "!~"]
    value: str


def quote(value: str) -> str:
    """Return `value` as a PromQL string."""
    return '"' + "".join(_ESCAPES.get(character, character) for character in value) + '"'


def literal(value: str) -> str:
    """Return a regular expression that matches `value` and nothing else."""
    return "".join(f"\\{character}" if character in _SPECIAL else character for character in value)


def any_of(names: Iterable[str]) -> str:
    """Return a regular expression that matches any of `names`."""
    return "|".join(literal(name) for name in names)


def selector(names: Sequence[str], matchers: Iterable[Matcher] = ()) -> str:
    """Return a selector of the series with one of these metric names and all of these matchers."""
    name = Matcher("__name__", "=~", any_of(names)) if len(names) > 1 else Matcher("__name__", "=", names[0])
    parts = (f"{m.label}{m.operator}{quote(m.value)}" for m in (name, *matchers))
    return "{" + ",".join(parts) + "}"


def seconds(value: float) -> str:
    """Return a PromQL duration."""
    return f"{round(value * 1000)}ms" if value % 1 else f"{round(value)}s"


def over(series: str, window: float) -> str:
    """Return the range of `series` over the last `window` seconds."""
    return f"{series}[{seconds(window)}]"


def rate(series: str, window: float) -> str:
    """Return the increase per second of `series` over the last `window` seconds."""
    return f"rate({over(series, window)})"


def times(expression: str, factor: float) -> str:
    """Return a multiple of `expression`."""
    return f"{expression} * {factor:g}"


def sum_by(labels: Iterable[str], expression: str) -> str:
    """Return the sum of `expression` by these labels."""
    return f"sum by ({','.join(labels)}) ({expression})"


def last(series: str, window: float) -> str:
    """Return the newest value of `series` in the last `window` seconds."""
    return f"last_over_time({over(series, window)})"


def max_by(labels: Iterable[str], expression: str) -> str:
    """Return the greatest of `expression` by these labels."""
    return f"max by ({','.join(labels)}) ({expression})"


def marked(expression: str, label: str, value: str) -> str:
    """Return `expression` with one more label."""
    return f'label_replace({expression}, {quote(label)}, {quote(value)}, "", "")'


def either(expressions: Iterable[str]) -> str:
    """Return the union of expressions whose label sets do not meet; of equal label sets the first wins."""
    return " or ".join(expressions)


def sample(metrics: Sequence[str], count: int) -> str:
    """Return a few series of some metrics: enough to see their labels, whatever their number."""
    return f"topk({count}, {selector(metrics)})"


def count(series: str) -> str:
    """Return how many `series` there are, if any."""
    return f"count({series})"
