from __future__ import annotations

import base64
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from metrics_server.upstream import credentials
from tests.apiservice import pki

AUTHORITY = pki.authority("one")
IDENTITY = AUTHORITY.issue("server")


def headers(content: bytes, *, authorizes: bool = True) -> credentials.CredentialHeaders:
    return credentials.headers([content], authorizes=authorizes)


@pytest.mark.parametrize("content", [b"abc.def-_~+/=", b"abc.def-_~+/=\n", b" abc.def-_~+/=\r\n\n"])
def test_a_token_is_the_word_in_its_file(content: bytes) -> None:
    assert credentials.token([content]).headers == {"Authorization": "Bearer abc.def-_~+/="}


@pytest.mark.parametrize(
    "content", [b"", b" \n", b"se cret", b"sec\nret", b"secr\xc3\xa9t", b"\xffsecret", b"sec\0ret"]
)
def test_what_is_no_token_is_refused_and_not_shown(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^it ") as refused:
        credentials.token([content])
    assert "sec" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"correct horse", "correct horse"),
        (b"correct horse\n", "correct horse"),
        (b"horse\r\n", "horse"),
        (b" h:o ", " h:o "),
        ("pässword".encode(), "pässword"),
    ],
)
def test_a_password_is_the_file_without_the_end_of_its_line(content: bytes, word: str) -> None:
    (basic,) = credentials.password([content], username="reader").headers.values()
    scheme, _, encoded = basic.partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(encoded).decode() == f"reader:{word}"


@pytest.mark.parametrize("content", [b"", b"\n", b"secret\nsecret", b"sec\0ret", b"secret\xff"])
def test_what_is_no_password_is_refused_and_not_shown(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^it ") as refused:
        credentials.password([content], username="reader")
    assert "sec" not in str(refused.value)


def test_headers_are_lines_with_a_name_and_a_value() -> None:
    content = b"# tenants\n\nX-Scope-OrgID: shop|data\n  X-Other:with : colon \r\nAuthorization: Custom x\n"
    assert headers(content).headers == {
        "X-Scope-OrgID": "shop|data",
        "X-Other": "with : colon",
        "Authorization": "Custom x",
    }


def test_a_file_of_comments_has_no_headers() -> None:
    assert headers(b"# none yet\n").headers == {}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"secret", "line 1 has no colon"),
        (b"A: b\n\n# c\n: secret", "line 4 has no valid header name"),
        (b"two words: secret", "line 1 has no valid header name"),
        (b"A: secret\na: secret", "line 2 names a header for the second time"),
        (b"A:", "line 1 has no value"),
        ("A: secrét".encode(), "line 1 has no value, or one that is not printable ASCII"),
        (b"A: sec\x00ret", "line 1 has no value, or one that is not printable ASCII"),
        (b"content-length: 5", "line 1 names a header that this server sets itself"),
        (b"Accept: text/html", "line 1 names a header that this server sets itself"),
        (b"A: \xff", "not text in UTF-8"),
    ],
)
def test_a_line_that_is_no_header_is_refused_by_its_number_and_not_shown(content: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        headers(content)
    assert "sec" not in str(refused.value).replace("for the second time", "")


def test_an_authorization_beside_a_token_is_one_too_many() -> None:
    with pytest.raises(
        ValueError, match="line 1 holds an Authorization although a token or a password is given"
    ):
        headers(b"authorization: Bearer x", authorizes=False)


def test_no_secret_is_in_what_is_printed() -> None:
    shown = (
        credentials.token([b"secret-token"]),
        credentials.password([b"secret-password"], username="reader"),
        headers(b"X-Key: secret-header"),
    )
    for one in shown:
        assert "secret" not in repr(one)
        whole = credentials.RequestCredentials(headers=one.headers, secrets=one.secrets)
        assert "secret" not in repr(whole)
        (value,) = one.headers.values()
        assert whole.censored(f"you sent {value}!") in (
            "you sent ‹secret›!",
            "you sent Bearer ‹secret›!",
            "you sent Basic ‹secret›!",
        )


def test_a_tenants_number_is_not_taken_out_of_every_text() -> None:
    shown = headers(b"X-Scope-OrgID: 1")
    whole = credentials.RequestCredentials(headers=shown.headers, secrets=shown.secrets)
    assert whole.censored("status 401") == "status 401"


# TLS certificates


def tls(
    folder: Path, *, ca: bytes | None = None, certificate: bytes = b"", key: bytes = b""
) -> ssl.SSLContext:
    def file(name: str, content: bytes) -> Path | None:
        if not content:
            return None
        (folder / name).write_bytes(content)
        return folder / name

    files = credentials.Tls(
        authority=file("ca.crt", ca or b""),
        certificate=file("tls.crt", certificate),
        key=file("tls.key", key),
    )
    return files.context([path.read_bytes() for path in files.paths])


def test_a_bundle_with_comments_in_any_script_is_believed_whole(tmp_path: Path) -> None:
    bundle = "# Größe\n".encode() + AUTHORITY.pem + b"# two\n" + pki.authority("two").pem
    made = tls(tmp_path, ca=bundle)
    assert len(made.get_ca_certs()) == 2
    assert (made.verify_mode, made.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_without_a_ca_those_of_the_machine_are_believed(tmp_path: Path) -> None:
    made = tls(tmp_path, certificate=IDENTITY.pem, key=IDENTITY.key_pem)
    assert made.cert_store_stats() == ssl.create_default_context().cert_store_stats()
    assert made.verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    "content", [b"hello", AUTHORITY.pem[:200], AUTHORITY.pem + AUTHORITY.pem[:200], b"\xff\0"]
)
def test_what_is_no_whole_bundle_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ValueError, match=r"ca\.crt: it holds no PEM certificate, or an incomplete one"):
        tls(tmp_path, ca=content)


ENCRYPTED = IDENTITY.key.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.BestAvailableEncryption(b"word"),
)


@pytest.mark.parametrize(
    ("certificate", "key", "why"),
    [
        (IDENTITY.pem, AUTHORITY.issue("other").key_pem, r"tls\.crt: the key in .*tls\.key is not its own"),
        (IDENTITY.pem[:200], IDENTITY.key_pem, r"tls\.crt: its certificate is damaged or cut off"),
        (IDENTITY.key_pem, IDENTITY.key_pem, r"tls\.crt: it holds a private key and no certificate"),
        (IDENTITY.pem, IDENTITY.key_pem[:60], r"tls\.key: its private key is damaged or cut off"),
        (IDENTITY.pem, IDENTITY.pem, r"tls\.key: it holds a certificate and no private key"),
        (IDENTITY.pem, b"hello", r"tls\.key: it holds no private key in PEM"),
        (IDENTITY.pem, ENCRYPTED, r"tls\.key: its private key is encrypted; decrypt it"),
    ],
    ids=[
        "of another",
        "half a certificate",
        "no certificate",
        "half a key",
        "no key",
        "no PEM",
        "an encrypted key",
    ],
)
def test_a_certificate_and_a_key_that_are_no_pair_are_refused(
    tmp_path: Path, certificate: bytes, key: bytes, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        tls(tmp_path, certificate=certificate, key=key)
