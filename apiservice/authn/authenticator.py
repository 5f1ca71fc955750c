"""Authentication: the credentials of a request → a user, or a 401.

An authenticator handles one kind of credential. It returns `None` if the request has no such credential, so
that the next authenticator is tried. It raises `Unauthorized` if the credential is not valid: a request with
a wrong credential must not be accepted because of a weaker one.
"""

import dataclasses
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib import parse

import multidict

from apiservice.http import errors

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An authenticated user, in the terms of Kubernetes RBAC."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    @property
    def is_sayable(self) -> bool:
        """Whether name, groups, UID and extra can be encoded as UTF-8.

        A user with other bytes must be refused: with these bytes replaced, it would be another user.
        """
        extra = [text for key, values in self.extra.items() for text in (key, *values)]
        try:
            "".join([self.name, *self.groups, self.uid, *extra]).encode()
        except UnicodeEncodeError:
            return False
        return True


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The headers and client certificates of a request."""

    headers: multidict.CIMultiDictProxy[str]
    certificates: tuple[bytes, ...] = ()
    """The chain of the TLS handshake in DER, the client's own certificate first. It is not verified yet."""


class Authenticator(Protocol):
    """Finds the user of a request by one kind of credential."""

    async def authenticate(self, credentials: Credentials) -> User | None:
        """The user; `None` if the request has no credential of this kind.

        Raises `Unauthorized` if the credential is not valid.
        """


def extras(
    headers: multidict.CIMultiDictProxy[str], *, prefixes: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """The `extra` values of a user. The key is the part of the header's name after one of the prefixes."""
    found: dict[str, list[str]] = {}
    for prefix in map(str.lower, prefixes):
        for header, value in headers.items():
            name = header.lower()
            if name.startswith(prefix):
                found.setdefault(_unescaped(name[len(prefix) :]), []).append(value)
    return {key: tuple(values) for key, values in found.items()}


_ESCAPED = re.compile(r"(?:[^%]|%[0-9a-f]{2})*")


def _unescaped(key: str) -> str:
    """The key without percent-encoding. A key with a malformed escape stays unchanged, as in Go."""
    return parse.unquote(key, errors="surrogateescape") if _ESCAPED.fullmatch(key) else key


def bearer(headers: Mapping[str, str]) -> str | None:
    """The bearer token, which may be empty; `None` if there is no `Authorization: Bearer` header."""
    scheme, _, presented = headers.get("Authorization", "").strip().partition(" ")
    return presented.strip() if scheme.lower() == "bearer" else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TokenAuthenticator:
    """Accepts one bearer token, for one user. Raises `ValueError` if the token is empty."""

    token: str = dataclasses.field(repr=False)
    user: User

    def __post_init__(self) -> None:
        if not self.token.strip():
            raise ValueError("the bearer token is empty, so anyone could use it; generate one")

    async def authenticate(self, credentials: Credentials) -> User | None:
        """The user; `None` without a bearer token. Raises `Unauthorized` for another token."""
        presented = bearer(credentials.headers)
        if presented is None:
            return None
        # A comparison in constant time: the duration of the answer must not depend on the token.
        if not hmac.compare_digest(presented.encode(errors="replace"), self.token.encode()):
            raise errors.Unauthorized("Unauthorized: the bearer token is not valid")
        return self.user
