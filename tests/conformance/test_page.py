"""The documented table is the tested one."""

from tests.conformance import differences, page, rows


def test_the_page_shows_every_row_that_is_tried() -> None:
    assert page.FILE.read_text() == page.written(), "run: python -m tests.conformance"


def test_every_difference_is_one_of_a_row_that_is_tried() -> None:
    tried = {row.id for row in rows.declared()}

    assert {name for name, _ in differences.DIFFERENCES} <= tried


def test_every_row_has_one_sentence() -> None:
    found = [row.id for row in rows.declared()]

    assert len(found) == len(set(found))
