"""The documented limits are those of the programs."""

import collections
import re

import pytest

from metrics_server.settings import settings
from tests.deploy import limits, limits_table


def test_the_page_shows_every_limit() -> None:
    assert limits_table.FILE.read_text() == limits_table.written(), "run: python -m tests.deploy"


def test_every_setting_that_is_a_number_is_a_limit_on_the_page() -> None:
    fields = settings.Settings.model_fields.items()
    numbers = {name for name, field in fields if re.search(r"\b(int|float)\b", str(field.annotation))}

    assert {limit.setting for limit in limits.rows() if limit.setting} == numbers, "tests/deploy/limits.py"


def test_no_two_rows_have_the_same_name() -> None:
    names = collections.Counter(limit.name for limit in limits.rows())

    assert [name for name, times in names.items() if times > 1] == []


def test_only_a_setting_can_be_zero() -> None:
    assert [limit.name for limit in limits.rows() if not limit.value > 0 and not limit.setting] == []


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1 << 20, limits.BYTES, "1 MiB"),
        (256 << 10, limits.BYTES, "256 KiB"),
        (3800, limits.BYTES, "3,800 bytes"),
        (3600.0, limits.SECONDS, "3,600 s"),
        (1.5, limits.SECONDS, "1.5 s"),
        (1024, "connections", "1,024 connections"),
    ],
)
def test_a_limit_is_written_as_people_write_it(value: float, unit: str, text: str) -> None:
    assert limits_table.shown(limits.Limit("any", value, unit, "")) == text
