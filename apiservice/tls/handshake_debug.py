"""The certificate that a client presents in a TLS handshake, also if the handshake then fails.

Python returns a client's certificate only after a successful handshake. So Python's debugging hook is used,
which is called for each TLS message. It costs a few microseconds per message, so it is set only after a
handshake has failed.

A private hook for one line of the log is worth it: after a rotation of the cluster's CAs, whose new
certificate is refused is the question of everybody who can no longer reach the API, and nothing else answers
it. Without the hook, the line is written without that certificate.
"""

import ssl
from collections.abc import Callable, Iterable
from typing import Any

_CERTIFICATE = 11
"""The type of the handshake message: https://www.rfc-editor.org/rfc/rfc8446#section-4.4.2"""
_HEAD = 4
"""Bytes of a message's type and length."""
_LENGTH = 3
"""Bytes of the length of a list, and of a certificate in it."""


def record(contexts: Iterable[ssl.SSLContext], *, to: Callable[[bytes], None] | None) -> None:
    """Calls `to` with each client certificate, in DER and not verified yet. None ends that."""
    for context in contexts:
        # There is no public way to get a refused certificate, and typeshed has no private names.
        context._msg_callback = _hook(to) if to else None  # type: ignore[attr-defined]


def presented(message: bytes, *, version: int) -> bytes:
    """The first certificate of a handshake message; empty if it has none. The bytes may be invalid."""
    start = _HEAD + _LENGTH
    if version == ssl.TLSVersion.TLSv1_3:
        start += 1 + int.from_bytes(message[_HEAD : _HEAD + 1], "big")
    end = start + _LENGTH
    return message[end : end + int.from_bytes(message[start:end], "big")]


def _hook(to: Callable[[bytes], None]) -> Callable[..., None]:
    def hook(_connection: Any, direction: str, version: int, _kind: int, message: int, data: bytes) -> None:
        if direction == "read" and message == _CERTIFICATE and data[:1] == bytes([_CERTIFICATE]):
            to(presented(data, version=version))

    return hook
