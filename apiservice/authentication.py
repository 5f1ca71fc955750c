"""Who is asking: credentials of a request → a user, or a 401.

An authenticator looks only at what it understands. It answers `None` when that was not presented, so that
others can be asked, and refuses with `Unauthorized` when it was presented and is not valid: a wrong
credential never falls through to a weaker one.
"""

import dataclasses
import hmac
from collections.abc import Mapping
from typing import Protocol

import multidict

from apiservice import errors

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
    return name == "authorization" or name.startswith("x-remote-")


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
