import pytest

from apiservice.authn import authenticator as authn_authenticator
from apiservice.http import errors
from tests.apiservice import asking

SECRET = "s3cr3t"


def present(**headers: str) -> authn_authenticator.Credentials:
    return authn_authenticator.Credentials(headers=asking.incoming("/", headers=headers).headers)


@pytest.fixture
def authenticator() -> authn_authenticator.TokenAuthenticator:
    return authn_authenticator.TokenAuthenticator(token=SECRET, user=asking.ADMIN)


@pytest.mark.parametrize("header", [f"Bearer {SECRET}", f"bearer {SECRET}", f"BEARER   {SECRET} "])
async def test_the_token_stands_for_its_user(
    authenticator: authn_authenticator.TokenAuthenticator, header: str
) -> None:
    assert await authenticator.authenticate(present(Authorization=header)) == asking.ADMIN


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer s3cr3", "Bearer s3cr3t!", "Bearer \udcff", "Bearer é"]
)
async def test_a_wrong_token_is_refused(
    authenticator: authn_authenticator.TokenAuthenticator, header: str
) -> None:
    with pytest.raises(errors.Unauthorized, match="not valid"):
        await authenticator.authenticate(present(Authorization=header))


@pytest.mark.parametrize("header", ["", "Basic czNjcjN0", SECRET])
async def test_another_credential_is_left_to_others(
    authenticator: authn_authenticator.TokenAuthenticator, header: str
) -> None:
    assert await authenticator.authenticate(present(Authorization=header)) is None


@pytest.mark.parametrize("token", ["", "  "])
def test_an_empty_token_never_stands_for_anybody(token: str) -> None:
    with pytest.raises(ValueError, match="the bearer token is empty"):
        authn_authenticator.TokenAuthenticator(token=token, user=asking.ADMIN)


def test_the_token_is_not_shown(authenticator: authn_authenticator.TokenAuthenticator) -> None:
    assert SECRET not in repr(authenticator)
