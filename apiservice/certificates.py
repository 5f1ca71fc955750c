"""TLS for a server that is on its own: a CA made once, and a serving certificate kept fresh.

A key and its certificate share one file, replaced in one step, so they can never disagree. `ca.crt` is for
clients; the other files are for nobody but the server.
"""

import dataclasses
import ipaddress
import logging
import pathlib
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import oid

from apiservice import files

_log = logging.getLogger(__name__)

_AUTHORITY_LIFE = timedelta(days=3650)
_SERVING_LIFE = timedelta(days=365)
_RENEW_BEFORE = timedelta(days=30)
_CLOCK_SKEW = timedelta(minutes=5)
_PRIVATE, _PUBLIC = 0o600, 0o644


class CertificateError(Exception):
    """The files there are cannot be used, and only their owner can say what they are."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Files of a server's TLS: the CA for clients to trust, and the serving certificate with its key."""

    authority: pathlib.Path
    serving: pathlib.Path

    def context(self) -> ssl.SSLContext:
        """For a server: TLS 1.2 or newer, HTTP/1.1."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(self.serving)
        return context


def ensure(directory: pathlib.Path, *, hosts: Sequence[str], now: datetime) -> Certificates:
    """Certificates for the given host names and addresses, made or renewed where they must be."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = Certificates(authority=directory / "ca.crt", serving=directory / "serving.pem")
    authority = _authority(directory / "ca.pem", now=now)
    public = authority.certificate.public_bytes(serialization.Encoding.PEM)
    if not found.authority.exists() or found.authority.read_bytes() != public:
        files.write(found.authority, content=public, mode=_PUBLIC)
    if why := _stale(found.serving, authority=authority, hosts=hosts, now=now):
        _log.info("issuing a serving certificate for %s: %s", ", ".join(hosts), why)
        files.write(found.serving, content=_issue(authority, hosts=hosts, now=now).pem(), mode=_PRIVATE)
    return found


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def pem(self) -> bytes:
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return key + self.certificate.public_bytes(serialization.Encoding.PEM)


def _read(path: pathlib.Path) -> _Pair | None:
    """The key and certificate in the file, `None` where there is no such file."""
    try:
        content = path.read_bytes()
        key = serialization.load_pem_private_key(content, password=None)
        certificate = x509.load_pem_x509_certificate(content)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise CertificateError(
            f"{path} holds no key and certificate ({error}): delete it to have it made"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateError(f"{path} holds a key of another kind than ours: delete it to have it made")
    return _Pair(key=key, certificate=certificate)


def _authority(path: pathlib.Path, *, now: datetime) -> _Pair:
    """The CA, which must outlive what it signs."""
    found = _read(path)
    if found is not None and found.certificate.not_valid_after_utc > now + _SERVING_LIFE:
        return found
    _log.info("making a certificate authority in %s: clients must be given its new certificate", path)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("apiservice CA")
    certificate = (
        _builder(key, name=name, now=now, life=_AUTHORITY_LIFE)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    made = _Pair(key=key, certificate=certificate)
    files.write(path, content=made.pem(), mode=_PRIVATE)
    return made


def _stale(path: pathlib.Path, *, authority: _Pair, hosts: Sequence[str], now: datetime) -> str | None:
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
    names = found.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return None if set(names) == set(_alternatives(hosts)) else "the hosts have changed"


def _issue(authority: _Pair, *, hosts: Sequence[str], now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        _builder(key, name=_name("apiservice"), now=now, life=_SERVING_LIFE)
        .issuer_name(issuer.subject)
        .add_extension(x509.SubjectAlternativeName(_alternatives(hosts)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(authority.key, hashes.SHA256())
    )
    return _Pair(key=key, certificate=certificate)


def _builder(
    key: ec.EllipticCurvePrivateKey, *, name: x509.Name, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid.NameOID.COMMON_NAME, common)])


def _alternatives(hosts: Sequence[str]) -> list[x509.GeneralName]:
    return [_alternative(host) for host in dict.fromkeys(hosts)]


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
