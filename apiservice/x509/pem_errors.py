"""Explains why a certificate and key in PEM cannot be used: which file, what is wrong, and what to do.

OpenSSL names neither the file nor the error: for a key in place of a certificate, a file that is cut off and
a file in UTF-16 it always reports "PEM lib". OpenSSL still decides; the explanation is made when it refuses.
"""

import pathlib
import warnings
from datetime import datetime

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import serialization
from cryptography.utils import CryptographyDeprecationWarning

from apiservice.runtime import files

_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_LABEL = "PRIVATE KEY"
"""Of the first and the last line of a key in PEM."""
_KEY = f"{_LABEL}-----".encode()
_ENCRYPTED = (b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED")
_UNUSABLE = (ValueError, TypeError, exceptions.UnsupportedAlgorithm)


def refused(
    certificate: tuple[pathlib.Path, bytes], key: tuple[pathlib.Path, bytes], *, said: str
) -> files.BadFile:
    """The error that explains why OpenSSL does not accept a certificate and key.

    Each is a file and its content; `said` is OpenSSL's own reason.
    """
    try:
        check(certificate, key)
    except files.BadFile as error:
        return error
    why = f"OpenSSL does not accept it with the key in {files.shown(key[0])} ({said}); make both anew"
    return files.BadFile(certificate[0], why)


def check(certificate: tuple[pathlib.Path, bytes], key: tuple[pathlib.Path, bytes]) -> None:
    """Raises `files.BadFile` if these are not a certificate and its key. Each is a file and its content."""
    (certified, public), (keyed, private) = certificate, key
    if why := _of_certificate(public):
        raise files.BadFile(certified, why)
    if why := _of_key(private):
        raise files.BadFile(keyed, why)
    if not _belong_together(public, private):
        raise files.BadFile(
            certified,
            f"the key in {files.shown(keyed)} is not its own; give two that were made together",
        )


def over(content: bytes, *, now: datetime) -> str | None:
    """Why the first certificate in the content is expired or not valid yet; `None` if it is valid now."""
    try:
        first = _first(content)
    except _UNUSABLE:
        return None
    if first.not_valid_after_utc < now:
        return f"the certificate expired at {first.not_valid_after_utc:%Y-%m-%d %H:%M}Z; renew it"
    if first.not_valid_before_utc > now:
        return (
            f"the certificate is not valid before {first.not_valid_before_utc:%Y-%m-%d %H:%M}Z; "
            "correct the clock"
        )
    return None


def _of_certificate(content: bytes) -> str | None:
    if _CERTIFICATE not in content:
        if _KEY in content:
            return "it holds a private key and no certificate; give the certificate"
        return "it holds no certificate in PEM; give a file that begins with -----BEGIN CERTIFICATE-----"
    try:
        _first(content)
    except _UNUSABLE:
        return "its certificate is damaged or cut off; write the file anew"
    return None


def _of_key(content: bytes) -> str | None:
    if any(sign in content for sign in _ENCRYPTED):
        return "its private key is encrypted; decrypt it with `openssl pkey -in KEY -out NEW`"
    if _KEY not in content:
        if _CERTIFICATE in content:
            return "it holds a certificate and no private key; give the certificate's key"
        return f"it holds no private key in PEM; give a file that begins with -----BEGIN {_LABEL}-----"
    try:
        serialization.load_pem_private_key(content, password=None)
    except _UNUSABLE:
        return "its private key is damaged or cut off; write the file anew"
    return None


def _belong_together(certificate: bytes, key: bytes) -> bool:
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    own = serialization.load_pem_private_key(key, password=None).public_key().public_bytes(*form)
    return _first(certificate).public_key().public_bytes(*form) == own


def _first(content: bytes) -> x509.Certificate:
    with warnings.catch_warnings():
        # Deprecated properties, such as a serial number of zero, are left for OpenSSL to refuse.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return x509.load_pem_x509_certificate(content)
