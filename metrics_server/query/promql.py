"""Writes PromQL; no other module does.

Every value that comes from a request, a profile or a label is quoted here, so that a hostile name cannot
change the query. Regular expressions are in RE2 syntax, and Prometheus anchors them at both ends.
https://prometheus.io/docs/prometheus/latest/querying/basics/
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from metrics_server.model import label_matchers

Matcher = label_matchers.Matcher
PROBE = "vector(1)"
"""A trivial query, to see whether the query API answers at all."""
NOW = "vector(time())"
"""The time at which the query is evaluated, Unix seconds."""

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SPECIAL = frozenset("\\.+*?()|[]{}^$")


def quote(value: str) -> str:
    """Return `value` as a quoted PromQL string."""
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
    return "{" + ",".join(map(written, (name, *matchers))) + "}"


def every(matchers: Iterable[Matcher]) -> str:
    """Return a selector of the series of all metrics with these matchers."""
    return "{" + ",".join(map(written, (Matcher("__name__", "!=", ""), *matchers))) + "}"


def written(matcher: Matcher) -> str:
    """Return a matcher as it stands in a selector."""
    return f"{matcher.label}{matcher.operator}{quote(matcher.value)}"


def seconds(value: float) -> str:
    """Return seconds as a PromQL duration: `30s`, `1500ms`."""
    return f"{round(value * 1000)}ms" if value % 1 else f"{round(value)}s"


def over(series: str, window: float) -> str:
    """Return the range selector of `series` over the last `window` seconds."""
    return f"{series}[{seconds(window)}]"


def rate(series: str, window: float) -> str:
    """Return the increase per second of `series` over the last `window` seconds."""
    return f"rate({over(series, window)})"


def times(expression: str, factor: float) -> str:
    """Return `expression` times a factor."""
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
    """Return `expression` with a label added."""
    return f'label_replace({expression}, {quote(label)}, {quote(value)}, "", "")'


def either(expressions: Iterable[str]) -> str:
    """Return the union of expressions. Of series with equal labels, that of the first expression is kept."""
    return " or ".join(expressions)


def sample(metrics: Sequence[str], count: int) -> str:
    """Return at most `count` series of some metrics, to look at their labels."""
    return f"topk({count}, {selector(metrics)})"


def count_by(labels: Iterable[str], expression: str) -> str:
    """Return the number of results of `expression` by these labels."""
    return f"count by ({','.join(labels)}) ({expression})"


def newest(series: str) -> str:
    """Return the time of the newest sample of `series`, Unix seconds."""
    return f"max(timestamp({series}))"


def count(series: str) -> str:
    """Return the number of `series`; no result if there are none."""
    return f"count({series})"
