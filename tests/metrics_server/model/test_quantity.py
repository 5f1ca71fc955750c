from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics_server.model import quantity

NANO = Decimal("1e-9")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (12.0, "12"),
        (0.0482, "48200u"),
        (0.021, "21m"),
        (1.5, "1500m"),
        (0.00073, "730u"),
        (1e-9, "1n"),
        (1.000000001, "1000000001n"),
        (-0.5, "-500m"),
        (-3.0, "-3"),
    ],
)
def test_a_value_is_the_shortest_quantity_of_nano_precision(value: float, text: str) -> None:
    assert quantity.render(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.4e-9, "0"), (0.6e-9, "1n"), (2.0**-10 * 1e-6, "1n"), (1 / 3, "333333333n"), (2 / 3, "666666667n")],
)
def test_what_is_finer_than_a_nano_is_rounded(value: float, text: str) -> None:
    assert quantity.render(value) == text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_has_no_quantity(value: float) -> None:
    with pytest.raises(ValueError, match="has no quantity"):
        quantity.render(value)


@settings(deadline=None, max_examples=100)
@given(st.floats(-1e12, 1e12))
def test_what_is_rendered_is_read_back_to_the_nano(value: float) -> None:
    exact = Decimal(value)
    assert abs(quantity.parse(quantity.render(value)) - exact) <= NANO / 2


@settings(deadline=None, max_examples=100)
@given(st.floats(-1e9, 1e9) | st.integers(-(10**9), 10**9).map(lambda thousands: thousands * 1000.0))
def test_a_rendered_quantity_has_no_fraction_and_the_largest_suffix(value: float) -> None:
    text = quantity.render(value)
    number, suffix = text.rstrip("numkMGTPE"), text.lstrip("-0123456789")
    assert number.lstrip("-").isdecimal()
    assert suffix in ("", *"numkMGTPE")
    assert int(number) % 1000 or text == "0"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("12", "12"),
        ("+12", "12"),
        ("-12", "-12"),
        ("1.5", "1.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("250m", "0.25"),
        ("48200u", "0.0482"),
        ("7n", "0.000000007"),
        ("4k", "4000"),
        ("2M", "2000000"),
        ("1.5G", "1500000000"),
        ("1T", "1e12"),
        ("1P", "1e15"),
        ("1E", "1e18"),
        ("1Ki", "1024"),
        ("1.5Mi", "1572864"),
        ("1Gi", str(1024**3)),
        ("1Ti", str(1024**4)),
        ("1Pi", str(1024**5)),
        ("1Ei", str(1024**6)),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("1.5e-3", "0.0015"),
        ("12e6", "12000000"),
    ],
)
def test_every_form_of_kubernetes_is_read(text: str, value: str) -> None:
    assert quantity.parse(text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "m",
        "1 m",
        "1mm",
        "1K",
        "1ki",
        "1x",
        "1e",
        "1.2.3",
        "٣",
        "--1",
        "1e3k",
        "NaN",
        "inf",
        "0x10",
        "1\n",
        ".",
    ],
)
def test_what_is_no_quantity_is_refused_with_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a quantity; write a number .* such as 250m"):
        quantity.parse(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30.0),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("1d", 86400.0),
        ("500ms", 0.5),
        ("1.5s", 1.5),
        ("1m30s", 90.0),
        ("1m500ms", 60.5),
        ("0s", 0.0),
    ],
)
def test_a_duration_is_read_as_seconds(text: str, seconds: float) -> None:
    assert quantity.duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    ["", "30", "s", "5x", "5 m", "-5m", "+5m", "1h 30m", "5M", "1e3s", "m5", "5m!", "5m\n", ".5s", "٣s"],
)
def test_what_is_no_duration_is_refused_with_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write one such as 30s, 5m or 1h30m"):
        quantity.duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.4, "0s"),
        (30, "30s"),
        (60, "1m"),
        (90, "1m30s"),
        (3600, "1h"),
        (5400, "1h30m"),
        (86400, "24h"),
    ],
)
def test_a_duration_is_printed_without_empty_parts(seconds: float, text: str) -> None:
    assert quantity.render_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (30.0, "30s"),
        (13.8724, "13.872s"),
        (13.9, "13.9s"),
        (59.9996, "1m"),
        (90.25, "1m30.25s"),
        (60.5, "1m0.5s"),
    ],
)
def test_a_duration_may_have_decimals(seconds: float, text: str) -> None:
    assert quantity.render_duration(seconds, decimals=3) == text


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6))
def test_a_printed_duration_is_read_back(seconds: int) -> None:
    assert quantity.duration(quantity.render_duration(seconds)) == seconds
