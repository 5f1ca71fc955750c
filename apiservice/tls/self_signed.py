"""TLS for a server that is on its own: a CA made once, and a serving certificate kept fresh.

A key and its certificate share one file, replaced in one step, so they can never disagree. `ca.crt` is for
clients; the other files are for nobody but the server.
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
    """The files there are cannot be used, and only their owner can say what they are."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Files of a server's TLS: the CA for clients to trust, and the serving certificate with its key."""

    authority: pathlib.Path
    serving: pathlib.Path

    def context(self) -> ssl.SSLContext:
        """For a server."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        cipher_suites.restrict(context)
        context.load_cert_chain(self.serving)
        return context


def ensure(directory: pathlib.Path, *, hosts: Sequence[str], now: datetime) -> Certificates:
    """Certificates for the given host names and addresses, made or renewed where they must be."""
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
    """The key and certificate in the file, `None` where there is no such file."""
    try:
        content = files.read(path)
        key = serialization.load_pem_private_key(content, password=None)
        certificate = x509.load_pem_x509_certificate(content)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, exceptions.UnsupportedAlgorithm) as error:
        raise CertificateError(
            f"{files.shown(path)} holds no key and certificate that can be read: delete it to have it made"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateError(
            f"{files.shown(path)} holds a key of another kind than ours: delete it to have it made"
        )
    if key.public_key() != certificate.public_key():
        raise CertificateError(
            f"{files.shown(path)} holds a key that is not its certificate's: delete it to have it made"
        )
    return issue.Pair(key=key, certificate=certificate)


def _authority(path: pathlib.Path, *, now: datetime) -> issue.Pair:
    """The CA, which must outlive what it signs."""
    found = _read(path)
    if found is not None and found.certificate.not_valid_after_utc > now + _SERVING_LIFE:
        return found
    _log.info("making a certificate authority in %s: clients must be given its new certificate", path)
    made = issue.authority(name="apiservice CA", now=now, life=_AUTHORITY_LIFE)
    files.write(path, content=made.pem, mode=_PRIVATE)
    return made


def _stale(path: pathlib.Path, *, authority: issue.Pair, hosts: Sequence[str], now: datetime) -> str | None:
    """Why the serving certificate must be issued anew, if it must."""
    found = _read(path)
    if found is None:
        return "there is none"
    if found.certificate.not_valid_after_utc < now + _RENEW_BEFORE:
        return "it is about to expire"
    try:
        found.certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, exceptions.InvalidSignature):
        return "it is not of this authority"
    return None if issue.is_only_for(found.certificate, hosts) else "the hosts have changed"
