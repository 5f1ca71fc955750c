"""A helper that builds the credentials of a request: its headers and certificates."""

import multidict

from apiservice.authn import authenticator
from tests.apiservice import pki


def present(
    *chain: pki.Identity, headers: dict[str, str] | list[tuple[str, str]] | None = None
) -> authenticator.Credentials:
    return authenticator.Credentials(
        headers=multidict.CIMultiDictProxy(multidict.CIMultiDict(headers or {})),
        certificates=tuple(each.der for each in chain),
    )
