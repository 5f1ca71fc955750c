import logging

import pytest

from apiservice.observe import access_log


class Clock:
    """A clock that does not advance."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def write(log: access_log.AccessLog, *, path: str = "/x", user: str = "", status: int = 401) -> None:
    log.write(None, method="GET", path=path, user=user, status=status, seconds=0.0, audit="a")


@pytest.mark.parametrize("letter", ["a", "\n", "é", "\x1b", '"'])
def test_a_line_has_a_greatest_length(caplog: pytest.LogCaptureFixture, letter: str) -> None:
    caplog.set_level(logging.INFO)
    write(access_log.AccessLog(), path=letter * 1_000_000, user=letter * 1_000_000)
    (line,) = caplog.messages
    assert len(line) < 4096
    assert "(1000000_characters)" in line
    assert line.endswith("status=401 ms=0.0 audit=a")


def test_of_refused_requests_so_many_are_written_a_second_and_the_others_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    clock = Clock()
    log = access_log.AccessLog(most=3, clock=clock)
    for _ in range(10):
        write(log)
    write(log, status=200)
    assert len(caplog.messages) == 4
    clock.now = 1.0
    log.settle()
    assert caplog.messages[4:] == ["more refused requests in this second, not logged: 7"]
    write(log)
    assert len(caplog.messages) == 6


def test_what_is_answered_is_never_left_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log = access_log.AccessLog(most=1, clock=Clock())
    for _ in range(50):
        write(log, status=200)
    assert len(caplog.messages) == 50
