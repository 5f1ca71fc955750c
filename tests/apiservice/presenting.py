"""Credentials as a client presents them."""

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
