"""A viewer's token as an encrypted cookie.

The browser keeps the session, so replicas share only the key. The cookie contains the time of its encryption
and is invalid after the length of a session.
"""

import base64
import datetime as dt
import hashlib
import pathlib
import secrets
import zlib
from collections.abc import Callable

from cryptography import fernet

from dashboard.client import bounded, faults

_SHORTEST_KEY = 32  # characters
_LONGEST_COOKIE = 3800  # bytes; browsers drop a cookie of more than 4096, its name and attributes included
_LONGEST_TOKEN = 64 * 1024  # bytes, a limit for decompression


class TokenTooLong(Exception):
    """The token is too long for a cookie."""


class SessionCookie:
    """Encrypts with the first key and decrypts with each, so that keys can be replaced one by one."""

    def __init__(
        self,
        keys: list[str],
        *,
        length: dt.timedelta,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        derived = [base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()) for key in keys]
        self._cipher = fernet.MultiFernet([fernet.Fernet(key) for key in derived])
        self._now = now
        self.length = length

    def encrypt(self, token: str) -> str:
        """Encrypt a token. Raises TokenTooLong."""
        cookie = self._cipher.encrypt_at_time(zlib.compress(token.encode(), 9), self._seconds()).decode()
        if len(cookie) > _LONGEST_COOKIE:
            raise TokenTooLong
        return cookie

    def decrypt(self, cookie: str) -> str | None:
        """The token of a cookie; None if the cookie is invalid or has expired."""
        lifetime = int(self.length.total_seconds())
        try:
            compressed = self._cipher.decrypt_at_time(cookie, lifetime, self._seconds())
            return zlib.decompressobj().decompress(compressed, _LONGEST_TOKEN).decode()
        except (fernet.InvalidToken, zlib.error, ValueError):
            return None

    def _seconds(self) -> int:
        return int(self._now().timestamp())


def keys(file: pathlib.Path | None) -> list[str]:
    """The keys in a file, one per line; without a file a random one. Raises `faults.Unconfigured`."""
    if file is None:
        return [secrets.token_urlsafe(_SHORTEST_KEY)]
    try:
        found = bounded.text(file).split()
    except (OSError, ValueError) as error:
        raise faults.Unconfigured(
            f"Cannot read the cookie key {file} (--cookie-key): {bounded.reason(error)}. "
            "Correct the path or the file."
        ) from error
    if not found or min(map(len, found)) < _SHORTEST_KEY:
        raise faults.Unconfigured(
            f"Each line of {file} must be a key of at least {_SHORTEST_KEY} characters, "
            "such as `openssl rand -hex 32` prints."
        )
    return found
