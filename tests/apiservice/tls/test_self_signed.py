import pathlib
import ssl
import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from apiservice.tls import self_signed

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOSTS = ("localhost", "127.0.0.1", "::1", "traffic.mesh.svc")


def serving(directory: pathlib.Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((directory / "serving.pem").read_bytes())


def authority(directory: pathlib.Path) -> bytes:
    return (directory / "ca.crt").read_bytes()


def test_the_certificate_names_every_host_and_is_signed_by_the_authority(tmp_path: pathlib.Path) -> None:
    made = self_signed.ensure(tmp_path, hosts=HOSTS, now=NOW)
    found = x509.load_pem_x509_certificate(made.serving.read_bytes())
    found.verify_directly_issued_by(x509.load_pem_x509_certificate(made.authority.read_bytes()))
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "traffic.mesh.svc"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_keys_are_for_their_owner_only(tmp_path: pathlib.Path) -> None:
    directory = tmp_path / "tls"
    self_signed.ensure(directory, hosts=HOSTS, now=NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
    assert modes == {"ca.crt": 0o644, "ca.pem": 0o600, "serving.pem": 0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_what_is_good_is_kept(tmp_path: pathlib.Path) -> None:
    self_signed.ensure(tmp_path, hosts=HOSTS, now=NOW)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    self_signed.ensure(tmp_path, hosts=(*HOSTS[::-1], "localhost"), now=NOW + timedelta(days=300))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("hosts", "later"),
    [
        pytest.param(("localhost",), timedelta(0), id="the hosts have changed"),
        pytest.param(HOSTS, timedelta(days=340), id="it is about to expire"),
        pytest.param(HOSTS, timedelta(days=900), id="it has expired"),
    ],
)
def test_the_certificate_is_renewed_when(
    tmp_path: pathlib.Path, hosts: tuple[str, ...], later: timedelta
) -> None:
    self_signed.ensure(tmp_path, hosts=HOSTS, now=NOW)
    first, trusted = serving(tmp_path), authority(tmp_path)
    self_signed.ensure(tmp_path, hosts=hosts, now=NOW + later)
    second = serving(tmp_path)
    assert second.serial_number != first.serial_number
    assert second.not_valid_after_utc > NOW + later + timedelta(days=300)
    assert authority(tmp_path) == trusted


def test_an_authority_that_would_not_outlive_what_it_signs_is_replaced(tmp_path: pathlib.Path) -> None:
    self_signed.ensure(tmp_path, hosts=HOSTS, now=NOW)
    trusted = authority(tmp_path)
    self_signed.ensure(tmp_path, hosts=HOSTS, now=NOW + timedelta(days=3300))
    assert authority(tmp_path) != trusted
    serving(tmp_path).verify_directly_issued_by(x509.load_pem_x509_certificate(authority(tmp_path)))


@pytest.mark.parametrize("name", ["ca.crt", "ca.pem", "serving.pem"])
def test_a_file_that_is_gone_is_made_again(tmp_path: pathlib.Path, name: str) -> None:
    self_signed.ensure(tmp_path, hosts=HOSTS, now=NOW)
    (tmp_path / name).unlink()
    made = self_signed.ensure(tmp_path, hosts=HOSTS, now=NOW)
    trusted = x509.load_pem_x509_certificate(made.authority.read_bytes())
    serving(tmp_path).verify_directly_issued_by(trusted)


@pytest.mark.parametrize("name", ["ca.pem", "serving.pem"])
@pytest.mark.parametrize(
    "content", ["", "nonsense", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"]
)
def test_a_file_that_is_not_ours_is_left_and_named(tmp_path: pathlib.Path, name: str, content: str) -> None:
    self_signed.ensure(tmp_path, hosts=HOSTS, now=NOW)
    (tmp_path / name).write_text(content)
    with pytest.raises(
        self_signed.CertificateError, match=f"{name} has no readable key and certificate: delete it"
    ):
        self_signed.ensure(tmp_path, hosts=HOSTS, now=NOW)
    assert (tmp_path / name).read_text() == content


def test_a_server_speaks_tls_1_2_or_newer(tmp_path: pathlib.Path) -> None:
    context = self_signed.ensure(tmp_path, hosts=HOSTS, now=NOW).context()
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
