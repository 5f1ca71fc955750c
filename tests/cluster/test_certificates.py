"""The identities in a cluster, and the authorities that sign them."""

import datetime
import stat
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from tests.cluster import certificates, kubeconfigs, places

_NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
_PLACE = places.place("tm", nodes=True)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> certificates.Files:
    written = certificates.Files(tmp_path_factory.mktemp("certificates") / "pki")
    certificates.write(written, place=_PLACE, now=_NOW)
    return written


def _read(files: certificates.Files, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(files.certificate(name).read_bytes())


def _value(name: x509.Name, attribute: x509.ObjectIdentifier) -> list[str]:
    return [str(found.value) for found in name.get_attributes_for_oid(attribute)]


@pytest.mark.parametrize("identity", certificates.identities(_PLACE), ids=lambda identity: identity.file)
def test_every_identity_is_signed_by_its_own_authority_and_no_other(
    files: certificates.Files, identity: certificates.Identity
) -> None:
    certificate = _read(files, identity.file)

    certificate.verify_directly_issued_by(_read(files, identity.authority))
    for other in {"ca", "etcd-ca", "front-proxy-ca"} - {identity.authority}:
        with pytest.raises((ValueError, InvalidSignature)):
            certificate.verify_directly_issued_by(_read(files, other))


def test_a_kubelet_is_known_as_its_node(files: certificates.Files) -> None:
    subject = _read(files, certificates.KUBELET).subject

    assert _value(subject, x509.NameOID.COMMON_NAME) == ["system:node:n1"]
    assert _value(subject, x509.NameOID.ORGANIZATION_NAME) == ["system:nodes"]


def test_controllers_are_users_without_a_group(files: certificates.Files) -> None:
    subject = _read(files, certificates.CONTROLLERS).subject

    assert _value(subject, x509.NameOID.COMMON_NAME) == ["system:kube-controller-manager"]
    assert _value(subject, x509.NameOID.ORGANIZATION_NAME) == []


def test_the_api_server_is_itself_from_outside_and_as_a_service(files: certificates.Files) -> None:
    names = _read(files, "apiserver").extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    assert addresses == [_PLACE.address, "10.96.0.1"]
    assert "kubernetes.default.svc" in names.get_values_for_type(x509.DNSName)


def test_a_client_cannot_serve(files: certificates.Files) -> None:
    uses = _read(files, certificates.ADMIN).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value

    assert list(uses) == [x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]


def test_keys_are_nobody_elses(files: certificates.Files) -> None:
    keys = list(files.folder.glob("*.key"))

    assert len(keys) > len(certificates.CLIENTS)
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


def test_everybody_gets_a_kubeconfig_that_needs_no_other_file(
    files: certificates.Files, tmp_path: Path
) -> None:
    folder = places.Folder(tmp_path)
    folder.scratch.mkdir()

    kubeconfigs.write(folder, place=_PLACE, files=files)

    written = [folder.kubeconfig, *folder.scratch.glob("*.kubeconfig")]
    assert len(written) == len(certificates.CLIENTS)
    for path in written:
        content = yaml.safe_load(path.read_text())
        assert content["clusters"][0]["cluster"]["server"] == f"https://{_PLACE.address}:6443"
        assert str(files.folder) not in path.read_text()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
