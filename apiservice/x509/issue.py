"""Issues CA and serving certificates with ECDSA P-256 keys. Nothing is stored here.

Certificates begin to be valid a little in the past, as clocks differ and clients refuse a certificate that is
not valid yet.
"""

import dataclasses
import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import oid

BACKDATED = timedelta(minutes=5)
"""How long before its issue a certificate begins to be valid."""
_LONGEST_NAME = 64
"""Characters, by RFC 5280 (ub-common-name). The name of a Service with its namespace may be longer."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def key_pem(self) -> bytes:
        """The private key in PEM (PKCS #8), not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def certificate_pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def pem(self) -> bytes:
        """The key, followed by the certificate, in PEM."""
        return self.key_pem + self.certificate_pem


def authority(*, name: str, now: datetime, life: timedelta) -> Pair:
    """A new CA, which may sign serving certificates but no other CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(key, name=_name(name), now=now, life=life)
        .issuer_name(_name(name))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Pair(key=key, certificate=certificate)


def serving(by: Pair, *, name: str, hosts: Sequence[str], now: datetime, life: timedelta) -> Pair:
    """A new serving certificate for these host names and addresses, signed by the CA `by`."""
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = by.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        _builder(key, name=_name(name), now=now, life=life)
        .issuer_name(by.certificate.subject)
        .add_extension(x509.SubjectAlternativeName(alternatives(hosts)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(by.key, hashes.SHA256())
    )
    return Pair(key=key, certificate=certificate)


def is_for(certificate: x509.Certificate, hosts: Sequence[str]) -> bool:
    """Whether the certificate names all of these hosts."""
    return set(alternatives(hosts)) <= set(_names(certificate))


def is_only_for(certificate: x509.Certificate, hosts: Sequence[str]) -> bool:
    """Whether the certificate names exactly these hosts."""
    return set(alternatives(hosts)) == set(_names(certificate))


def hosts(certificate: x509.Certificate) -> tuple[str, ...]:
    """The host names and addresses in the certificate."""
    return tuple(
        str(name.value) for name in _names(certificate) if isinstance(name, x509.DNSName | x509.IPAddress)
    )


def _names(certificate: x509.Certificate) -> Sequence[x509.GeneralName]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return []


def alternatives(hosts: Sequence[str]) -> list[x509.GeneralName]:
    """The hosts as subject alternative names: addresses as such, all others as DNS names."""
    return [_alternative(host) for host in dict.fromkeys(hosts)]


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    key: ec.EllipticCurvePrivateKey, *, name: x509.Name, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
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
    return x509.Name([x509.NameAttribute(oid.NameOID.COMMON_NAME, common[:_LONGEST_NAME])])
