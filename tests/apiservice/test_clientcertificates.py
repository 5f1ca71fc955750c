import hashlib

import pytest

from apiservice import authentication, clientcertificates, errors, trust
from tests.apiservice import pki, presenting

CA = pki.authority("client-ca")
PROXIES = pki.authority("front-proxy-ca")


def authenticator(
    authorities: trust.Authorities | None,
) -> clientcertificates.ClientCertificateAuthenticator:
    return clientcertificates.ClientCertificateAuthenticator(lambda: authorities, clock=lambda: pki.NOW)


@pytest.fixture
def clients() -> clientcertificates.ClientCertificateAuthenticator:
    return authenticator(trust.Authorities(CA.pem))


async def test_the_subject_is_the_user(clients: clientcertificates.ClientCertificateAuthenticator) -> None:
    sue = CA.issue("sue", organizations=["dev", "ops"])
    fingerprint = hashlib.sha256(sue.der).hexdigest()
    assert await clients.authenticate(presenting.present(sue)) == authentication.User(
        name="sue",
        groups=("dev", "ops"),
        extra={"authentication.kubernetes.io/credential-id": (f"X509SHA256={fingerprint}",)},
    )


async def test_without_a_certificate_others_are_asked(
    clients: clientcertificates.ClientCertificateAuthenticator,
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
    clients: clientcertificates.ClientCertificateAuthenticator,
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
    assert f"presented: {trust.describe(presented.certificate)}; expected issuer: CN=client-ca (key " in line


async def test_without_an_authority_no_certificate_is_valid() -> None:
    with pytest.raises(errors.Unauthorized, match="no authority of client certificates is known"):
        await authenticator(None).authenticate(presenting.present(CA.issue("sue")))
