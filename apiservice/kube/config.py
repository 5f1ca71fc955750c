"""How to reach the kube-apiserver: as a pod's service account, or as a kubeconfig says."""

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
"""Levels of a kubeconfig, which needs ten."""
_PLUGIN = 60.0
"""Seconds for a credential plugin, which may wait for a person at an identity provider."""
_SAID = 300
"""Characters of what a library or a plugin said that are repeated."""


class NoCluster(Exception):
    """There is nothing that tells where the kube-apiserver is."""


def in_cluster(
    *,
    token: str = incluster_config.SERVICE_TOKEN_FILENAME,
    authority: str = incluster_config.SERVICE_CERT_FILENAME,
    environment: Mapping[str, str] = os.environ,
    every: float = 10.0,
    clock: Callable[[], float] = time.monotonic,
) -> kube_client.Connection:
    """As the pod's service account. Its token, which is replaced hourly, is looked at every so many seconds.

    Raises `NoCluster`.
    """
    found = client.Configuration()
    loader = incluster_config.InClusterConfigLoader(
        token_filename=token, cert_filename=authority, environ=dict(environment), try_refresh_token=False
    )
    with _explained("this is no pod of a cluster", remedy="Give a kubeconfig instead."):
        for path in (token, authority):
            if os.path.exists(path):
                files.read(pathlib.Path(path))
        loader.load_and_set(found)
        current = reloaded_files.Reloading((pathlib.Path(token),), make=_bearer, every=every, clock=clock)
        tls = _tls(found)

    async def authorization() -> str:
        return current.current()

    return _connection(found, tls=tls, authorization=authorization)


async def from_kubeconfig(path: pathlib.Path, *, context: str | None = None) -> kube_client.Connection:
    """As the kubeconfig's current context, or another, says. Raises `NoCluster`."""
    found = client.Configuration()
    with _explained(
        f"the kubeconfig {files.shown(path)} cannot be used", remedy="Correct it or give another."
    ):
        _look_at(path)
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
    """Whatever the library raises becomes a sentence: it has many errors for a wrong kind of value."""
    try:
        yield
    except TimeoutError as error:
        raise NoCluster(f"{what}: its credential plugin gave nothing in {_PLUGIN:g} s. {remedy}") from error
    except ssl.SSLError as error:
        why = error.reason or "OpenSSL does not take it"
        raise NoCluster(f"{what}: its certificate, key or authority is damaged ({why}). {remedy}") from error
    except Exception as error:
        said = (
            files.reason(error)[:_SAID].rstrip(".") or f"it is not as one should be ({type(error).__name__})"
        )
        raise NoCluster(f"{what}: {said}. {remedy}") from error


def _look_at(path: pathlib.Path) -> None:
    """Refuses what would hold up the library, which reads whatever it is given. Raises `OSError`,
    `ValueError`.
    """
    try:
        text = files.read(path.expanduser(), most=_LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is no text in UTF-8") from None
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
        raise ValueError(f"it is no YAML: {where}{getattr(error, 'problem', error)}") from None
    if text.strip() == "" or not isinstance(yaml.load(text, Loader=loader), dict):  # noqa: S506 - a safe one
        raise ValueError("it is empty or no mapping")


def _connection(
    found: Any, *, tls: ssl.SSLContext, authorization: Callable[[], Awaitable[str | None]]
) -> kube_client.Connection:
    """Of a `kubernetes_asyncio.client.Configuration`."""
    return kube_client.Connection(
        url=found.host.rstrip("/"),
        tls=tls if found.host.startswith("https:") else None,
        server_name=found.tls_server_name,
        authorization=authorization,
    )


def _bearer(contents: Sequence[bytes]) -> str:
    try:
        token = contents[0].decode("ascii").strip()
    except UnicodeDecodeError:
        raise ValueError("the token holds what no token holds") from None
    if not token.isprintable() or " " in token:
        raise ValueError("the token holds what no token holds")
    if not token:
        raise ValueError("the token is empty")
    return f"Bearer {token}"


def _tls(found: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=found.ssl_ca_cert)
    # Python 3.13 and newer refuse authorities without key identifiers, which clusters have.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if found.cert_file:
        # Without a password OpenSSL would ask on the terminal for that of an encrypted key.
        context.load_cert_chain(found.cert_file, keyfile=found.key_file, password=lambda: b"")
    if not found.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
