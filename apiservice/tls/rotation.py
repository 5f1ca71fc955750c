"""When a serving certificate is made, announced and used: a pure function, for any number of servers.

Each certificate has an authority of its own, whose key is thrown away once it has signed: no key is worth
stealing but that of the certificate itself, and no authority has to be renewed some day. What takes the place
of a certificate in use is announced first:

    nothing usable               → make one and use it at once: there is nothing to lose
    two thirds of its life over  → make the next one, and publish its authority beside the present one
    that has settled             → use the next one
    an authority expired         → publish it no longer: nothing that it signed can still be served

Whoever asks what to do next is told the same, so it does not matter who does it, or where somebody stopped.
Only how long an authority has been published is measured by the one who asks, on his own clock: the clocks of
two servers may differ, and an hour between them makes no certificate used too early.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from apiservice.x509 import issue


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    name: str
    """Of whom the certificates are."""
    hosts: tuple[str, ...]
    """The first is the one by which the kube-apiserver asks: a certificate without it is of no use, one that
    lacks another is renewed. All servers should have the same.
    """
    life: timedelta = timedelta(days=90)
    use: float = 2 / 3
    """The part of its life after which the next one is made."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is kept, as PEM; empty where there is nothing. None of it has been looked at yet."""

    certificate: bytes = b""
    key: bytes = b""
    next_certificate: bytes = b""
    next_key: bytes = b""
    authorities: bytes = b""
    """All that clients are to trust, the newest first."""


NOTHING = Content()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is to be kept from now on, and why."""

    content: Content
    why: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What of a content is of use."""

    authorities: tuple[x509.Certificate, ...]
    present: x509.Certificate | None
    signer: x509.Certificate | None
    """Of the present one."""
    following: x509.Certificate | None


def step(
    kept: Content, *, policy: Policy, now: datetime, settled: bool, served: Content = NOTHING
) -> Step | None:
    """What to do now; None where all is well, and the authorities are to be published.

    `settled`: they have been, for long enough. `served` is what the asking server uses: its authority is to
    be among them, whatever was done to what is kept.
    """
    found = _look(kept, policy=policy, now=now)
    own = _look(served, policy=policy, now=now)
    if found.present is None:
        return _repaired(kept, found, served=served, own=own, policy=policy, now=now)
    if own.signer is not None and own.signer not in found.authorities:
        authorities = _pem((*found.authorities, own.signer))
        content = dataclasses.replace(_tidied(kept, found), authorities=authorities)
        return Step(content=content, why="the authority of what is served was missing and was put back")
    if found.following is not None:
        if settled:
            return Step(content=_promoted(kept, found), why="the next certificate, known by now, is used")
    elif due := _due(found.present, policy=policy, now=now):
        return _announced(_tidied(kept, found), due=due, policy=policy, now=now)
    tidy = _tidied(kept, found)
    return None if tidy == kept else Step(content=tidy, why="what is of no use any more was taken out")


def until(kept: Content) -> datetime | None:
    """The end of the certificate that is used."""
    found = _certificates(kept.certificate)
    return found[0].not_valid_after_utc if found else None


@dataclasses.dataclass(frozen=True, slots=True)
class _Due:
    why: str
    hosts: tuple[str, ...]


def _due(present: x509.Certificate, *, policy: Policy, now: datetime) -> _Due | None:
    """Why the next one must be made, and for whom."""
    made = present.not_valid_before_utc + issue.BACKDATED
    if now < present.not_valid_before_utc:
        # A server whose clock is ahead made it: those who are right may refuse it.
        return _Due("the present certificate is of the future", policy.hosts)
    if now >= made + policy.use * (present.not_valid_after_utc - made):
        return _Due("the present certificate is to be renewed", policy.hosts)
    if not issue.is_for(present, policy.hosts):
        # Of both: a server of another release that wants what this one does not is content with it, too.
        hosts = tuple(dict.fromkeys((*policy.hosts, *issue.hosts(present))))
        return _Due("the present certificate lacks a host", hosts)
    return None


def _announced(kept: Content, *, due: _Due, policy: Policy, now: datetime) -> Step:
    made = _make(policy, hosts=due.hosts, now=now)
    content = dataclasses.replace(
        kept,
        next_certificate=made.certificate,
        next_key=made.key,
        authorities=made.authorities + kept.authorities,
    )
    return Step(content=content, why=f"{due.why}: the next one was made and announced")


def _repaired(
    kept: Content, found: _Found, *, served: Content, own: _Found, policy: Policy, now: datetime
) -> Step:
    """From what is served, if it may still be; else from the next one, else from a new one."""
    if own.signer is not None:
        authorities = dict.fromkeys((*found.authorities, own.signer))
        back = Content(certificate=served.certificate, key=served.key, authorities=_pem(authorities))
        why = "no usable certificate was kept and the one that is served was put back"
        if found.following is None:
            return _announced(back, due=_Due(why, policy.hosts), policy=policy, now=now)
        content = dataclasses.replace(back, next_certificate=kept.next_certificate, next_key=kept.next_key)
        return Step(content=content, why=why)
    if found.following is not None:
        return Step(
            content=_promoted(kept, found), why="the present certificate is unusable: the next is used"
        )
    made = _make(policy, hosts=policy.hosts, now=now)
    content = dataclasses.replace(made, authorities=made.authorities + _pem(found.authorities))
    return Step(content=content, why="no usable certificate was kept: one was made")


def _promoted(kept: Content, found: _Found) -> Content:
    return Content(certificate=kept.next_certificate, key=kept.next_key, authorities=_pem(found.authorities))


def _tidied(kept: Content, found: _Found) -> Content:
    return Content(
        certificate=kept.certificate,
        key=kept.key,
        next_certificate=kept.next_certificate if found.following else b"",
        next_key=kept.next_key if found.following else b"",
        authorities=_pem(found.authorities),
    )


def _make(policy: Policy, *, hosts: Sequence[str], now: datetime) -> Content:
    authority = issue.authority(name=f"CA of {policy.name}", now=now, life=policy.life)
    made = issue.serving(authority, name=policy.name, hosts=hosts, now=now, life=policy.life)
    return Content(certificate=made.certificate_pem, key=made.key_pem, authorities=authority.certificate_pem)


def _look(kept: Content, *, policy: Policy, now: datetime) -> _Found:
    authorities = tuple(each for each in _certificates(kept.authorities) if each.not_valid_after_utc > now)

    def usable(certificate: bytes, key: bytes) -> x509.Certificate | None:
        """If the kube-apiserver can ask by it, now or once its time has come."""
        found = _certificates(certificate)
        if len(found) != 1 or not _belongs(found[0], key):
            return None
        if found[0].not_valid_after_utc <= now or not issue.is_for(found[0], policy.hosts[:1]):
            return None
        return found[0] if _signer(found[0], among=authorities) else None

    present = usable(kept.certificate, kept.key)
    return _Found(
        authorities=authorities,
        present=present,
        signer=_signer(present, among=authorities) if present else None,
        following=usable(kept.next_certificate, kept.next_key),
    )


def _signer(certificate: x509.Certificate, *, among: Sequence[x509.Certificate]) -> x509.Certificate | None:
    return next((each for each in among if _is_signed(certificate, by=each)), None)


def _belongs(certificate: x509.Certificate, key: bytes) -> bool:
    try:
        found = serialization.load_pem_private_key(key, password=None)
    except (ValueError, TypeError, exceptions.UnsupportedAlgorithm):
        return False
    return isinstance(found, ec.EllipticCurvePrivateKey) and found.public_key() == certificate.public_key()


def _is_signed(certificate: x509.Certificate, *, by: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, exceptions.InvalidSignature):
        return False
    return True


def _certificates(pem: bytes) -> list[x509.Certificate]:
    """None where there is anything else."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        return []


def _pem(certificates: Iterable[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)
