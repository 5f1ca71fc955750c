"""Each credential has its own feed while it is in use; the number of feeds is limited."""

import contextlib
import datetime as dt
import pathlib
from collections.abc import Iterator

import pytest

from dashboard.client import faults, incluster
from dashboard.web import login_throttle, session_cookie, viewers
from tests.fakes import traffic_api


class _Clock:
    def __init__(self) -> None:
        self.now = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now

    def uptime(self) -> float:
        return self.now.timestamp()


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def known(
    fake: traffic_api.FakeTrafficApi, clock: _Clock, tmp_path: pathlib.Path
) -> Iterator[viewers.Viewers]:
    fake.viewers = {name: traffic_api.Viewer(name) for name in ("ann", "bob", "eve")}
    cluster = incluster.InClusterAddress(fake.url, fake.authority(tmp_path / "ca.crt"))
    with contextlib.closing(viewers.Viewers(cluster.connect, most=2, uptime=clock.uptime)) as opened:
        yield opened


def test_the_same_token_is_the_same_viewer_and_another_is_not(
    known: viewers.Viewers, fake: traffic_api.FakeTrafficApi
) -> None:
    ann = known.admit("ann")
    assert known.admit("ann") is ann
    assert fake.requests.total() == 1
    assert known.admit("bob").feed is not ann.feed


def test_who_looked_longest_ago_makes_place(known: viewers.Viewers) -> None:
    known.admit("ann")
    known.admit("bob")
    known.find("ann")
    known.admit("eve")
    assert known.find("bob") is None
    assert known.find("ann")
    assert len(known) == 2


def test_who_does_not_look_any_more_is_dropped(known: viewers.Viewers, clock: _Clock) -> None:
    known.admit("ann")
    clock.now += dt.timedelta(minutes=14)
    known.admit("bob")
    clock.now += dt.timedelta(minutes=2)
    assert known.find("ann") is None
    assert len(known) == 1


def test_what_is_not_a_token_never_reaches_the_api(
    known: viewers.Viewers, fake: traffic_api.FakeTrafficApi
) -> None:
    for wrong in ("", "a b", "a\nX-Remote-User: admin", "ä", "a" * 20_000):
        with pytest.raises(faults.Unauthenticated):
            known.admit(wrong)
    assert fake.requests.total() == 0


def test_a_new_authority_is_believed_without_a_restart(
    known: viewers.Viewers, tmp_path: pathlib.Path
) -> None:
    good = (tmp_path / "ca.crt").read_bytes()
    (tmp_path / "ca.crt").write_bytes(b"")
    with pytest.raises(faults.Fault):
        known.admit("ann")
    (tmp_path / "ca.crt").write_bytes(good)
    assert known.admit("ann").name == "ann"


def test_a_sealed_token_opens_until_the_session_is_over(clock: _Clock) -> None:
    cookies = session_cookie.SessionCookie(["k" * 32], length=dt.timedelta(hours=1), now=clock)
    sealed = cookies.encrypt("secret")
    clock.now += dt.timedelta(minutes=59)
    assert cookies.decrypt(sealed) == "secret"
    clock.now += dt.timedelta(minutes=2)
    assert cookies.decrypt(sealed) is None


@pytest.mark.parametrize("forged", ["", "x", "gAAAA", "é"])
def test_what_we_did_not_seal_stays_shut(forged: str) -> None:
    assert session_cookie.SessionCookie(["k" * 32], length=dt.timedelta(hours=1)).decrypt(forged) is None


def test_a_short_key_is_no_key(tmp_path: pathlib.Path) -> None:
    (tmp_path / "key").write_text("secret")
    with pytest.raises(faults.Unconfigured, match="at least 32 characters"):
        session_cookie.keys(tmp_path / "key")


def test_failures_are_forgiven_with_time_and_counted_by_token_and_address() -> None:
    moment = [0.0]
    limits = {
        "token": login_throttle.RateLimit(2),
        "address": login_throttle.RateLimit(4),
        "total": login_throttle.RateLimit(6),
    }
    failures = login_throttle.LoginThrottle(**limits, now=lambda: moment[0])

    def fail(address: str, token: bytes) -> None:
        failures.record_failure(address, token)
        failures.record_failure(address, token)

    fail("192.0.2.1", b"one")
    assert failures.is_blocked("192.0.2.1", b"one")
    assert not failures.is_blocked("192.0.2.1", b"other")
    assert not failures.is_blocked("192.0.2.2", b"one")
    fail("192.0.2.1", b"two")
    assert failures.is_blocked("192.0.2.1", b"other")
    assert not failures.is_blocked("192.0.2.1", b"other", accepted_before=True)
    fail("192.0.2.2", b"three")
    assert failures.is_blocked("192.0.2.3", b"other")
    moment[0] += 31
    assert not failures.is_blocked("192.0.2.1", b"one")
    moment[0] += 3600
    fail("192.0.2.1", b"one")
    assert failures.is_blocked("192.0.2.1", b"one")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("x" * 9000, "x" * 64, True),
    ],
)
def test_a_subscriber_is_one_address(one: str, other: str, *, same: bool) -> None:
    assert (login_throttle.address_key(one) == login_throttle.address_key(other)) is same
