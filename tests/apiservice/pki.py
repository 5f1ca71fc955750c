"""Certificate authorities, and the certificates that they sign: valid ones and deliberately invalid ones."""

import dataclasses
import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import oid

NOW = datetime.now(UTC).replace(microsecond=0)
"""The real time, because TLS compares a certificate's dates with the real clock."""
DAY = timedelta(days=1)

CLIENT = oid.ExtendedKeyUsageOID.CLIENT_AUTH
SERVER = oid.ExtendedKeyUsageOID.SERVER_AUTH


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def issue(
        self,
        name: str = "",
        *,
        organizations: Sequence[str] = (),
        usages: Sequence[x509.ObjectIdentifier] = (CLIENT,),
        begin: datetime = NOW - DAY,
        end: datetime = NOW + DAY,
        host: str = "",
        further: Sequence[x509.Extension[x509.ExtensionType]] = (),
    ) -> "Identity":
        """Return a certificate for a client or a server, without key identifiers, as kubeadm makes them."""
        subject = [x509.NameAttribute(oid.NameOID.ORGANIZATION_NAME, each) for each in organizations]
        if name:
            subject.append(x509.NameAttribute(oid.NameOID.COMMON_NAME, name))
        extensions = [extension(x509.BasicConstraints(ca=False, path_length=None), critical=True), *further]
        if usages:
            extensions.append(extension(x509.ExtendedKeyUsage(usages)))
        if host:
            address = x509.IPAddress(ipaddress.ip_address(host))
            extensions.append(extension(x509.SubjectAlternativeName([address])))
        return _sign(x509.Name(subject), by=self, extensions=extensions, begin=begin, end=end)

    def delegate(
        self,
        name: str,
        *,
        is_authority: bool = True,
        path_length: int | None = None,
        end: datetime = NOW + DAY,
        further: Sequence[x509.Extension[x509.ExtensionType]] = (),
    ) -> "Identity":
        """Return an intermediate authority that this authority signed."""
        constraints = x509.BasicConstraints(ca=is_authority, path_length=path_length)
        extensions = [extension(constraints, critical=True), *further]
        return _sign(_name(name), by=self, extensions=extensions, begin=NOW - DAY, end=end)


def extension(value: x509.ExtensionType, *, critical: bool = False) -> x509.Extension[x509.ExtensionType]:
    return x509.Extension(value.oid, critical, value)


def authority(name: str, *, path_length: int | None = None, end: datetime = NOW + DAY) -> Identity:
    constraints = extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    return _sign(_name(name), by=None, extensions=[constraints], begin=NOW - DAY, end=end)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid.NameOID.COMMON_NAME, common)])


def _sign(
    subject: x509.Name,
    *,
    by: Identity | None,
    extensions: Sequence[x509.Extension[x509.ExtensionType]],
    begin: datetime,
    end: datetime,
) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    for each in extensions:
        builder = builder.add_extension(each.value, critical=each.critical)
    return Identity(key=key, certificate=builder.sign(by.key if by else key, hashes.SHA256()))
