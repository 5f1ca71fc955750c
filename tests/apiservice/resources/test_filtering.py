from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiservice.request import list_options, selectors
from apiservice.resources import declaration, filtering

PLACES = st.tuples(st.sampled_from(["", "a", "b"]), st.text("xyz", max_size=2))


@given(st.lists(PLACES))
def test_any_order_of_rows_becomes_the_same_order(places: list[tuple[str, str]]) -> None:
    rows = [declaration.Row({"metadata": {"namespace": where, "name": name}}) for where, name in places]
    selected = filtering.select(rows, selection=list_options.EVERYTHING)
    found = [(row.object["metadata"]["namespace"], row.object["metadata"]["name"]) for row in selected]
    assert found == sorted(places)


@pytest.mark.parametrize(
    "whole", [{}, {"metadata": {}}, {"metadata": {"labels": None}}, {"metadata": {"labels": {}}}]
)
def test_an_object_without_labels_is_listed_and_not_selected_by_any(whole: dict[str, Any]) -> None:
    rows = [declaration.Row(whole)]
    labelled = list_options.Selection(labels=selectors.LabelSelector.parse("a"))
    assert filtering.select(rows, selection=list_options.EVERYTHING) == rows
    assert filtering.select(rows, selection=labelled) == []


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("spec.colour", "red"),
        ("spec.ripe", "true"),
        ("spec.pips", "7"),
        ("spec.core", ""),
        ("spec.none", ""),
        ("spec.colour.hue", ""),
        ("absent.altogether", ""),
    ],
)
def test_a_field_is_selected_by_its_text(field: str, text: str) -> None:
    row = declaration.Row({"spec": {"colour": "red", "ripe": True, "pips": 7, "none": None}})
    same = list_options.Selection(fields=selectors.FieldSelector.parse(f"{field}={text}"))
    other = list_options.Selection(fields=selectors.FieldSelector.parse(f"{field}!={text}"))
    assert filtering.select([row], selection=same) == [row]
    assert filtering.select([row], selection=other) == []


def test_the_rows_of_the_provider_are_left_as_they_are() -> None:
    rows = [declaration.Row({"metadata": {"name": name}}) for name in "ba"]
    filtering.select(rows, selection=list_options.EVERYTHING)
    assert [row.object["metadata"]["name"] for row in rows] == ["b", "a"]
