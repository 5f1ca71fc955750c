"""Credentials as a client presents them."""

import multidict

from apiservice import authentication
from tests.apiservice import pki


def present(
    *chain: pki.Identity, headers: dict[str, str] | list[tuple[str, str]] | None = None
) -> authentication.Credentials:
    return authentication.Credentials(
        headers=multidict.CIMultiDictProxy(multidict.CIMultiDict(headers or {})),
        certificates=tuple(each.der for each in chain),
    )
