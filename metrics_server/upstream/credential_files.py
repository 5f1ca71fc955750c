"""Reads the credentials for Prometheus and the fallback adapter from the files that the settings name.

The files are checked for changes before each query: they are few and small, and Prometheus may refuse an old
token as soon as it is replaced. A changed file that cannot be used is logged, and the last good content stays
in use.
"""

from __future__ import annotations

import datetime
import functools
import ipaddress
import itertools
import logging
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import yarl

from apiservice.runtime import files, reloaded_files
from apiservice.x509 import pem_errors
from metrics_server.settings import mistakes, settings
from metrics_server.upstream import credentials

logger = logging.getLogger(__name__)

_Value = TypeVar("_Value")
_EACH_TIME = 0.0
_TLS = ("prometheus_ca", "prometheus_certificate", "prometheus_key")


@dataclass(frozen=True, slots=True)
class _Part(Generic[_Value]):
    """A credential or TLS context that is made from files."""

    settings: Sequence[str]
    """The name of the setting for each file."""
    words: str
    """A description for the log, without secrets."""
    files: Sequence[Path]
    make: Callable[[Sequence[bytes]], _Value]

    @property
    def options(self) -> str:
        """The command-line options for the files."""
        return ", ".join(map(mistakes.option, self.settings))

    def live(self, found: list[str]) -> reloaded_files.Reloading[_Value] | None:
        """Return the value, reloaded when its files change; None, with an entry in `found`, if a file
        is wrong.
        """
        unread = list(self._unread())
        if unread:
            found.extend(unread)
            return None
        try:
            with mistakes.about(*self.settings, paths=self.files):
                return reloaded_files.Reloading(
                    self.files, make=self._made, every=_EACH_TIME, named=self.options
                )
        except mistakes.BadSettings as error:
            found.append(str(error))
        return None

    def _unread(self) -> Iterator[str]:
        """Yield the reason for each file that cannot be read."""
        for name, path in zip(self.settings, self.files, strict=True):
            try:
                with mistakes.about(name, paths=(path,)):
                    files.read(path)
            except mistakes.BadSettings as error:
                yield str(error)

    def _made(self, contents: Sequence[bytes]) -> _Value:
        made = self.make(contents)
        for path, content, name in zip(self.files, contents, self.settings, strict=True):
            if over := pem_errors.over(content, now=datetime.datetime.now(datetime.UTC)):
                logger.warning("%s: %s: %s", mistakes.option(name), files.shown(path), over)
        return made


def current(chosen: settings.Settings) -> Callable[[], credentials.RequestCredentials]:
    """Return a function that returns the present credentials for Prometheus.

    Raises mistakes.BadSettings, with the mistakes in all files.
    """
    found: list[str] = []
    headers, tls = tuple(_headers(chosen)), _tls(chosen)
    presented = tuple(filter(None, [part.live(found) for part in headers]))
    context = tls.live(found) if tls is not None else None
    if found:
        raise mistakes.BadSettings("\n".join(found))
    if headers and _is_in_the_open(chosen.prometheus):
        logger.warning(
            "the credential of %s is sent to Prometheus unencrypted; give --prometheus https://…",
            " and ".join(part.options for part in headers),
        )
    words = [part.words for part in headers] + ([tls.words] if tls is not None and tls.words else [])
    described = " and ".join(words) or credentials.NOTHING.presented
    trusted_cas = _files(chosen).trusted_cas

    def now() -> credentials.RequestCredentials:
        parts = [part.current() for part in presented]
        return credentials.RequestCredentials(
            headers=dict(itertools.chain.from_iterable(part.headers.items() for part in parts)),
            secrets=tuple(itertools.chain.from_iterable(part.secrets for part in parts)),
            tls=context.current() if context is not None else None,
            presented=described,
            trusted_cas=trusted_cas,
        )

    return now


def fallback(chosen: settings.Settings) -> Callable[[], credentials.RequestCredentials] | None:
    """Return a function that returns the present credentials for the fallback adapter; None if none is
    configured.

    Raises mistakes.BadSettings, with the mistakes in all files.
    """
    authority, token = chosen.autoscaling_fallback_ca, chosen.autoscaling_fallback_token
    if chosen.autoscaling_fallback is None or authority is None:
        return None
    found: list[str] = []
    tls = credentials.Tls(authority=authority)
    shown = _Part(("autoscaling_fallback_token",), f"the token in {token}", (token,), credentials.token)
    presented = shown.live(found)
    context = _Part(("autoscaling_fallback_ca",), "", tls.paths, tls.context).live(found)
    if presented is None or context is None:
        raise mistakes.BadSettings("\n".join(found))

    def now() -> credentials.RequestCredentials:
        part = presented.current()
        return credentials.RequestCredentials(
            headers=part.headers,
            secrets=part.secrets,
            tls=context.current(),
            presented=shown.words,
            trusted_cas=f"those in {authority} (--autoscaling-fallback-ca)",
        )

    return now


def _headers(chosen: settings.Settings) -> Iterator[_Part[credentials.CredentialHeaders]]:
    if chosen.prometheus_token is not None:
        token = chosen.prometheus_token
        yield _Part(("prometheus_token",), f"the token in {token}", (token,), credentials.token)
    if chosen.prometheus_username is not None and chosen.prometheus_password is not None:
        user, password = chosen.prometheus_username, chosen.prometheus_password
        make = functools.partial(credentials.password, username=user)
        yield _Part(
            ("prometheus_password",), f"user {user!r} with the password in {password}", (password,), make
        )
    if chosen.prometheus_headers is not None:
        alone = chosen.prometheus_token is None and chosen.prometheus_username is None
        further, file = functools.partial(credentials.headers, authorizes=alone), chosen.prometheus_headers
        yield _Part(("prometheus_headers",), f"the headers in {file}", (file,), further)


def _tls(chosen: settings.Settings) -> _Part[ssl.SSLContext] | None:
    if yarl.URL(chosen.prometheus).scheme != "https":
        return None
    made = _files(chosen)
    words = f"the certificate in {made.certificate}" if made.certificate else ""
    given = {name: getattr(chosen, name) for name in _TLS}
    return _Part([name for name in given if given[name]], words, made.paths, made.context)


def _files(chosen: settings.Settings) -> credentials.Tls:
    return credentials.Tls(
        authority=chosen.prometheus_ca,
        certificate=chosen.prometheus_certificate,
        key=chosen.prometheus_key,
    )


def _is_in_the_open(url: str) -> bool:
    """Whether credentials would cross a network unencrypted: HTTP to another machine."""
    there = yarl.URL(url)
    host = there.host or ""
    try:
        is_here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost" or host.endswith(".localhost")
    return there.scheme == "http" and not is_here
