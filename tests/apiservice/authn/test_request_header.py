import dataclasses

import pytest

from apiservice.authn import authenticator as authn_authenticator
from apiservice.authn import request_header
from apiservice.http import errors
from apiservice.x509 import verify
from tests.apiservice import pki, presenting

CA = pki.authority("front-proxy-ca")
CLIENTS = pki.authority("client-ca")
PROXY = CA.issue("front-proxy-client")
SETTINGS = request_header.FrontProxy(
    authorities=verify.Authorities(CA.pem),
    allowed_names=frozenset({"front-proxy-client"}),
    uid_headers=("X-Remote-Uid",),
)
SUE = {"X-Remote-User": "sue"}


def authenticator(
    settings: request_header.FrontProxy | None = SETTINGS,
) -> request_header.FrontProxyAuthenticator:
    return request_header.FrontProxyAuthenticator(lambda: settings, clock=lambda: pki.NOW)


async def test_the_front_proxy_says_everything_of_the_user() -> None:
    headers = [
        ("X-Remote-User", "sue"),
        ("X-Remote-Uid", "42"),
        ("X-Remote-Group", "dev"),
        ("x-remote-group", "ops"),
        ("X-Remote-Group", ""),
        ("X-Remote-Extra-Example.com%2fRoles", "reader"),
        ("X-Remote-Extra-example.com%2Froles", "writer"),
        ("X-Remote-Extra-100%", "x"),
        ("Accept", "text/plain"),
    ]
    assert await authenticator().authenticate(
        presenting.present(PROXY, headers=headers)
    ) == authn_authenticator.User(
        name="sue",
        uid="42",
        groups=("dev", "ops"),
        extra={"example.com/roles": ("reader", "writer"), "100%": ("x",)},
    )


async def test_headers_have_the_names_and_the_order_they_are_given() -> None:
    settings = dataclasses.replace(
        SETTINGS,
        user_headers=("X-First", "X-Second"),
        group_headers=("X-Team", "X-Crew"),
        uid_headers=(),
        extra_prefixes=("X-More-", "X-Further-"),
    )
    headers = {
        "X-Crew": "b",
        "X-Team": "a",
        "X-First": "",
        "X-Second": "sue",
        "X-Further-a": "1",
        "X-More-b": "2",
        "X-Remote-User": "root",
        "X-Remote-Group": "system:masters",
        "X-Remote-Uid": "0",
    }
    user = await authenticator(settings).authenticate(presenting.present(PROXY, headers=headers))
    assert user == authn_authenticator.User(name="sue", groups=("a", "b"), extra={"b": ("2",), "a": ("1",)})


@pytest.mark.parametrize(
    ("proxy", "why"),
    [
        pytest.param(None, "presented: no certificate", id="no certificate"),
        pytest.param(CLIENTS.issue("front-proxy-client"), "issuer 'CN=client-ca'", id="a client's authority"),
        pytest.param(CA.issue("sue"), "common name 'sue' is not allowed", id="another name"),
        pytest.param(
            CA.issue("front-proxy-client", usages=[pki.SERVER]), "lacks clientAuth", id="a server's"
        ),
        pytest.param(
            CA.issue("front-proxy-client", end=pki.NOW - pki.DAY / 2), "it is valid from", id="expired"
        ),
        pytest.param(
            pki.authority("front-proxy-ca").issue("front-proxy-client"),
            "none of the expected authorities",
            id="an authority that was replaced",
        ),
    ],
)
async def test_forged_headers_are_nothing_and_the_log_says_why(
    proxy: pki.Identity | None, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    chain = (proxy,) if proxy else ()
    asked = authenticator()
    for _ in range(3):
        assert await asked.authenticate(presenting.present(*chain, headers=SUE)) is None
    (line,) = caplog.messages
    assert "front-proxy authentication failed" in line
    assert "expected issuer: CN=front-proxy-ca" in line
    assert "allowed names: front-proxy-client" in line
    assert why in line


async def test_what_is_no_certificate_at_all_is_named_so(caplog: pytest.LogCaptureFixture) -> None:
    presented = dataclasses.replace(presenting.present(headers=SUE), certificates=(b"nonsense",))
    assert await authenticator().authenticate(presented) is None
    assert "presented: an unreadable certificate" in caplog.text


async def test_without_allowed_names_every_name_is_allowed() -> None:
    settings = dataclasses.replace(SETTINGS, allowed_names=frozenset())
    found = await authenticator(settings).authenticate(presenting.present(CA.issue("any"), headers=SUE))
    assert found is not None


@pytest.mark.parametrize("headers", [{}, {"X-Remote-Group": "system:masters"}, {"X-Remote-User": ""}])
async def test_without_a_user_in_the_headers_others_are_asked(
    headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert await authenticator().authenticate(presenting.present(PROXY, headers=headers)) is None
    assert caplog.messages == []


async def test_without_a_known_front_proxy_the_headers_are_nothing() -> None:
    assert await authenticator(None).authenticate(presenting.present(PROXY, headers=SUE)) is None


async def test_another_authority_counts_from_the_next_request_on() -> None:
    known = [SETTINGS]
    asked = request_header.FrontProxyAuthenticator(lambda: known[0], clock=lambda: pki.NOW)
    presented = presenting.present(PROXY, headers=SUE)
    assert await asked.authenticate(presented) is not None
    replaced = pki.authority("front-proxy-ca")
    known[0] = dataclasses.replace(SETTINGS, authorities=verify.Authorities(replaced.pem))
    assert await asked.authenticate(presented) is None
    renewed = presenting.present(replaced.issue("front-proxy-client"), headers=SUE)
    assert await asked.authenticate(renewed) is not None


@pytest.mark.parametrize(
    "header",
    [
        ("X-Remote-User", "s\udcffe"),
        ("X-Remote-Group", "\udcff"),
        ("X-Remote-Uid", "\udcff"),
        ("X-Remote-Extra-a", "\udcff"),
        ("X-Remote-Extra-%ff", "a"),
    ],
)
async def test_what_is_not_utf_8_is_refused(header: tuple[str, str]) -> None:
    headers = [header, ("X-Remote-User", "sue")]
    with pytest.raises(errors.Unauthorized, match="not UTF-8"):
        await authenticator().authenticate(presenting.present(PROXY, headers=headers))
