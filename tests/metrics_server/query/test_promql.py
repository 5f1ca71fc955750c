from __future__ import annotations

import datetime
import re
from typing import Any

import promql_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics_server.query import promql

HOSTILE = st.text(
    st.sampled_from("\"\\'`\n\r\t{}[](),=~!|.*+?^$#& -\x00\x07\x7f\u2028é漢🙂ab1")
    | st.characters(codec="utf-8"),
    max_size=20,
)


def matchers(selector: Any) -> list[tuple[str, Any, str]]:
    return [(one.name, one.op, one.value) for one in selector.matchers.matchers]


@settings(deadline=None, max_examples=150)
@given(HOSTILE)
def test_any_text_is_one_value_of_one_selector(value: str) -> None:
    parsed = promql_parser.parse(promql.selector(["up"], [promql.Matcher("namespace", "=", value)]))
    assert isinstance(parsed, promql_parser.VectorSelector)
    assert matchers(parsed) == [
        ("__name__", promql_parser.MatchOp.Equal, "up"),
        ("namespace", promql_parser.MatchOp.Equal, value),
    ]


@settings(deadline=None, max_examples=150)
@given(HOSTILE)
def test_any_text_made_literal_stays_one_matcher_and_matches_itself(value: str) -> None:
    parsed = promql_parser.parse(
        promql.selector(["up"], [promql.Matcher("pod", "=~", promql.literal(value))])
    )
    ((_, _, pattern),) = [one for one in matchers(parsed) if one[0] == "pod"]
    assert re.fullmatch(pattern, value)


@settings(deadline=None, max_examples=150)
@given(HOSTILE, HOSTILE)
def test_a_literal_matches_its_text_and_nothing_else(text: str, other: str) -> None:
    assert re.fullmatch(promql.literal(text), text)
    assert (re.fullmatch(promql.literal(text), other) is not None) == (text == other)


@settings(deadline=None, max_examples=100)
@given(st.lists(HOSTILE, min_size=1, max_size=4), HOSTILE)
def test_any_of_matches_each_of_its_names_and_nothing_else(names: list[str], other: str) -> None:
    pattern = promql.any_of(names)
    assert all(re.fullmatch(pattern, name) for name in names)
    assert (re.fullmatch(pattern, other) is not None) == (other in names)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", '""'),
        ("shop", '"shop"'),
        ('a"b', r'"a\"b"'),
        ("a\\b", r'"a\\b"'),
        ("a\nb\tc\rd", r'"a\nb\tc\rd"'),
        ('"} or vector(1) or {x="', r'"\"} or vector(1) or {x=\""'),
    ],
)
def test_a_string_is_quoted_as_go_would(text: str, quoted: str) -> None:
    assert promql.quote(text) == quoted


def test_one_metric_is_named_exactly_and_several_by_pattern() -> None:
    assert promql.selector(["up"]) == '{__name__="up"}'
    assert promql.selector(["up", "a:b"], [promql.Matcher("x", "!~", "y|")]) == '{__name__=~"up|a:b",x!~"y|"}'


@pytest.mark.parametrize(
    ("seconds", "text"), [(30.0, "30s"), (1.0, "1s"), (0.5, "500ms"), (7.5, "7500ms"), (86400.0, "86400s")]
)
def test_seconds_are_a_duration_prometheus_reads(seconds: float, text: str) -> None:
    assert promql.seconds(seconds) == text
    parsed = promql_parser.parse(promql.over("up", seconds))
    assert isinstance(parsed, promql_parser.MatrixSelector)
    assert parsed.range == datetime.timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (promql.times("a", 0.5), "a * 0.5"),
        (promql.rate('{__name__="a"}', 30), 'rate({__name__="a"}[30s])'),
        (promql.sum_by(("le", "pod"), "a"), "sum by (le,pod) (a)"),
        (promql.either(["a", "b", "c"]), "a or b or c"),
        (promql.sample("a", 20), 'topk(20, {__name__="a"})'),
        (promql.PROBE, "vector(1)"),
    ],
)
def test_every_form_is_what_it_says_and_parses(query: str, text: str) -> None:
    assert query == text
    promql_parser.parse(query)
