from hypothesis import given
from hypothesis import strategies as st

from apiservice.http import warning_headers


def test_nothing_to_warn_of_is_no_header() -> None:
    assert warning_headers.headers([]) == []


def test_a_repeated_warning_is_given_once() -> None:
    assert warning_headers.headers(["a", "b", "a"]) == [("Warning", '299 - "a"'), ("Warning", '299 - "b"')]


def test_quotes_are_escaped_and_a_line_break_cannot_end_the_header() -> None:
    assert warning_headers.headers(['say "x\\y"\r\nSet-Cookie: z']) == [
        ("Warning", r'299 - "say \"x\\y\"  Set-Cookie: z"')
    ]


@given(st.lists(st.text(max_size=600), max_size=60))
def test_warnings_stay_small_enough_for_any_client(texts: list[str]) -> None:
    given = warning_headers.headers(texts)
    assert sum(len(value.encode()) for _, value in given) <= 4096 + len("299 - ") * len(given)
    assert all(value.isprintable() for _, value in given)
