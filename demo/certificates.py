"""A certificate authority of the mesh's own and a SPIFFE identity per workload, for mutual TLS.

They are created at every start and are valid for a day by default: none is kept.
"""

import dataclasses
import datetime
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from demo import blueprint

TRUST_DOMAIN = "cluster.local"
LIFETIME = datetime.timedelta(days=1)
_CLOCK_SKEW = datetime.timedelta(minutes=5)


@dataclasses.dataclass(frozen=True, slots=True)
class Files:
    """Where the certificates of one mesh are."""

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "ca.pem"

    def chain(self, workload: blueprint.Name) -> Path:
        return self.folder / f"{workload.namespace}.{workload.name}.pem"

    def key(self, workload: blueprint.Name) -> Path:
        return self.folder / f"{workload.namespace}.{workload.name}.key"


def spiffe_id(workload: blueprint.Name) -> str:
    return f"spiffe://{TRUST_DOMAIN}/ns/{workload.namespace}/sa/{workload.name}"


def write(
    files: Files,
    *,
    workloads: Iterable[blueprint.Name],
    now: datetime.datetime,
    lifetime: datetime.timedelta = LIFETIME,
) -> None:
    files.folder.mkdir(parents=True, exist_ok=True)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "demo mesh")])
    authority = (
        _builder(authority_name, authority_name, authority_key.public_key(), now=now, end=now + lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    files.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    for workload in workloads:
        key = ec.generate_private_key(ec.SECP256R1())
        identity = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(spiffe_id(workload))])
        certificate = (
            _builder(x509.Name([]), authority_name, key.public_key(), now=now, end=now + lifetime)
            .add_extension(identity, critical=True)
            .sign(authority_key, hashes.SHA256())
        )
        files.chain(workload).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        _write_key(files.key(workload), key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    *,
    now: datetime.datetime,
    end: datetime.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(end)
    )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
