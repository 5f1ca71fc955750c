"""Turns the contents of files into HTTP headers and a TLS context for requests to Prometheus.

A file that is being rewritten must not become a credential: contents that are empty, cut off or not
allowed in a header are refused with a reason. Reasons name files and lines but never quote them. No `repr`
shows a secret, and `RequestCredentials.censored` removes secrets from the texts of other programs.
"""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from apiservice.runtime import files
from apiservice.x509 import pem_errors

_SHORTEST_SECRET = 8
"""Characters. Shorter values, such as a tenant's number, are not censored: they occur in ordinary text."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[!-~]([ \t!-~]*[!-~])?")
_OURS = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "transfer-encoding"}
)
"""Headers that this server sets itself."""
_AUTHORIZATION = "authorization"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialHeaders:
    """The headers of one credential, and the secrets in them."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCredentials:
    """The headers and the TLS context for one request."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    tls: ssl.SSLContext | None = None
    presented: str = "none"
    """A description of the credentials for the log, without secrets."""
    trusted_cas: str = "those of the operating system (--prometheus-ca names others)"
    """A description of the trusted CAs for the log."""

    def censored(self, text: str) -> str:
        """Return the text with each secret replaced."""
        for secret in self.secrets:
            text = text.replace(secret, "‹secret›")
        return text


NOTHING = RequestCredentials()


def token(contents: Sequence[bytes]) -> CredentialHeaders:
    """Return the header for a bearer token. `contents`: that of one file. Raises ValueError with the
    reason.
    """
    found = _text(contents[0]).strip()
    if not found:
        raise ValueError("it is empty; write the token into it")
    if re.fullmatch(r"[!-~]+", found) is None:
        raise ValueError(
            "it holds more than one word, or characters that no token has; write only the token into it"
        )
    return CredentialHeaders(headers={"Authorization": f"Bearer {found}"}, secrets=_secrets((found,)))


def password(contents: Sequence[bytes], *, username: str) -> CredentialHeaders:
    """Return the header for HTTP basic authentication. `contents`: that of one file with the password.

    One line end after the password is ignored. Raises ValueError with the reason.
    """
    found = _text(contents[0]).removesuffix("\n").removesuffix("\r")
    if not found:
        raise ValueError("it is empty; write the password into it")
    if re.search(r"[\x00-\x1f\x7f]", found):
        raise ValueError(
            "it holds more than one line, or control characters; write only the password into it"
        )
    basic = base64.b64encode(f"{username}:{found}".encode()).decode("ascii")
    return CredentialHeaders(headers={"Authorization": f"Basic {basic}"}, secrets=_secrets((basic, found)))


def headers(contents: Sequence[bytes], *, authorizes: bool) -> CredentialHeaders:
    """Return the headers of a file with a `Name: value` in each line; `#` begins a comment at its beginning.

    `authorizes`: whether the file may hold an Authorization. Raises ValueError with the line's number.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(_text(contents[0]).splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, colon, value = (part.strip() for part in line.partition(":"))
        reason = _wrong(name, value, authorizes=authorizes) if colon else "has no colon"
        if name.lower() in map(str.lower, found):
            reason = "names a header for the second time"
        if reason:
            raise ValueError(f"line {number} {reason}; write `Name: value`")
        found[name] = value
    return CredentialHeaders(headers=found, secrets=_secrets(found.values()))


def _secrets(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(value for value in values if len(value) >= _SHORTEST_SECRET)


def _wrong(name: str, value: str, *, authorizes: bool) -> str | None:
    if _NAME.fullmatch(name) is None:
        return "has no valid header name before the colon"
    if name.lower() in _OURS:
        return "names a header that this server sets itself"
    if name.lower() == _AUTHORIZATION and not authorizes:
        return "holds an Authorization although a token or a password is given; give only one of them"
    if _VALUE.fullmatch(value) is None:
        return "has no value, or one that is not printable ASCII"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """The files for TLS to a server: CA bundle, client certificate and its key."""

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that are given, in the order of the fields."""
        return tuple(path for path in (self.authority, self.certificate, self.key) if path is not None)

    @property
    def trusted_cas(self) -> str:
        """A description of the trusted CAs for the log."""
        return f"those in {self.authority} (--prometheus-ca)" if self.authority else NOTHING.trusted_cas

    def context(self, contents: Sequence[bytes]) -> ssl.SSLContext:
        """Return the TLS context. `contents`: those of the files in `paths`. Raises OSError, ValueError."""
        made = ssl.create_default_context(cadata=self._authorities(contents))
        # As in Go: an intermediate CA in the bundle is enough, and CAs may lack key identifiers.
        made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        made.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.certificate is not None and self.key is not None:
            try:
                # Without this, OpenSSL would ask for the password of an encrypted key on the terminal.
                made.load_cert_chain(self.certificate, self.key, password=lambda: b"")
            except ssl.SSLError as error:
                pair = (self.certificate, contents[-2]), (self.key, contents[-1])
                raise pem_errors.refused(*pair, said=error.reason or "no reason") from error
        return made

    def _authorities(self, contents: Sequence[bytes]) -> str | None:
        if self.authority is None:
            return None
        # Comments in a bundle may have any characters; certificates are ASCII.
        text = contents[0].decode("ascii", "ignore")
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
        except (ssl.SSLError, ValueError) as error:
            raise files.BadFile(
                self.authority,
                "it holds no PEM certificate, or an incomplete one; give a bundle of CA certificates",
            ) from error
        return text


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # `from None`: the error contains the content.
        raise ValueError("it is not text in UTF-8; save it as UTF-8") from None
