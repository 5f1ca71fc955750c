import hashlib

import pytest

from apiservice.authn import authenticator as authn_authenticator
from apiservice.authn import client_certificate
from apiservice.http import errors
from apiservice.x509 import verify
from tests.apiservice import pki, presenting

CA = pki.authority("client-ca")
PROXIES = pki.authority("front-proxy-ca")


def authenticator(
    authorities: verify.Authorities | None,
) -> client_certificate.ClientCertificateAuthenticator:
    return client_certificate.ClientCertificateAuthenticator(lambda: authorities, clock=lambda: pki.NOW)


@pytest.fixture
def clients() -> client_certificate.ClientCertificateAuthenticator:
    return authenticator(verify.Authorities(CA.pem))


async def test_the_subject_is_the_user(clients: client_certificate.ClientCertificateAuthenticator) -> None:
    sue = CA.issue("sue", organizations=["dev", "ops"])
    fingerprint = hashlib.sha256(sue.der).hexdigest()
    assert await clients.authenticate(presenting.present(sue)) == authn_authenticator.User(
        name="sue",
        groups=("dev", "ops"),
        extra={"authentication.kubernetes.io/credential-id": (f"X509SHA256={fingerprint}",)},
    )


async def test_without_a_certificate_others_are_asked(
    clients: client_certificate.ClientCertificateAuthenticator,
) -> None:
    assert await clients.authenticate(presenting.present(headers={"X-Remote-User": "sue"})) is None


@pytest.mark.parametrize(
    ("presented", "why"),
    [
        pytest.param(PROXIES.issue("front-proxy-client"), "none of the expected", id="the front proxy"),
        pytest.param(CA.issue("sue", end=pki.NOW - pki.DAY / 2), "it is valid from", id="expired"),
        pytest.param(CA.issue("sue", usages=[pki.SERVER]), "not for clients", id="a server"),
        pytest.param(CA.issue("", organizations=["dev"]), "no common name", id="nobody"),
    ],
)
async def test_a_certificate_that_is_not_valid_is_refused_and_the_log_says_whose_it_was(
    clients: client_certificate.ClientCertificateAuthenticator,
    presented: pki.Identity,
    why: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(3):
        with pytest.raises(errors.Unauthorized, match=f"the client certificate is not valid: .*{why}"):
            await clients.authenticate(presenting.present(presented))
    (line,) = caplog.messages
    assert line.startswith("client certificate authentication failed: ")
    assert why in line
    assert f"presented: {verify.describe(presented.certificate)}; expected issuer: CN=client-ca (key " in line


async def test_without_an_authority_no_certificate_is_valid() -> None:
    with pytest.raises(errors.Unauthorized, match="this server knows no CA for client certificates"):
        await authenticator(None).authenticate(presenting.present(CA.issue("sue")))
