"""Label matchers of operators are read strictly, and a mistake says what to write."""

from __future__ import annotations

from typing import Any

import promql_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics_server.model import label_matchers
from metrics_server.query import promql

Matcher = label_matchers.Matcher


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        ('cluster="eu"', [("cluster", "=", "eu")]),
        ('{cluster="eu"}', [("cluster", "=", "eu")]),
        (' cluster = "eu" , env !~ "test|dev" , ', [("cluster", "=", "eu"), ("env", "!~", "test|dev")]),
        ("a='1',b!=`2\\d`", [("a", "=", "1"), ("b", "!=", "2\\d")]),
        (r'a="x\"y\\z"', [("a", "=", 'x"y\\z')]),
        ('a="},{"', [("a", "=", "},{")]),
        (r'a=~"eu-\\d+|\\pL"', [("a", "=~", r"eu-\d+|\pL")]),
        ('a=""', [("a", "=", "")]),
    ],
)
def test_matchers_are_read(text: str, matchers: list[tuple[str, str, str]]) -> None:
    found = label_matchers.parse(text)
    assert [(one.label, one.operator, one.value) for one in found] == matchers


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "give at least one label matcher"),
        ("{}", "give at least one label matcher"),
        ("cluster=eu", 'put the value in double quotes: cluster="eu"'),
        ("cluster", "give one of the operators = != =~ !~ after the label 'cluster'"),
        ('cluster=="eu"', "put the value in double quotes"),
        ('cluster:"eu"', "give one of the operators"),
        ('cluster="eu', 'give the closing quote "'),
        ('cluster="eu" env="x"', "give a comma between two matchers"),
        ('cluster="eu"} or up{a="b"', "give a comma between two matchers"),
        ('__name__="up"', "the server chooses the names of metrics"),
        ('my.label="x"', "give one of the operators"),
        ('"k8s.cluster"="x"', "give a label, an operator and a value"),
        (r'a="\d"', "give two backslashes for one"),
        ('a="x\\', "give two backslashes for one"),
        ('a=~"("', "give a regular expression that Prometheus knows"),
        ('a=~"(?=x)"', "without look-around and back references"),
        (',a="x"', "give a label, an operator and a value"),
    ],
)
def test_a_mistake_says_what_to_give(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"give|put") as refused:
        label_matchers.parse(text)
    assert words in str(refused.value)


@settings(deadline=None, max_examples=200)
@given(
    st.text(st.sampled_from("\"\\'`{}[](),=~!|.*+\n\r\t ab1é") | st.characters(codec="utf-8"), max_size=12)
)
def test_what_was_read_is_quoted_again_as_one_value(value: str) -> None:
    (matcher,) = label_matchers.parse(f"cluster={promql.quote(value)}")
    assert matcher == Matcher("cluster", "=", value)
    parsed: Any = promql_parser.parse(promql.selector(["up"], [matcher]))
    assert parsed.matchers.matchers[-1].value == value


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from("abc=!~\"'`\\{},() "), max_size=15))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = label_matchers.parse(text)
    except ValueError:
        return
    promql_parser.parse(promql.selector(["up"], found))
