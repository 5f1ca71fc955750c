"""Certificates and authorities may change while the server runs; it never uses invalid ones."""

import asyncio
import contextlib
import pathlib
import ssl
from collections.abc import AsyncIterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from apiservice.tls import dynamic_context
from apiservice.x509 import issue, verify
from tests.apiservice import greeting, pki


@pytest.fixture
async def listener(tmp_path: pathlib.Path) -> AsyncIterator[greeting.Listener]:
    made = greeting.Listener(tmp_path)
    made.install(greeting.serving("first"))
    made.trusts(greeting.CLIENTS)
    live = dynamic_context.LiveTls(
        certificate=made.certificate, key=made.key, current=lambda: made.known, clock=lambda: made.now
    )
    async with await asyncio.start_server(made.answer, greeting.HOST, 0, ssl=live.context) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made


async def test_a_client_may_present_a_certificate_or_none(listener: greeting.Listener) -> None:
    assert await listener.greets() == ("nobody", "first")
    assert await listener.greets(greeting.CLIENTS.issue("sue")) == ("sue", "first")


@pytest.mark.parametrize("sni", ["", "traffic.mesh.svc"])
async def test_another_pair_is_served_from_the_next_look_on(listener: greeting.Listener, sni: str) -> None:
    listener.install(greeting.serving("second"))
    assert (await listener.greets(sni=sni))[1] == "first"
    listener.now = 10.0
    assert (await listener.greets(sni=sni))[1] == "second"


def mount(listener: greeting.Listener, serving: pki.Identity, *, state: str) -> None:
    """Mount a Secret like the kubelet: the files are links through `..data`, which is replaced atomically."""
    content = listener.directory / state
    content.mkdir()
    (content / "tls.crt").write_bytes(serving.pem)
    (content / "tls.key").write_bytes(serving.key_pem)
    (listener.directory / "..data_tmp").symlink_to(state)
    (listener.directory / "..data_tmp").replace(listener.directory / "..data")
    for name in (listener.certificate, listener.key):
        if not name.is_symlink():
            name.unlink()
            name.symlink_to(f"..data/{name.name}")


async def test_a_mounted_secret_that_changes_is_served_from_the_next_look_on(
    listener: greeting.Listener,
) -> None:
    for number, name in enumerate(("second", "third"), start=1):
        mount(listener, greeting.serving(name), state=f"..2026_01_0{number}")
        listener.now += 10.0
        assert (await listener.greets())[1] == name


async def test_another_authority_is_trusted_at_once_and_the_old_no_more(listener: greeting.Listener) -> None:
    listener.trusts(greeting.OTHERS)
    assert await listener.greets(greeting.OTHERS.issue("bob")) == ("bob", "first")
    assert (await listener.greets(greeting.CLIENTS.issue("sue")))[0] == ""
    assert (await listener.greets())[0] == "nobody"


async def test_an_authority_that_comes_late_is_trusted_though_there_was_none(tmp_path: pathlib.Path) -> None:
    made = greeting.Listener(tmp_path)
    made.install(greeting.serving("first"))
    live = dynamic_context.LiveTls(certificate=made.certificate, key=made.key, current=lambda: made.known)
    async with await asyncio.start_server(made.answer, greeting.HOST, 0, ssl=live.context) as server:
        made.port = server.sockets[0].getsockname()[1]
        assert (await made.greets())[0] == "nobody"
        made.trusts(greeting.CLIENTS)
        assert (await made.greets(greeting.CLIENTS.issue("sue")))[0] == "sue"


@pytest.mark.parametrize(
    ("client", "why"),
    [
        pytest.param(pki.authority("client-ca").issue("sue"), "name did not sign it", id="of a stranger"),
        pytest.param(
            greeting.CLIENTS.issue("sue", end=pki.NOW - pki.DAY / 2), "certificate has expired", id="expired"
        ),
        pytest.param(greeting.CLIENTS.issue("sue", usages=[pki.SERVER]), "purpose", id="a server's"),
    ],
)
async def test_a_wrong_certificate_ends_the_connection_and_the_log_says_why(
    listener: greeting.Listener, caplog: pytest.LogCaptureFixture, client: pki.Identity, why: str
) -> None:
    assert (await listener.greets(client))[0] == ""
    (line,) = caplog.messages
    assert line.startswith("TLS ended with a client whose certificate was refused")
    assert why in line
    assert "presented: not recorded, see its next attempt" in line
    expected = verify.Authorities(greeting.CLIENTS.pem).names
    assert line.endswith(f"expected issuers: the front proxy is certified by no CA, clients by {expected}")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_whoever_is_refused_again_is_named(
    listener: greeting.Listener, caplog: pytest.LogCaptureFixture, version: ssl.TLSVersion
) -> None:
    for _ in range(3):
        with contextlib.suppress(OSError):
            await listener.greets(pki.authority("other-ca").issue("eve"), version=version)
    _, line = caplog.messages
    assert "presented: subject 'CN=eve', issuer 'CN=other-ca' (key not named); expected issuers: " in line
    assert (await listener.greets(greeting.CLIENTS.issue("sue"), version=version))[0] == "sue"


async def test_certificates_are_recorded_for_a_short_time(
    listener: greeting.Listener, caplog: pytest.LogCaptureFixture
) -> None:
    await listener.greets(pki.authority("other-ca").issue("eve"))
    listener.now = 10.0
    await listener.greets()
    await listener.greets(pki.authority("other-ca").issue("eve"))
    assert "CN=eve" not in caplog.text


async def test_each_certificate_of_a_bundle_is_trusted_by_itself(listener: greeting.Listener) -> None:
    intermediate = greeting.OTHERS.delegate("intermediate")
    listener.trusts(greeting.CLIENTS, intermediate)
    assert (await listener.greets(intermediate.issue("bob")))[0] == "bob"
    assert (await listener.greets(greeting.CLIENTS.issue("sue")))[0] == "sue"


@pytest.mark.parametrize("order", [1, -1])
async def test_an_authority_that_took_over_the_name_of_another_is_trusted_beside_it(
    listener: greeting.Listener, order: int
) -> None:
    """During a rotation the kube-apiserver publishes both authorities.

    OpenSSL distinguishes them by key identifiers, which Go adds to every certificate that it signs.
    Without key identifiers OpenSSL tries only one of the authorities.
    """
    old, new = identified("client-ca"), identified("client-ca")
    listener.trusts(*(old, new)[::order])
    for by, name in ((old, "sue"), (new, "bob")):
        own = by.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        whose = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
        client = by.issue(name, further=[pki.extension(whose)])
        assert (await listener.greets(client))[0] == name


def identified(name: str) -> pki.Identity:
    made = issue.authority(name=name, now=pki.NOW, life=pki.DAY)
    return pki.Identity(key=made.key, certificate=made.certificate)


async def test_without_key_identifiers_namesakes_are_tried_one_after_the_other(
    listener: greeting.Listener,
) -> None:
    authorities = [greeting.CLIENTS, pki.authority("client-ca"), pki.authority("client-ca")]
    listener.trusts(*authorities, greeting.OTHERS)
    for by in (*authorities, *authorities[::-1]):
        reply = [(await listener.greets(by.issue("sue")))[0] for _ in range(5)]
        assert reply[-1] == "sue"
        assert reply == sorted(reply), "what was found to be right is used again"
    assert (await listener.greets(greeting.OTHERS.issue("bob")))[0] == "bob"


async def test_a_stranger_of_a_trusted_name_stays_a_stranger(listener: greeting.Listener) -> None:
    listener.trusts(greeting.CLIENTS, pki.authority("client-ca"))
    stranger = pki.authority("client-ca").issue("sue")
    assert {(await listener.greets(stranger))[0] for _ in range(6)} == {""}


async def test_files_that_do_not_belong_together_change_nothing(
    listener: greeting.Listener, caplog: pytest.LogCaptureFixture
) -> None:
    second = greeting.serving("second")
    listener.certificate.write_bytes(second.pem)
    for listener.now in (10.0, 20.0):
        assert (await listener.greets())[1] == "first"
    (line,) = caplog.messages
    assert "cannot be used together, what was is kept" in line
    listener.key.write_bytes(second.key_pem)
    listener.now = 30.0
    assert (await listener.greets())[1] == "second"


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
async def test_a_broken_or_missing_file_changes_nothing(
    listener: greeting.Listener, content: bytes | None
) -> None:
    if content is None:
        listener.key.unlink()
    else:
        listener.key.write_bytes(content)
    listener.now = 10.0
    assert (await listener.greets(greeting.CLIENTS.issue("sue"))) == ("sue", "first")


async def test_a_key_under_a_password_is_refused_and_not_asked_about(listener: greeting.Listener) -> None:
    second = greeting.serving("second")
    listener.install(second)
    listener.key.write_bytes(
        second.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    listener.now = 10.0
    assert (await listener.greets())[1] == "first"


def test_at_first_there_must_be_a_pair_that_belongs_together(tmp_path: pathlib.Path) -> None:
    made = greeting.Listener(tmp_path)
    made.install(greeting.serving("first"))
    made.key.write_bytes(greeting.serving("second").key_pem)
    with pytest.raises(ValueError, match="is not its own; give two that were made together"):
        dynamic_context.LiveTls(certificate=made.certificate, key=made.key, current=lambda: made.known)


async def test_tls_older_than_1_2_is_refused_and_sessions_are_not_resumed(
    listener: greeting.Listener,
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=greeting.SERVING.pem.decode())
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2", "http/1.1"])
    reader, writer = await asyncio.open_connection(
        greeting.HOST, listener.port, ssl=context, server_hostname=""
    )
    tls = writer.get_extra_info("ssl_object")
    assert tls.version() == "TLSv1.2"
    assert tls.selected_alpn_protocol() == "http/1.1"
    assert not tls.session.has_ticket
    assert await reader.read() == b"nobody"
    writer.close()
    await writer.wait_closed()
