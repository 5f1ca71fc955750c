"""The certificate that a client presents in a TLS handshake, also where the handshake then fails.

Python tells it only after a handshake that went well, and not why another did not. So its hook for debugging
is used, which is called for each TLS message; that costs some microseconds each, so it is only in use while
somebody is curious.
"""

import ssl
from collections.abc import Callable, Iterable
from typing import Any

_CERTIFICATE = 11
"""The handshake message: https://www.rfc-editor.org/rfc/rfc8446#section-4.4.2"""
_HEAD = 4
"""Bytes of a message's type and length."""
_LENGTH = 3
"""Bytes of the length of a list, and of a certificate in it."""


def overhear(contexts: Iterable[ssl.SSLContext], *, hear: Callable[[bytes], None] | None) -> None:
    """`hear` is given each certificate in DER before it is judged; None ends it."""
    for context in contexts:
        # There is no other way to see a certificate that is refused; typeshed leaves private names out.
        context._msg_callback = _hook(hear) if hear else None  # type: ignore[attr-defined]


def presented(message: bytes, *, version: int) -> bytes:
    """The first certificate of a handshake message; empty where it has none. Nobody has looked at it yet, it
    may be anything.
    """
    start = _HEAD + _LENGTH
    if version == ssl.TLSVersion.TLSv1_3:
        start += 1 + int.from_bytes(message[_HEAD : _HEAD + 1], "big")
    end = start + _LENGTH
    return message[end : end + int.from_bytes(message[start:end], "big")]


def _hook(hear: Callable[[bytes], None]) -> Callable[..., None]:
    def hook(_connection: Any, direction: str, version: int, _kind: int, message: int, data: bytes) -> None:
        if direction == "read" and message == _CERTIFICATE and data[:1] == bytes([_CERTIFICATE]):
            hear(presented(data, version=version))

    return hook
