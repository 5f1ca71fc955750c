import dataclasses

import pytest

from apiservice.authn import authenticator, chain, client_certificate, request_header
from apiservice.http import errors
from apiservice.x509 import verify
from tests.apiservice import pki, presenting

PROXIES = pki.authority("front-proxy-ca")
CLIENTS = pki.authority("client-ca")
TOKEN = "correct-horse"
BOB = authenticator.User(name="bob", groups=("ops",))
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ROOT = {"X-Remote-User": "root", "X-Remote-Group": "system:masters"}


def everyone(
    *, anonymous: bool = True, proxies: pki.Identity = PROXIES, names: frozenset[str] = frozenset({"proxy"})
) -> chain.AuthenticatorChain:
    proxy = request_header.FrontProxy(authorities=verify.Authorities(proxies.pem), allowed_names=names)
    clients = verify.Authorities(CLIENTS.pem)
    return chain.AuthenticatorChain(
        authenticators=(
            request_header.FrontProxyAuthenticator(lambda: proxy, clock=lambda: pki.NOW),
            client_certificate.ClientCertificateAuthenticator(lambda: clients, clock=lambda: pki.NOW),
            authenticator.TokenAuthenticator(token=TOKEN, user=BOB),
        ),
        anonymous=anonymous,
    )


async def name(
    asked: chain.AuthenticatorChain, *chain: pki.Identity, headers: dict[str, str] | None = None
) -> str:
    user = await asked.authenticate(presenting.present(*chain, headers=headers))
    return user.name if user else ""


async def test_the_first_that_knows_the_user_decides() -> None:
    assert await name(everyone(), PROXIES.issue("proxy"), headers={**ROOT, **BEARER}) == "root"
    assert await name(everyone(), CLIENTS.issue("sue"), headers=BEARER) == "sue"
    assert await name(everyone(), headers=BEARER) == "bob"


async def test_a_client_that_forges_the_proxys_headers_is_who_it_is() -> None:
    assert await name(everyone(), CLIENTS.issue("sue"), headers=ROOT) == "sue"
    assert await name(everyone(), CLIENTS.issue("proxy"), headers=ROOT) == "proxy"
    assert await name(everyone(), headers={**ROOT, **BEARER}) == "bob"
    assert await name(everyone(), headers=ROOT) == "system:anonymous"


async def test_where_both_authorities_are_one_the_name_tells_the_proxy_from_clients() -> None:
    asked = everyone(proxies=CLIENTS)
    assert await name(asked, CLIENTS.issue("proxy"), headers=ROOT) == "root"
    assert await name(asked, CLIENTS.issue("sue"), headers=ROOT) == "sue"


@pytest.mark.parametrize("headers", [{}, BEARER, ROOT])
@pytest.mark.parametrize(
    "presented",
    [
        pytest.param(PROXIES.issue("sue"), id="of the proxy's authority, not the proxy"),
        pytest.param(pki.authority("client-ca").issue("sue"), id="of a replaced authority"),
        pytest.param(CLIENTS.issue("sue", end=pki.NOW - pki.DAY / 2), id="expired"),
    ],
)
async def test_a_wrong_certificate_is_never_taken_for_none(
    presented: pki.Identity, headers: dict[str, str]
) -> None:
    with pytest.raises(errors.Unauthorized, match="the client certificate is not valid"):
        await name(everyone(), presented, headers=headers)


async def test_a_wrong_token_is_never_taken_for_none() -> None:
    with pytest.raises(errors.Unauthorized, match="the bearer token is not valid"):
        await name(everyone(), headers={"Authorization": "Bearer wrong"})


async def test_the_front_proxy_that_names_nobody_is_not_let_in() -> None:
    with pytest.raises(errors.Unauthorized):
        await name(everyone(), PROXIES.issue("proxy"))


async def test_who_presents_nothing_is_anonymous_where_that_is_enabled() -> None:
    assert await everyone().authenticate(presenting.present()) == authenticator.User(
        name="system:anonymous", groups=("system:unauthenticated",)
    )
    assert await everyone(anonymous=False).authenticate(presenting.present()) is None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Always:
    user: authenticator.User

    async def authenticate(self, credentials: authenticator.Credentials) -> authenticator.User | None:
        return self.user


@pytest.mark.parametrize(
    ("who", "groups", "expected"),
    [
        ("sue", (), ("system:authenticated",)),
        ("sue", ("dev",), ("dev", "system:authenticated")),
        ("sue", ("system:authenticated", "dev"), ("system:authenticated", "dev")),
        ("sue", ("system:unauthenticated",), ("system:unauthenticated",)),
        ("system:anonymous", (), ()),
    ],
)
async def test_who_is_known_is_in_the_group_of_all_who_are(
    who: str, groups: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    always = Always(user=authenticator.User(name=who, groups=groups, uid="1", extra={"a": ("b",)}))
    user = await chain.AuthenticatorChain(authenticators=(always,), anonymous=True).authenticate(
        presenting.present()
    )
    assert user == authenticator.User(name=who, groups=expected, uid="1", extra={"a": ("b",)})
