import logging

import pytest

from apiservice import complaints

LOG = logging.getLogger("tests.complaints")


def test_the_same_complaint_is_logged_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    said = complaints.Complaints(LOG, every=60.0, clock=lambda: now[0])
    for now[0], text in ((0.0, "a"), (59.0, "a"), (59.0, "b"), (60.0, "a"), (61.0, "a")):
        said.warn(text)
    assert caplog.messages == ["a", "b", "a"]


def test_many_different_complaints_do_not_pile_up(caplog: pytest.LogCaptureFixture) -> None:
    said = complaints.Complaints(LOG, most=2, clock=lambda: 0.0)
    for text in ("a", "b", "a", "c", "a"):
        said.warn(text)
    assert caplog.messages == ["a", "b", "c", "a"]


def test_a_complaint_is_logged_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    complaints.Complaints(LOG).warn("100%s")
    assert caplog.messages == ["100%s"]
