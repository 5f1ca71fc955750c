import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiservice.http import errors
from apiservice.request import selectors

LABELS = {"app": "cart", "tier": "back", "empty": "", "weight": "7", "example.com/zone": "a"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("  ", True),
        ("app", True),
        ("nope", False),
        ("!nope", True),
        ("! app", False),
        ("app=cart", True),
        ("app==cart", True),
        ("app = cart", True),
        ("app=other", False),
        ("app!=cart", False),
        ("app!=other", True),
        ("nope!=x", True),
        ("nope=", False),
        ("empty=", True),
        ("empty", True),
        ("app in (cart,db)", True),
        ("app in(db)", False),
        ("empty in (,x)", True),
        ("nope in ()", False),
        ("app notin (db)", True),
        ("app notin (cart)", False),
        ("nope notin (a)", True),
        ("weight>6", True),
        ("weight<7", False),
        ("weight < 8", True),
        ("app>1", False),
        ("nope>1", False),
        ("app=cart,tier in (back)", True),
        ("app=cart,tier=front", False),
        ("example.com/zone=a", True),
        ("in in (a)", False),
        ("\tapp\n=\rcart ", True),
    ],
)
def test_a_label_selector_matches_as_kubernetes_does(text: str, matches: bool) -> None:
    assert selectors.LabelSelector.parse(text).matches(LABELS) is matches


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("app in (b", "found the end at position 10, expected ',' or ')'"),
        ("app in", "found the end at position 7, expected '('"),
        ("app in b", "found 'b' at position 8, expected '('"),
        ("a b", "found 'b' at position 3, expected an operator (=, ==, !=, in, notin, <, >), ',' or the end"),
        ("a,", "found the end at position 3, expected a label key"),
        (",a", "found ',' at position 1, expected a label key"),
        ("a,,b", "found ',' at position 3, expected a label key"),
        ("=x", "found '=' at position 1, expected a label key"),
        ("a=b=c", "found '=' at position 4, expected ',' or the end"),
        ("a=(", "found '(' at position 3, expected a label value"),
        ("!a=b", "found '=' at position 3, expected ',' or the end"),
        ("a>b", "found 'b' at position 3, expected an integer"),
        ("a>", "found the end at position 3, expected an integer"),
        ("a)", "found ')' at position 2, expected an operator"),
        ("-a", 'label key "-a" at position 1: its name must be letters'),
        ("UP.example/a", 'label key "UP.example/a" at position 1: its prefix must be a DNS subdomain'),
        ("/a", "its prefix must be a DNS subdomain"),
        ("a/", "its name must be letters"),
        ("a" * 64, "its name must be at most 63 characters"),
        ("a=" + "b" * 64, "at position 3: it must be at most 63 characters"),
        ("a=b$", 'label value "b$" at position 3: it must be letters'),
        ("a=é", 'label value "é" at position 3'),
    ],
)
def test_a_wrong_label_selector_is_refused_with_its_place_and_what_was_expected(text: str, why: str) -> None:
    with pytest.raises(errors.BadRequest, match=re.escape(f'label selector "{text}": ')) as refused:
        selectors.LabelSelector.parse(text)
    assert why in refused.value.message


NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9_.]{0,8}[a-z0-9])?", fullmatch=True)
VALUES = st.one_of(st.just(""), NAMES)


@given(key=NAMES, values=st.lists(VALUES, min_size=1, max_size=4), labels=st.dictionaries(NAMES, VALUES))
def test_notin_is_the_opposite_of_in(key: str, values: list[str], labels: dict[str, str]) -> None:
    inside = selectors.LabelSelector.parse(f"{key} in ({','.join(values)})")
    outside = selectors.LabelSelector.parse(f"{key} notin ({','.join(values)})")
    assert inside.matches(labels) is not outside.matches(labels)
    assert inside.matches({**labels, key: values[0]})


@given(labels=st.dictionaries(NAMES, VALUES, min_size=1))
def test_an_object_is_selected_by_all_of_its_labels(labels: dict[str, str]) -> None:
    selector = selectors.LabelSelector.parse(",".join(f"{key}={value}" for key, value in labels.items()))
    assert selector.matches(labels)
    key = next(iter(labels))
    assert not selector.matches({**labels, key: labels[key] + "x"})


@given(st.text(alphabet="ab=!(), ><in/-", max_size=20))
def test_any_text_is_parsed_or_refused_as_a_bad_request(text: str) -> None:
    for kind in (selectors.LabelSelector, selectors.FieldSelector):
        with contextlib.suppress(errors.BadRequest):
            assert isinstance(kind.parse(text), kind)


FIELDS = {"metadata.name": "cart", "spec.note": r"a,b=c\d", "empty": ""}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        (",,", True),
        ("metadata.name=cart", True),
        ("metadata.name==cart", True),
        ("metadata.name!=cart", False),
        ("metadata.name!=db", True),
        ("metadata.name=cart,metadata.name!=db", True),
        ("metadata.name=cart,metadata.name=db", False),
        ("empty=", True),
        ("absent=", True),
        ("absent!=x", True),
        (r"spec.note=a\,b\=c\\d", True),
        ("metadata.name= cart", False),
    ],
)
def test_a_field_selector_matches_as_kubernetes_does(text: str, matches: bool) -> None:
    assert selectors.FieldSelector.parse(text).matches(lambda field: FIELDS.get(field, "")) is matches


@given(st.text(max_size=12))
def test_an_escaped_field_value_is_read_back(value: str) -> None:
    escaped = re.sub(r"([\\,=])", r"\\\1", value)
    assert selectors.FieldSelector.parse(f"a={escaped},b=c").value_of("a") == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name", 'found no operator in "name"'),
        ("a=b,c", 'found no operator in "c"'),
        ("a=b=c", 'in the value "b=c"'),
        (r"a=b\x", r'in the value "b\x"'),
        ("a=b\\", 'in the value "b\\"'),
    ],
)
def test_a_wrong_field_selector_is_refused_with_the_part_that_is_wrong(text: str, why: str) -> None:
    with pytest.raises(errors.BadRequest) as refused:
        selectors.FieldSelector.parse(text)
    assert why in refused.value.message


def test_a_field_nobody_declared_is_refused_by_name() -> None:
    with pytest.raises(errors.BadRequest, match=r"^field label not supported: spec\.size \(supported: "):
        selectors.FieldSelector.parse("spec.size=1", allowed=frozenset({"spec.colour"}))


def test_declared_fields_and_those_of_every_object_are_allowed() -> None:
    text = "spec.colour=red,metadata.name=a,metadata.namespace=b"
    assert len(selectors.FieldSelector.parse(text, allowed=frozenset({"spec.colour"})).terms) == 3


def test_only_an_equality_gives_a_field_its_value() -> None:
    selector = selectors.FieldSelector.parse("a!=1,b=2")
    assert (selector.value_of("a"), selector.value_of("b"), selector.value_of("c")) == (None, "2", None)
