"""The rotation of the serving certificate, as a pure function: when one is issued, published and used.

Each serving certificate has a CA of its own, whose key is deleted once it has signed the certificate. So
there is no CA key to steal, and no CA to renew. The CA of the next certificate is published before that
certificate is used:

    nothing usable               → issue one and use it at once
    two thirds of its life over  → issue the next one, and publish its CA together with the present one
    that CA is known everywhere  → use the next one
    a CA expired                 → publish it no longer: no certificate that it signed is valid

The next step depends only on what is kept. So any replica can do it, and another one continues if a replica
stops. Only the time since a CA was published is measured by each replica with its own monotonic clock, so
wrong wall clocks cannot make a certificate be used too early.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from apiservice.x509 import issue


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CertificatePolicy:
    """The names and lifetimes of serving certificates. All replicas should have the same."""

    name: str
    """The subject's common name."""
    hosts: tuple[str, ...]
    """The first is the host that the kube-apiserver verifies: a certificate without it is unusable. One that
    lacks another host is renewed.
    """
    life: timedelta = timedelta(days=90)
    use: float = 2 / 3
    """The part of its lifetime after which the next one is issued."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The certificates and keys that are kept, in PEM; empty if missing. They are not checked yet."""

    certificate: bytes = b""
    key: bytes = b""
    next_certificate: bytes = b""
    next_key: bytes = b""
    authorities: bytes = b""
    """All CA certificates that clients have to trust, the newest first."""


NOTHING = Content()
"""No certificate is kept."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The content to be kept from now on, and the reason for the log."""

    content: Content
    why: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The usable parts of a content."""

    authorities: tuple[x509.Certificate, ...]
    present: x509.Certificate | None
    signer: x509.Certificate | None
    """The CA that signed the present certificate."""
    following: x509.Certificate | None
    """The next certificate."""


def step(
    kept: Content, *, policy: CertificatePolicy, now: datetime, settled: bool, served: Content = NOTHING
) -> Step | None:
    """The next step; None if nothing has to change but the CAs of `kept` have to be published.

    `settled` is whether they have been published for long enough. `served` is what this replica uses now: its
    CA must be among the published ones, also if the kept content was changed by hand.
    """
    found = _look(kept, policy=policy, now=now)
    own = _look(served, policy=policy, now=now)
    if found.present is None:
        return _repaired(kept, found, served=served, own=own, policy=policy, now=now)
    if own.signer is not None and own.signer not in found.authorities:
        authorities = _pem((*found.authorities, own.signer))
        content = dataclasses.replace(_tidied(kept, found), authorities=authorities)
        return Step(content=content, why="the CA of the certificate in use was missing and was put back")
    if found.following is not None:
        if settled:
            return Step(content=_promoted(kept, found), why="the next certificate is used from now on")
    elif due := _due(found.present, policy=policy, now=now):
        return _announced(_tidied(kept, found), due=due, policy=policy, now=now)
    tidy = _tidied(kept, found)
    return None if tidy == kept else Step(content=tidy, why="expired or unusable content was removed")


def until(kept: Content) -> datetime | None:
    """The time at which the present certificate expires; None if there is none."""
    found = _certificates(kept.certificate)
    return found[0].not_valid_after_utc if found else None


@dataclasses.dataclass(frozen=True, slots=True)
class _Due:
    why: str
    hosts: tuple[str, ...]


def _due(present: x509.Certificate, *, policy: CertificatePolicy, now: datetime) -> _Due | None:
    """Why the next certificate must be issued, and for which hosts; None if it need not be."""
    made = present.not_valid_before_utc + issue.BACKDATED
    if now < present.not_valid_before_utc:
        # A replica whose clock is fast issued it: clients with a correct clock refuse it.
        return _Due("the present certificate is not valid yet", policy.hosts)
    if now >= made + policy.use * (present.not_valid_after_utc - made):
        return _Due("the present certificate is due for renewal", policy.hosts)
    if not issue.is_for(present, policy.hosts):
        # The hosts of both, so that replicas of two releases with different hosts do not renew it in turn.
        hosts = tuple(dict.fromkeys((*policy.hosts, *issue.hosts(present))))
        return _Due("the present certificate lacks a host", hosts)
    return None


def _announced(kept: Content, *, due: _Due, policy: CertificatePolicy, now: datetime) -> Step:
    made = _make(policy, hosts=due.hosts, now=now)
    content = dataclasses.replace(
        kept,
        next_certificate=made.certificate,
        next_key=made.key,
        authorities=made.authorities + kept.authorities,
    )
    return Step(content=content, why=f"{due.why}: the next one was issued, and its CA is published")


def _repaired(
    kept: Content, found: _Found, *, served: Content, own: _Found, policy: CertificatePolicy, now: datetime
) -> Step:
    """Repairs a content without a usable certificate: from `served` if it is valid, else from the next
    certificate, else with a new one.
    """
    if own.signer is not None:
        authorities = dict.fromkeys((*found.authorities, own.signer))
        back = Content(certificate=served.certificate, key=served.key, authorities=_pem(authorities))
        why = "no usable certificate was kept: the one in use was put back"
        if found.following is None:
            return _announced(back, due=_Due(why, policy.hosts), policy=policy, now=now)
        content = dataclasses.replace(back, next_certificate=kept.next_certificate, next_key=kept.next_key)
        return Step(content=content, why=why)
    if found.following is not None:
        return Step(
            content=_promoted(kept, found), why="the present certificate is unusable: the next one is used"
        )
    made = _make(policy, hosts=policy.hosts, now=now)
    content = dataclasses.replace(made, authorities=made.authorities + _pem(found.authorities))
    return Step(content=content, why="no usable certificate was kept: a new one was issued")


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


def _make(policy: CertificatePolicy, *, hosts: Sequence[str], now: datetime) -> Content:
    authority = issue.authority(name=f"CA of {policy.name}", now=now, life=policy.life)
    made = issue.serving(authority, name=policy.name, hosts=hosts, now=now, life=policy.life)
    return Content(certificate=made.certificate_pem, key=made.key_pem, authorities=authority.certificate_pem)


def _look(kept: Content, *, policy: CertificatePolicy, now: datetime) -> _Found:
    authorities = tuple(each for each in _certificates(kept.authorities) if each.not_valid_after_utc > now)

    def usable(certificate: bytes, key: bytes) -> x509.Certificate | None:
        """The certificate, if the kube-apiserver can accept it now or, as the next one, later."""
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
    """The certificates; none at all if one of them cannot be read."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        return []


def _pem(certificates: Iterable[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)
