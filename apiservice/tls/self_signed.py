"""TLS for a standalone server: a CA that is created once, and a serving certificate that is renewed.

A key and its certificate are in one file, which is replaced atomically, so they always match. `ca.crt` is for
clients; the other files are private to the server.
"""

import dataclasses
import logging
import pathlib
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from apiservice.runtime import files
from apiservice.tls import cipher_suites
from apiservice.x509 import issue

_log = logging.getLogger(__name__)

_AUTHORITY_LIFE = timedelta(days=3650)
_SERVING_LIFE = timedelta(days=365)
_RENEW_BEFORE = timedelta(days=30)
_PRIVATE, _PUBLIC = 0o600, 0o644


class CertificateError(ValueError):
    """An existing file cannot be used. It is not replaced, as it may be the user's own."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Files of a server's TLS: the CA for clients to trust, and the serving certificate with its key."""

    authority: pathlib.Path
    serving: pathlib.Path

    def context(self) -> ssl.SSLContext:
        """A TLS context for a server."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        cipher_suites.restrict(context)
        context.load_cert_chain(self.serving)
        return context


def ensure(directory: pathlib.Path, *, hosts: Sequence[str], now: datetime) -> Certificates:
    """Certificates for the given host names and addresses, created or renewed if needed.

    Raises `CertificateError`, `OSError`.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = Certificates(authority=directory / "ca.crt", serving=directory / "serving.pem")
    authority = _authority(directory / "ca.pem", now=now)
    public = authority.certificate_pem
    if not found.authority.exists() or files.read(found.authority) != public:
        files.write(found.authority, content=public, mode=_PUBLIC)
    if why := _stale(found.serving, authority=authority, hosts=hosts, now=now):
        _log.info("issuing a serving certificate for %s: %s", ", ".join(hosts), why)
        made = issue.serving(authority, name="apiservice", hosts=hosts, now=now, life=_SERVING_LIFE)
        files.write(found.serving, content=made.pem, mode=_PRIVATE)
    return found


def _read(path: pathlib.Path) -> issue.Pair | None:
    """The key and certificate in the file; `None` if there is no such file."""
    try:
        content = files.read(path)
        key = serialization.load_pem_private_key(content, password=None)
        certificate = x509.load_pem_x509_certificate(content)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, exceptions.UnsupportedAlgorithm) as error:
        raise CertificateError(
            f"{files.shown(path)} has no readable key and certificate: delete it to have it made"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateError(
            f"{files.shown(path)} has a key that is not an elliptic curve key: delete it to have it made"
        )
    if key.public_key() != certificate.public_key():
        raise CertificateError(
            f"{files.shown(path)} has a key that does not match its certificate: delete it to have it made"
        )
    return issue.Pair(key=key, certificate=certificate)


def _authority(path: pathlib.Path, *, now: datetime) -> issue.Pair:
    """The CA, replaced by a new one if it would expire before a certificate that it signs now."""
    found = _read(path)
    if found is not None and found.certificate.not_valid_after_utc > now + _SERVING_LIFE:
        return found
    _log.info("creating a CA in %s: clients need its new certificate", path)
    made = issue.authority(name="apiservice CA", now=now, life=_AUTHORITY_LIFE)
    files.write(path, content=made.pem, mode=_PRIVATE)
    return made


def _stale(path: pathlib.Path, *, authority: issue.Pair, hosts: Sequence[str], now: datetime) -> str | None:
    """Why a new serving certificate must be issued; `None` if it need not be."""
    found = _read(path)
    if found is None:
        return "there is none"
    if found.certificate.not_valid_after_utc < now + _RENEW_BEFORE:
        return "it is about to expire"
    try:
        found.certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, exceptions.InvalidSignature):
        return "it is not signed by this CA"
    return None if issue.is_only_for(found.certificate, hosts) else "the hosts have changed"
