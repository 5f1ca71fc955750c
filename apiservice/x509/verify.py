"""Verifies client certificates against one bundle of CAs, in addition to TLS.

TLS accepts a certificate from any client CA of the server. But the rights depend on the CA: a certificate of
the front proxy's CA may name any user in headers, a certificate of the clients' CA stands only for its own
subject. So each authenticator verifies with its own `Authorities`. It does so for every request, as a
connection can last longer than a certificate or a CA.

The rules are those of Go's verifier: https://pkg.go.dev/crypto/x509#Certificate.Verify
"""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import oid

from apiservice.x509 import key_ids

_REMEMBERED = 256
"""Chains whose result is cached for each bundle: more than there are front proxies and direct clients."""
_MOST_INTERMEDIATES = 8
"""Intermediate certificates that are read, as the search tries all orders."""

_WEAK = (hashes.MD5, hashes.SHA1)
_UNDERSTOOD = frozenset(
    {
        oid.ExtensionOID.BASIC_CONSTRAINTS,
        oid.ExtensionOID.KEY_USAGE,
        oid.ExtensionOID.EXTENDED_KEY_USAGE,
        oid.ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    }
)
_CLIENT = frozenset({oid.ExtendedKeyUsageOID.CLIENT_AUTH, oid.ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})


_Kind = TypeVar("_Kind", bound=x509.ExtensionType)


_UNREADABLE = (ValueError, x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType)


_OF_A_STRANGER = "none of the expected authorities signed it"
_OF_A_NAMESAKE = f"{_OF_A_STRANGER}, though one has its issuer's name: was that one replaced?"


class Untrusted(Exception):
    """The certificate is not signed by these CAs, not for clients, or not valid now. The message says why."""


class BadAuthorities(ValueError):
    """The text is not a bundle of certificates in PEM."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Life:
    """The time in which all certificates of a path are valid."""

    begin: datetime
    end: datetime


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """The part of a chain's result that does not depend on the time.

    `lives` has one entry per valid path; if there is none, `why` is the reason.
    """

    certificate: x509.Certificate | None = None
    lives: tuple[_Life, ...] = ()
    why: str = ""


class Authorities:
    """A bundle of CA certificates, each of which is a trust anchor. Raises `BadAuthorities`."""

    def __init__(self, pem: bytes) -> None:
        self._anchors = _bundle(pem)
        self.der = b"".join(anchor.public_bytes(serialization.Encoding.DER) for anchor in self._anchors)
        """All CA certificates in DER, for `ssl.SSLContext.load_verify_locations`."""
        self._examine = functools.lru_cache(_REMEMBERED)(self._examined)

    @property
    def names(self) -> str:
        """Subjects and key identifiers of the CAs, for messages."""
        return "; ".join(
            dict.fromkeys(
                f"{anchor.subject.rfc4514_string()} (key {key_ids.own(anchor)})" for anchor in self._anchors
            )
        )

    def verify(self, chain: tuple[bytes, ...], *, now: datetime) -> x509.Certificate:
        """The client's own certificate. `chain` is in DER, the client's own first. Raises `Untrusted`."""
        finding = self._examine(chain)
        if finding.certificate is None:
            raise Untrusted(finding.why)
        if not any(life.begin <= now <= life.end for life in finding.lives):
            last = max(life.end for life in finding.lives)
            first = min(life.begin for life in finding.lives)
            raise Untrusted(f"it is valid from {first.isoformat()} to {last.isoformat()} only")
        return finding.certificate

    def _examined(self, chain: tuple[bytes, ...]) -> _Finding:
        try:
            own, *others = [read(der) for der in chain[: _MOST_INTERMEDIATES + 1]]
        except ValueError as error:
            return _Finding(why=f"it cannot be read: {error}")
        paths = list(_paths(own, intermediates=others, anchors=self._anchors))
        if not paths:
            issuers = {certificate.issuer for certificate in (own, *others)}
            namesake = any(anchor.subject in issuers for anchor in self._anchors)
            return _Finding(why=_OF_A_NAMESAKE if namesake else _OF_A_STRANGER)
        reasons = [_wrong(path) for path in paths]
        lives = tuple(_life(path) for path, reason in zip(paths, reasons, strict=True) if reason is None)
        if not lives:
            return _Finding(why=next(filter(None, reasons)))
        return _Finding(certificate=own, lives=lives)


def read(der: bytes) -> x509.Certificate:
    """The certificate. All its parts are parsed; raises `ValueError` if one cannot be."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        _parse(certificate)
    except _UNREADABLE as error:
        raise ValueError(str(error)) from error
    return certificate


def describe(certificate: x509.Certificate) -> str:
    """The subject, and the issuer with its key identifier, for messages."""
    key = key_ids.signers(certificate) or "not named"
    return (
        f"subject {certificate.subject.rfc4514_string()!r}, issuer {certificate.issuer.rfc4514_string()!r} "
        f"(key {key})"
    )


def presented(chain: Sequence[bytes]) -> str:
    """The certificate that a client presented, for messages."""
    if not chain:
        return "no certificate"
    try:
        return describe(read(chain[0]))
    except ValueError:
        return "an unreadable certificate"


def common_name(certificate: x509.Certificate) -> str:
    """The common name of the subject; the last one if it has several, as in Go; empty if it has none."""
    return ("", *names(certificate, kind=oid.NameOID.COMMON_NAME))[-1]


def names(certificate: x509.Certificate, *, kind: x509.ObjectIdentifier) -> tuple[str, ...]:
    """All attributes of one kind in the subject, such as its organizations."""
    return tuple(str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(kind))


def _bundle(pem: bytes) -> Sequence[x509.Certificate]:
    try:
        found = x509.load_pem_x509_certificates(pem)
        for certificate in found:
            _parse(certificate)
    except _UNREADABLE as error:
        raise BadAuthorities(f"no certificates in PEM: {error}") from error
    return found


def _parse(certificate: x509.Certificate) -> None:
    """Parses the parts that are otherwise parsed at their first use, where an error would be unexpected."""
    _ = certificate.extensions, describe(certificate)


def _paths(
    certificate: x509.Certificate,
    *,
    intermediates: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
) -> Iterator[tuple[x509.Certificate, ...]]:
    """All paths from the certificate over intermediates to an anchor, in which each signature is right."""
    for anchor in anchors:
        if _may_sign(anchor, trusted=True) and _signed(certificate, by=anchor):
            yield (certificate, anchor)
    for position, intermediate in enumerate(intermediates):
        if _may_sign(intermediate, trusted=False) and _signed(certificate, by=intermediate):
            others = [*intermediates[:position], *intermediates[position + 1 :]]
            for path in _paths(intermediate, intermediates=others, anchors=anchors):
                yield (certificate, *path)


def _may_sign(certificate: x509.Certificate, *, trusted: bool) -> bool:
    if certificate.version is x509.Version.v1:
        # Version 1 has no extensions that could mark a CA, so only a trust anchor counts as one.
        return trusted
    constraints = _extension(certificate, x509.BasicConstraints)
    usage = _extension(certificate, x509.KeyUsage)
    return constraints is not None and constraints.ca and (usage is None or usage.key_cert_sign)


def _signed(certificate: x509.Certificate, *, by: x509.Certificate) -> bool:
    try:
        if isinstance(certificate.signature_hash_algorithm, _WEAK):
            return False
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, exceptions.InvalidSignature, exceptions.UnsupportedAlgorithm):
        return False
    return True


def _wrong(path: Sequence[x509.Certificate]) -> str | None:
    """Why a path with right signatures is not valid for a client; None if it is valid."""
    for signed_below, certificate in enumerate(path):
        whose = "it" if not signed_below else f"its CA {certificate.subject.rfc4514_string()!r}"
        usage = _extension(certificate, x509.ExtendedKeyUsage)
        if usage is not None and _CLIENT.isdisjoint(usage):
            return f"{whose} is not for clients: its extended key usage lacks clientAuth"
        for extension in certificate.extensions:
            # Name constraints are not implemented here, so a CA that has them is refused.
            limits = extension.oid == oid.ExtensionOID.NAME_CONSTRAINTS
            if limits or (extension.critical and extension.oid not in _UNDERSTOOD):
                return f"{whose} has an extension that is not understood: {extension.oid.dotted_string}"
        limit = _extension(certificate, x509.BasicConstraints)
        if limit is not None and limit.path_length is not None and signed_below - 1 > limit.path_length:
            return f"{whose} has a path length constraint of {limit.path_length}, but the chain is longer"
    return None


def _life(path: Sequence[x509.Certificate]) -> _Life:
    return _Life(
        begin=max(certificate.not_valid_before_utc for certificate in path),
        end=min(certificate.not_valid_after_utc for certificate in path),
    )


def _extension(certificate: x509.Certificate, kind: type[_Kind]) -> _Kind | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
