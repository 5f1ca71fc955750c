"""The connection to the kube-apiserver: from a pod's service account, or from a kubeconfig."""

import asyncio
import contextlib
import os
import pathlib
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import yaml
from kubernetes_asyncio import client, config
from kubernetes_asyncio.config import incluster_config

from apiservice.kube import client as kube_client
from apiservice.runtime import files, reloaded_files

_LARGEST = 1 << 20
"""Bytes of a kubeconfig."""
_DEEPEST = 50
"""Levels of nesting that are allowed. A kubeconfig has at most ten."""
_PLUGIN = 60.0
"""Seconds for a credential plugin, which may wait for a user to log in."""
_SAID = 300
"""Characters of an error of a library or a plugin that are quoted."""


class NoCluster(Exception):
    """There is no usable configuration for the kube-apiserver. The message says what to do."""


def in_cluster(
    *,
    token: str = incluster_config.SERVICE_TOKEN_FILENAME,
    authority: str = incluster_config.SERVICE_CERT_FILENAME,
    environment: Mapping[str, str] = os.environ,
    every: float = 10.0,
    clock: Callable[[], float] = time.monotonic,
) -> kube_client.ConnectionConfig:
    """The connection with the pod's service account. Raises `NoCluster`.

    Kubernetes replaces the token file about every hour; the file is read again after `every` seconds.
    """
    found = client.Configuration()
    loader = incluster_config.InClusterConfigLoader(
        token_filename=token, cert_filename=authority, environ=dict(environment), try_refresh_token=False
    )
    with _explained("this is not a pod of a cluster", remedy="Give a kubeconfig instead."):
        for path in (token, authority):
            if os.path.exists(path):
                files.read(pathlib.Path(path))
        loader.load_and_set(found)
        current = reloaded_files.Reloading((pathlib.Path(token),), make=_bearer, every=every, clock=clock)
        tls = _tls(found)

    async def authorization() -> str:
        return current.current()

    return _connection(found, tls=tls, authorization=authorization)


async def from_kubeconfig(path: pathlib.Path, *, context: str | None = None) -> kube_client.ConnectionConfig:
    """The connection of a context in a kubeconfig, by default of its current context. Raises `NoCluster`."""
    found = client.Configuration()
    with _explained(
        f"the kubeconfig {files.shown(path)} cannot be used", remedy="Correct it or give another."
    ):
        _check(path)
        async with asyncio.timeout(_PLUGIN):
            await config.load_kube_config(
                config_file=str(path), context=context, client_configuration=found, persist_config=False
            )
        tls = _tls(found)

    async def authorization() -> str | None:
        value: str | None = await found.get_api_key_with_prefix("BearerToken")
        return value

    return _connection(found, tls=tls, authorization=authorization)


@contextlib.contextmanager
def _explained(what: str, *, remedy: str) -> Iterator[None]:
    """Turns every error into `NoCluster`: for wrong values the library raises many kinds of errors."""
    try:
        yield
    except TimeoutError as error:
        raise NoCluster(
            f"{what}: its credential plugin did not answer within {_PLUGIN:g} s. {remedy}"
        ) from error
    except ssl.SSLError as error:
        why = error.reason or "OpenSSL does not accept it"
        raise NoCluster(
            f"{what}: its certificate, key or CA certificate is damaged ({why}). {remedy}"
        ) from error
    except Exception as error:
        reason = (
            files.reason(error)[:_SAID].rstrip(".") or f"it has a wrong structure ({type(error).__name__})"
        )
        raise NoCluster(f"{what}: {reason}. {remedy}") from error


def _check(path: pathlib.Path) -> None:
    """Refuses a file that would block the library, which has no limits of its own.

    Raises `OSError`, `ValueError`.
    """
    try:
        text = files.read(path.expanduser(), most=_LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not a text in UTF-8") from None
    depth = 0
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for event in yaml.parse(text, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise ValueError("it is nested too deeply")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise ValueError(f"it is not YAML: {where}{getattr(error, 'problem', error)}") from None
    if text.strip() == "" or not isinstance(yaml.load(text, Loader=loader), dict):  # noqa: S506 - a SafeLoader
        raise ValueError("it is empty or not a mapping")


def _connection(
    found: Any, *, tls: ssl.SSLContext, authorization: Callable[[], Awaitable[str | None]]
) -> kube_client.ConnectionConfig:
    """The connection of a `kubernetes_asyncio.client.Configuration`."""
    return kube_client.ConnectionConfig(
        url=found.host.rstrip("/"),
        tls=tls if found.host.startswith("https:") else None,
        server_name=found.tls_server_name,
        authorization=authorization,
    )


def _bearer(contents: Sequence[bytes]) -> str:
    try:
        token = contents[0].decode("ascii").strip()
    except UnicodeDecodeError:
        raise ValueError("the token has characters that are not allowed in a token") from None
    if not token.isprintable() or " " in token:
        raise ValueError("the token has characters that are not allowed in a token")
    if not token:
        raise ValueError("the token is empty")
    return f"Bearer {token}"


def _tls(found: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=found.ssl_ca_cert)
    # Python 3.13 and newer refuse CA certificates without key identifiers, which some clusters have.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if found.cert_file:
        # Without this, OpenSSL asks for the password of an encrypted key on the terminal.
        context.load_cert_chain(found.cert_file, keyfile=found.key_file, password=lambda: b"")
    if not found.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
