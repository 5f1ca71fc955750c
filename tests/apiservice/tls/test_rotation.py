"""Any stored content leads to a usable certificate.

The authority of a new certificate is published before the server uses that certificate.
"""

import dataclasses
from datetime import UTC, datetime, timedelta

import hypothesis
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from hypothesis import strategies

from apiservice.tls import rotation
from apiservice.x509 import issue

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
POLICY = rotation.CertificatePolicy(
    name="fruit", hosts=("fruit.market.svc", "localhost", "127.0.0.1"), life=timedelta(days=90)
)
RENAMED = dataclasses.replace(POLICY, hosts=("fruit.bazaar.svc", "localhost"))
WIDER = dataclasses.replace(POLICY, hosts=("fruit.market.svc", "fruit.market", "127.0.0.1"))
DUE = NOW + timedelta(days=60)


def at_rest(
    kept: rotation.Content,
    *,
    now: datetime,
    policy: rotation.CertificatePolicy = POLICY,
    settled: bool = False,
    served: rotation.Content = rotation.NOTHING,
) -> rotation.Content:
    """Repeat the steps until no step is left to do now; return the content."""
    for _ in range(6):
        found = rotation.step(kept, policy=policy, now=now, settled=settled, served=served)
        if found is None:
            return kept
        kept = found.content
    raise AssertionError("there is always more to do")


def certificates(pem: bytes) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(pem)


def is_trusted(certificate: bytes, *, authorities: bytes) -> bool:
    own = x509.load_pem_x509_certificate(certificate)
    for each in certificates(authorities):
        try:
            own.verify_directly_issued_by(each)
        except InvalidSignature:
            continue
        return True
    return False


def is_valid(kept: rotation.Content, *, now: datetime, policy: rotation.CertificatePolicy = POLICY) -> bool:
    own = x509.load_pem_x509_certificate(kept.certificate)
    return (
        own.not_valid_before_utc <= now < own.not_valid_after_utc
        and issue.is_for(own, policy.hosts[:1])
        and is_trusted(kept.certificate, authorities=kept.authorities)
    )


def test_out_of_nothing_a_certificate_is_made_and_used_at_once() -> None:
    made = at_rest(rotation.Content(), now=NOW)
    assert is_valid(made, now=NOW)
    assert issue.is_for(certificates(made.certificate)[0], POLICY.hosts)
    assert rotation.until(made) == NOW + POLICY.life


def test_a_service_may_have_a_long_name() -> None:
    name = f"{'s' * 63}.{'n' * 63}"
    policy = rotation.CertificatePolicy(name=name, hosts=(f"{name}.svc",))
    made = at_rest(rotation.Content(), now=NOW, policy=policy)
    assert is_valid(made, now=NOW, policy=policy)


def test_no_key_of_an_authority_is_kept() -> None:
    kept = at_rest(rotation.Content(), now=NOW)
    everything = b"".join(dataclasses.asdict(kept).values())
    assert everything.count(b"BEGIN PRIVATE KEY") == kept.key.count(b"BEGIN PRIVATE KEY") == 1
    assert certificates(kept.certificate)[0].public_key() != certificates(kept.authorities)[0].public_key()


def test_the_next_one_is_announced_before_it_is_used() -> None:
    kept = at_rest(rotation.Content(), now=NOW)
    assert at_rest(kept, now=DUE - timedelta(minutes=1), settled=True) == kept
    announced = at_rest(kept, now=DUE)
    assert announced.certificate == kept.certificate
    assert is_trusted(announced.next_certificate, authorities=announced.authorities)
    assert at_rest(announced, now=DUE + timedelta(hours=1)) == announced
    used = at_rest(announced, now=DUE, settled=True)
    assert used.certificate == announced.next_certificate
    assert used.next_certificate == b""
    assert is_trusted(kept.certificate, authorities=used.authorities), "somebody may still serve it"


def test_an_authority_is_published_until_it_expires() -> None:
    kept = at_rest(rotation.Content(), now=NOW)
    used = at_rest(at_rest(kept, now=DUE), now=DUE, settled=True)
    assert len(certificates(used.authorities)) == 2
    later = at_rest(used, now=NOW + POLICY.life)
    assert len(certificates(later.authorities)) == 1
    assert later.certificate == used.certificate


def test_a_server_that_nobody_could_be_told_of_goes_on_at_the_end_of_its_certificate() -> None:
    announced = at_rest(at_rest(rotation.Content(), now=NOW), now=DUE)
    late = at_rest(announced, now=NOW + POLICY.life)
    assert late.certificate == announced.next_certificate


@pytest.mark.parametrize("broken", ["certificate", "key", "authorities"])
@pytest.mark.parametrize("content", [b"", b"?"])
def test_what_was_broken_by_hand_is_replaced_while_what_is_served_stays_trusted(
    broken: str, content: bytes
) -> None:
    served = at_rest(rotation.Content(), now=NOW)
    kept = at_rest(dataclasses.replace(served, **{broken: content}), now=NOW, served=served)
    assert kept.certificate == served.certificate
    assert is_valid(kept, now=NOW)
    after = at_rest(kept, now=NOW, settled=True, served=served)
    assert after.certificate != served.certificate, "whoever empties it wants another key"
    assert is_trusted(served.certificate, authorities=after.authorities)


@pytest.mark.parametrize("broken", ["certificate", "key", "authorities"])
def test_what_was_broken_while_nobody_served_is_made_anew(broken: str) -> None:
    kept = dataclasses.replace(at_rest(rotation.Content(), now=NOW), **{broken: b"?"})
    assert is_valid(at_rest(kept, now=NOW), now=NOW)


def test_an_older_state_put_back_leaves_what_is_served_trusted() -> None:
    older = at_rest(rotation.Content(), now=NOW)
    served = at_rest(at_rest(older, now=DUE), now=DUE, settled=True)
    kept = at_rest(older, now=DUE, served=served)
    assert is_trusted(served.certificate, authorities=kept.authorities)


def test_an_authority_that_nobody_uses_may_be_taken_out_by_hand() -> None:
    kept = at_rest(at_rest(at_rest(rotation.Content(), now=NOW), now=DUE), now=DUE, settled=True)
    newest, *_ = certificates(kept.authorities)
    pruned = dataclasses.replace(kept, authorities=newest.public_bytes(serialization.Encoding.PEM))
    assert pruned.authorities != kept.authorities
    assert at_rest(pruned, now=DUE, served=kept) == pruned


def test_a_service_of_another_name_gets_a_certificate_at_once() -> None:
    kept = at_rest(at_rest(rotation.Content(), now=NOW), now=NOW, policy=RENAMED)
    assert is_valid(kept, now=NOW, policy=RENAMED)


def test_releases_that_want_other_hosts_end_with_one_certificate_for_both() -> None:
    kept = at_rest(rotation.Content(), now=NOW)
    announced = at_rest(kept, now=NOW, policy=WIDER)
    assert announced.certificate == kept.certificate, "that which serves is good enough to be waited with"
    both = at_rest(announced, now=NOW, policy=WIDER, settled=True)
    assert issue.is_for(certificates(both.certificate)[0], (*POLICY.hosts, *WIDER.hosts))
    assert at_rest(both, now=NOW, policy=POLICY, settled=True) == both
    assert at_rest(both, now=NOW, policy=WIDER, settled=True) == both


def test_a_certificate_of_a_clock_that_is_ahead_is_replaced_without_haste() -> None:
    ahead = at_rest(rotation.Content(), now=NOW + timedelta(hours=1))
    announced = at_rest(ahead, now=NOW)
    assert announced.certificate == ahead.certificate
    used = at_rest(announced, now=NOW, settled=True)
    assert is_valid(used, now=NOW)
    assert at_rest(used, now=NOW + timedelta(hours=1), settled=True) == used


_PEMS = strategies.sampled_from(("certificate", "key", "next_certificate", "next_key", "authorities"))
_CHANGES = strategies.one_of(
    strategies.tuples(strategies.just("wait"), strategies.integers(0, 200 * 24)),
    strategies.tuples(strategies.just("step"), strategies.booleans()),
    strategies.tuples(strategies.just("serve"), strategies.booleans()),
    strategies.tuples(strategies.just("break"), _PEMS),
    strategies.tuples(strategies.just("policy"), strategies.sampled_from((POLICY, WIDER, RENAMED))),
)


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(strategies.lists(_CHANGES, max_size=14))
def test_whatever_happens_it_ends_well_and_nothing_is_used_unannounced(
    changes: list[tuple[str, object]],
) -> None:
    kept, served, now, policy = rotation.Content(), rotation.NOTHING, NOW, POLICY
    for what, how in changes:
        match what, how:
            case "wait", int():
                now += timedelta(hours=how)
            case "break", str():
                kept = dataclasses.replace(kept, **{how: b"broken"})
            case "policy", rotation.CertificatePolicy():
                policy = how
            case "serve", _:
                if rotation.step(kept, policy=policy, now=now, settled=False, served=served) is None:
                    served = kept
            case "step", bool():
                kept = _stepped(kept, now=now, policy=policy, settled=how, served=served)
    for settled in (False, True):
        final = at_rest(kept, now=now, policy=policy, settled=settled, served=served)
        assert is_valid(final, now=now, policy=policy)


def _stepped(
    kept: rotation.Content,
    *,
    now: datetime,
    policy: rotation.CertificatePolicy,
    settled: bool,
    served: rotation.Content,
) -> rotation.Content:
    """Do one step and check what every step guarantees; return the new content."""
    found = rotation.step(kept, policy=policy, now=now, settled=settled, served=served)
    if found is None:
        return kept
    after = found.content
    for one in (after.certificate, after.next_certificate):
        assert not one or is_trusted(one, authorities=after.authorities)
    if after.certificate not in (kept.certificate, served.certificate):
        if _can_serve(kept, now=now, policy=policy):
            assert settled
            assert is_trusted(after.certificate, authorities=kept.authorities)
        else:
            assert not _can_serve(served, now=now, policy=policy)
    if _can_serve(served, now=now, policy=policy):
        assert is_trusted(served.certificate, authorities=after.authorities)
    return after


def _can_serve(kept: rotation.Content, *, now: datetime, policy: rotation.CertificatePolicy) -> bool:
    if not {kept.certificate, kept.key, kept.authorities}.isdisjoint({b"", b"broken"}):
        return False
    return is_valid(kept, now=now, policy=policy)
