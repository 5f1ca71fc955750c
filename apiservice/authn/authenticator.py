"""Who is asking: credentials of a request → a user, or a 401.

An authenticator looks only at what it understands. It answers `None` when that was not presented, so that
others can be asked, and refuses with `Unauthorized` when it was presented and is not valid: a wrong
credential never falls through to a weaker one.
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
        """Whether all of it is text. Other bytes could only be said as other characters: as another name."""
        extra = [text for key, values in self.extra.items() for text in (key, *values)]
        try:
            "".join([self.name, *self.groups, self.uid, *extra]).encode()
        except UnicodeEncodeError:
            return False
        return True


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a request presents of its sender."""

    headers: multidict.CIMultiDictProxy[str]
    certificates: tuple[bytes, ...] = ()
    """Of the TLS handshake, in DER, the client's own first. Whose they are is for an authenticator to say."""


class Authenticator(Protocol):
    async def authenticate(self, credentials: Credentials) -> User | None:
        """The user; `None` if nothing was presented that this authenticator understands."""


def identifies(header: str) -> bool:
    """Whether a header says who is asking. Nothing behind the authenticators ever sees such a header."""
    name = header.lower()
    return name == "authorization" or name.startswith(("x-remote-", "impersonate-"))


def impersonates(header: str) -> bool:
    """Whether a header says as whom the sender wants to act."""
    return header[:12].lower() == "impersonate-"


def extras(
    headers: multidict.CIMultiDictProxy[str], *, prefixes: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """What else is said of a user, by the part of the header's name behind a prefix."""
    found: dict[str, list[str]] = {}
    for prefix in map(str.lower, prefixes):
        for header, value in headers.items():
            name = header.lower()
            if name.startswith(prefix):
                found.setdefault(_unescaped(name[len(prefix) :]), []).append(value)
    return {key: tuple(values) for key, values in found.items()}


_ESCAPED = re.compile(r"(?:[^%]|%[0-9a-f]{2})*")


def _unescaped(key: str) -> str:
    """A key with a malformed escape is what it looks like, as in Go."""
    return parse.unquote(key, errors="surrogateescape") if _ESCAPED.fullmatch(key) else key


def bearer(headers: Mapping[str, str]) -> str | None:
    """The bearer token, which may be empty; `None` if none was presented."""
    scheme, _, presented = headers.get("Authorization", "").strip().partition(" ")
    return presented.strip() if scheme.lower() == "bearer" else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TokenAuthenticator:
    """One bearer token stands for one user."""

    token: str = dataclasses.field(repr=False)
    user: User

    def __post_init__(self) -> None:
        if not self.token.strip():
            raise ValueError("the bearer token is empty: everybody could present it; generate one")

    async def authenticate(self, credentials: Credentials) -> User | None:
        presented = bearer(credentials.headers)
        if presented is None:
            return None
        # Constant time, so that the answer's delay tells nothing about the token.
        if not hmac.compare_digest(presented.encode(errors="replace"), self.token.encode()):
            raise errors.Unauthorized("Unauthorized: the bearer token is not valid")
        return self.user
