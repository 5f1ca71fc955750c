"""Adapts written queries to a backend: adds matchers to every selector, and names metrics one by one.

Some backends refuse a regular expression on `__name__`, such as Google's Managed Service for Prometheus. For
them a selector of several metrics becomes one selector for each:

* a query for raw samples becomes several queries, because `or` does not join ranges;
* a function of one selector becomes the `or` of that function for each metric;
* any other selector becomes the `or` of the selectors.

`or` keeps one of two series that differ in the metric only. So inside an aggregation (`sum`, `count`, `max`)
each alternative gets a label with its metric, which the aggregation removes again. Elsewhere the series of
the first metric is kept, which is enough for the queries that look at labels or at presence (`topk`).

Queries are read as `promql` writes them: every selector is in braces and begins with `__name__`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from metrics_server.query import promql

_AGGREGATIONS = frozenset({"sum", "min", "max", "avg", "count", "group", "quantile"})
"""Operators whose result has the labels after `by` only."""
_CHOICES = frozenset({"topk", "bottomk"})
"""Operators whose result has the labels of the series."""
_METRIC = "trafficmetrics_metric"
"""The label that is added inside an aggregation."""
_RANGE = re.compile(r"\[[^]]*\]")
_CALLED = re.compile(r"([a-z_0-9]+)(?:\s+by\s+\([^()]*\)\s*)?$")
_NAMES = re.compile(r'\{__name__=~"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How queries are adapted."""

    always: tuple[promql.Matcher, ...] = ()
    """Matchers that every selector gets."""

    exact_names: bool = False
    """Whether metrics are named one by one."""


def adapted(query: str, dialect: Dialect) -> tuple[str, ...]:
    """Return a query as the queries to send, whose answers together are its answer."""
    pending, done = [query], []
    while pending:
        one = pending.pop(0)
        named = _first_pattern(one) if dialect.exact_names else None
        if named is None:
            done.append(_narrowed(one, dialect.always))
        else:
            pending[:0] = _named_one_by_one(one, named)
    return tuple(done)


def names_a_pattern(query: str) -> bool:
    """Return whether a query selects several metrics by a regular expression."""
    return _first_pattern(query) is not None


@dataclass(frozen=True, slots=True)
class _Span:
    """A part of a query: its first index, and the index after it."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A selector of several metrics."""

    selector: _Span
    names: tuple[str, ...]
    rest: str
    """What follows the names, up to the closing brace."""


def _first_pattern(query: str) -> _Pattern | None:
    for span in _selectors(query):
        if found := _NAMES.match(query, span.start):
            # The names of metrics hold no special characters, so that each backslash is an escape.
            names = tuple(found[1].replace("\\", "").split("|"))
            return _Pattern(span, names, query[found.end() : span.end])
    return None


def _selectors(query: str) -> list[_Span]:
    """Return the places of all selectors, from `{` to `}`."""
    found: list[_Span] = []
    begun: int | None = None
    for index, character in _outside_of_strings(query):
        if character == "{":
            begun = index
        elif character == "}" and begun is not None:
            found.append(_Span(begun, index + 1))
            begun = None
    return found


def _outside_of_strings(query: str) -> list[tuple[int, str]]:
    """Return the characters that are in no quoted string, with their indices."""
    found, quoted, position = [], False, 0
    while position < len(query):
        character = query[position]
        if quoted and character == "\\":
            position += 1
        elif character == '"':
            quoted = not quoted
        elif not quoted:
            found.append((position, character))
        position += 1
    return found


def _named_one_by_one(query: str, pattern: _Pattern) -> list[str]:
    """Return the queries in which one selector names its metrics one by one."""
    selector = pattern.selector
    each = [f'{{__name__="{name}"{pattern.rest}' for name in pattern.names]
    ranged = _RANGE.match(query, selector.end)
    if ranged is not None and (selector.start, ranged.end()) == (0, len(query)):
        return [one + ranged[0] for one in each]
    whole = _call(query, selector, ranged=ranged is not None)
    before, after = query[whole.start : selector.start], query[selector.end : whole.end]
    alternatives = [f"{before}{one}{after}" for one in each]
    if _AGGREGATIONS & {name for name, _ in _enclosing(query, whole.start)}:
        alternatives = [
            promql.marked(one, _METRIC, name) for one, name in zip(alternatives, pattern.names, strict=True)
        ]
    joined = promql.either(alternatives)
    return [f"{query[: whole.start]}({joined}){query[whole.end :]}"]


def _enclosing(query: str, position: int) -> list[tuple[str, int]]:
    """Return the functions and operators whose parentheses enclose a position, the innermost first, each with
    the index where it begins. Parentheses without a name are left out.
    """
    found = []
    depth = 0
    for index, character in reversed([one for one in _outside_of_strings(query) if one[0] < position]):
        depth += (character == ")") - (character == "(")
        if depth < 0:
            depth = 0
            if called := _CALLED.search(query[:index]):
                found.append((called[1], called.start()))
    return found


def _call(query: str, selector: _Span, *, ranged: bool) -> _Span:
    """Return the call of a function around a selector; without one, or in an aggregation, the selector."""
    name, start = next(iter(_enclosing(query, selector.start)), ("", 0))
    if not name or (name in _AGGREGATIONS | _CHOICES and not ranged):
        return selector
    depth = 0
    for index, character in _outside_of_strings(query):
        if index < selector.end:
            continue
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return _Span(start, index + 1)
    return selector


def _narrowed(query: str, always: Sequence[promql.Matcher]) -> str:
    """Return the query with these matchers at the end of every selector."""
    added = "".join(f",{promql.written(matcher)}" for matcher in always)
    if not added:
        return query
    for selector in reversed(_selectors(query)):
        query = f"{query[: selector.end - 1]}{added}{query[selector.end - 1 :]}"
    return query
