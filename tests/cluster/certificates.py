"""Three authorities and an identity for every part of a cluster, created anew at every start.

A certificate determines the client's identity: the common name is the user, the organisation the group. The
front proxy and etcd have authorities of their own, because a client that one of these has signed may claim
any identity: https://kubernetes.io/docs/setup/best-practices/certificates/
"""

import dataclasses
import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.cluster import places

FRONT_PROXY_USER = "front-proxy-client"
ADMIN = "admin"
CONTROLLERS = "controllers"
SCHEDULER = "scheduler"
KUBELET = "kubelet"
KUBE_PROXY = "kube-proxy"

_LIFETIME = datetime.timedelta(days=1)
_CLOCK_SKEW = datetime.timedelta(minutes=5)
_MASTERS = "system:masters"


@dataclasses.dataclass(frozen=True, slots=True)
class Files:
    folder: Path

    def certificate(self, name: str) -> Path:
        return self.folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """A file name, and the subject of its certificate."""

    file: str
    user: str
    group: str | None = None
    authority: str = "ca"
    hosts: tuple[str, ...] = ()
    """Names and addresses; a server has some, a client none."""


CLIENTS = {
    ADMIN: Identity(ADMIN, "kubernetes-admin", _MASTERS),
    CONTROLLERS: Identity(CONTROLLERS, "system:kube-controller-manager"),
    SCHEDULER: Identity(SCHEDULER, "system:kube-scheduler"),
    KUBELET: Identity(KUBELET, f"system:node:{places.NODE}", "system:nodes"),
    KUBE_PROXY: Identity(KUBE_PROXY, "system:kube-proxy"),
}
"""All clients of the API server; each gets a kubeconfig."""


def identities(place: places.Place) -> list[Identity]:
    api_names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
    api_hosts = (*api_names, f"kubernetes.default.svc.{places.DOMAIN}", place.address, str(place.services[1]))
    return [
        *CLIENTS.values(),
        Identity("apiserver", "kube-apiserver", hosts=api_hosts),
        Identity("apiserver-to-kubelet", "kube-apiserver-kubelet-client", _MASTERS),
        Identity("front-proxy", FRONT_PROXY_USER, authority="front-proxy-ca"),
        Identity("etcd", "etcd", authority="etcd-ca", hosts=(place.address,)),
        Identity("kubelet-server", places.NODE, hosts=(places.NODE, place.address)),
    ]


def write(files: Files, *, place: places.Place, now: datetime.datetime) -> None:
    files.folder.mkdir(parents=True)
    wanted = identities(place)
    authorities = {
        name: _write_authority(files, name, now=now) for name in sorted({one.authority for one in wanted})
    }
    for identity in wanted:
        _write_identity(files, identity, signer=authorities[identity.authority], now=now)
    accounts = ec.generate_private_key(ec.SECP256R1())
    _write_key(files.key("service-accounts"), accounts)


def _write_authority(files: Files, name: str, *, now: datetime.datetime) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(name)
    certificate = (
        _builder(subject, name, key.public_key(), now=now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_pair(files, name, certificate, key)
    return key


def _write_identity(
    files: Files, identity: Identity, *, signer: ec.EllipticCurvePrivateKey, now: datetime.datetime
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    uses = [x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]
    subject = _subject(identity.user, group=identity.group)
    builder = _builder(subject, identity.authority, key.public_key(), now=now)
    if identity.hosts:
        uses.append(x509.oid.ExtendedKeyUsageOID.SERVER_AUTH)
        names = x509.SubjectAlternativeName([_alternative(host) for host in identity.hosts])
        builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    _write_pair(files, identity.file, builder.sign(signer, hashes.SHA256()), key)


def _subject(user: str, *, group: str | None = None) -> x509.Name:
    attributes = [x509.NameAttribute(x509.NameOID.COMMON_NAME, user)]
    if group is not None:
        attributes.insert(0, x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, group))
    return x509.Name(attributes)


def _builder(
    subject: x509.Name, issuer: str, key: ec.EllipticCurvePublicKey, *, now: datetime.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_subject(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _LIFETIME)
    )


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write_pair(
    files: Files, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> None:
    files.certificate(name).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _write_key(files.key(name), key)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    # The API server does not accept a PKCS #8 key of an elliptic curve as a key of service accounts.
    sec1 = serialization.PrivateFormat.TraditionalOpenSSL
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, sec1, serialization.NoEncryption()))
