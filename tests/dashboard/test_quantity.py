"""Quantities are read exactly."""

from fractions import Fraction

import hypothesis
import pytest
from hypothesis import strategies as st

from dashboard.client import quantity

_SUFFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


@hypothesis.given(st.integers(-(10**15), 10**15), st.sampled_from(sorted(_SUFFIXES)))
def test_a_spelled_integer_comes_back_exactly(number: int, suffix: str) -> None:
    assert quantity.parse(f"{number}{suffix}") == number * Fraction(10) ** _SUFFIXES[suffix]


@hypothesis.given(
    st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**12), max_value=10**12)
)
def test_a_decimal_comes_back_exactly(number: object) -> None:
    assert quantity.parse(f"{number:f}") == Fraction(f"{number:f}")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("48200u", Fraction("0.0482")),
        ("1Ki", Fraction(1024)),
        ("1.5Mi", Fraction(1572864)),
        ("1E", Fraction(10**18)),
        ("1E3", Fraction(1000)),
        ("12e-1", Fraction("1.2")),
        (".5", Fraction("0.5")),
        ("+3.", Fraction(3)),
    ],
)
def test_every_form_kubernetes_knows_is_read(text: str, number: Fraction) -> None:
    assert quantity.parse(text) == number


@pytest.mark.parametrize("text", ["", "m", "1 k", "1K", "NaN", "Inf", "1e", "1e9999", "--1", "0x10", "1kk"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        quantity.parse(text)
