import logging

import pytest

from apiservice.runtime import throttled_log

LOG = logging.getLogger("tests.complaints")


def test_the_same_complaint_is_logged_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    said = throttled_log.ThrottledLog(LOG, every=60.0, clock=lambda: now[0])
    for now[0], text in ((0.0, "a"), (59.0, "a"), (59.0, "b"), (60.0, "a"), (61.0, "a")):
        said.warn(text)
    assert caplog.messages == ["a", "b", "a"]


def test_whoever_thinks_of_ever_other_complaints_does_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    said = throttled_log.ThrottledLog(LOG, every=60.0, most=2, clock=lambda: now[0])
    for now[0], text in ((0.0, "a"), (30.0, "b"), (30.0, "c"), (59.0, "d"), (60.0, "e"), (60.0, "f")):
        said.warn(text)
    more = "so many different warnings in 60 seconds: further ones are left out"
    assert caplog.messages == ["a", "b", more, "e", more]


def test_a_complaint_is_logged_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    throttled_log.ThrottledLog(LOG).warn("100%s")
    assert caplog.messages == ["100%s"]
