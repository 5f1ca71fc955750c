"""What the server presents to Prometheus, and whom it believes to be Prometheus, read from files' contents.

A file that is half-way to its next content must not become a credential: what is empty, cut off or holds
what no header may hold is refused with a reason. Reasons name files and lines, never what stands there;
values are shown by no `repr`, and taken out of what others say.
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
"""Characters; a shorter one, such as a tenant's number, would be taken out of every other word."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[!-~]([ \t!-~]*[!-~])?")
_OURS = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "transfer-encoding"}
)
_AUTHORIZATION = "authorization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """Headers, and what in them nobody else may see."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What goes with one question."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    tls: ssl.SSLContext | None = None
    presented: str = "nothing"
    """What that is, in words."""
    believed: str = "those this machine believes (--prometheus-ca names others)"
    """Who may certify Prometheus, in words."""

    def censored(self, text: str) -> str:
        """Return the text without secrets."""
        for secret in self.secrets:
            text = text.replace(secret, "‹secret›")
        return text


NOTHING = Credentials()


def token(contents: Sequence[bytes]) -> Presented:
    """Return what a bearer token's file asks for. Raises ValueError."""
    found = _text(contents[0]).strip()
    if not found:
        raise ValueError("it is empty; write the token into it")
    if re.fullmatch(r"[!-~]+", found) is None:
        raise ValueError("it holds more than one word, or what no token holds; write the token alone into it")
    return Presented(headers={"Authorization": f"Bearer {found}"}, secrets=_secrets((found,)))


def password(contents: Sequence[bytes], *, username: str) -> Presented:
    """Return what the file of a user's password asks for; the end of its line is not part of it. Raises
    ValueError.
    """
    found = _text(contents[0]).removesuffix("\n").removesuffix("\r")
    if not found:
        raise ValueError("it is empty; write the password into it")
    if re.search(r"[\x00-\x1f\x7f]", found):
        raise ValueError(
            "it holds more than one line, or what no password holds; write the password alone into it"
        )
    basic = base64.b64encode(f"{username}:{found}".encode()).decode("ascii")
    return Presented(headers={"Authorization": f"Basic {basic}"}, secrets=_secrets((basic, found)))


def headers(contents: Sequence[bytes], *, authorizes: bool) -> Presented:
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
    return Presented(headers=found, secrets=_secrets(found.values()))


def _secrets(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(value for value in values if len(value) >= _SHORTEST_SECRET)


def _wrong(name: str, value: str, *, authorizes: bool) -> str | None:
    if _NAME.fullmatch(name) is None:
        return "has no header's name before the colon"
    if name.lower() in _OURS:
        return "names a header that is the server's own to set"
    if name.lower() == _AUTHORIZATION and not authorizes:
        return "holds an Authorization beside a token or a password; give one of them"
    if _VALUE.fullmatch(value) is None:
        return "has no value, or one beyond ASCII"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """The files that a TLS connection to Prometheus is made of."""

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """Those that are given, in the order of the fields."""
        return tuple(path for path in (self.authority, self.certificate, self.key) if path is not None)

    @property
    def believed(self) -> str:
        """Who may certify Prometheus, in words."""
        return f"those in {self.authority} (--prometheus-ca)" if self.authority else NOTHING.believed

    def context(self, contents: Sequence[bytes]) -> ssl.SSLContext:
        """Return the context of the files, of which these are the contents. Raises OSError, ValueError."""
        made = ssl.create_default_context(cadata=self._authorities(contents))
        # Each authority of a bundle is trusted by itself, and without key identifiers, as in Go.
        made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        made.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.certificate is not None and self.key is not None:
            try:
                # Without a password OpenSSL would ask on the terminal for that of an encrypted key.
                made.load_cert_chain(self.certificate, self.key, password=lambda: b"")
            except ssl.SSLError as error:
                pair = (self.certificate, contents[-2]), (self.key, contents[-1])
                raise pem_errors.refused(*pair, said=error.reason or "no reason") from error
        return made

    def _authorities(self, contents: Sequence[bytes]) -> str | None:
        if self.authority is None:
            return None
        # Bundles have comments in any script; certificates are ASCII.
        text = contents[0].decode("ascii", "ignore")
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
        except (ssl.SSLError, ValueError) as error:
            raise files.BadFile(
                self.authority,
                "it holds no certificates in PEM, or not all of one; give those of authorities",
            ) from error
        return text


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # The error would hold the content.
        raise ValueError("it is no text in UTF-8; save it as UTF-8") from None
