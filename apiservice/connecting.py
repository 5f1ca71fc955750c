"""How to reach the kube-apiserver: as a pod's service account, or as a kubeconfig says."""

import os
import pathlib
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from kubernetes_asyncio import client, config
from kubernetes_asyncio.config import incluster_config

from apiservice import kubeapi, reloading


class NoCluster(Exception):
    """There is nothing that tells where the kube-apiserver is."""


def in_cluster(
    *,
    token: str = incluster_config.SERVICE_TOKEN_FILENAME,
    authority: str = incluster_config.SERVICE_CERT_FILENAME,
    environment: Mapping[str, str] = os.environ,
    every: float = 10.0,
    clock: Callable[[], float] = time.monotonic,
) -> kubeapi.Connection:
    """As the pod's service account. Its token, which is replaced hourly, is looked at every so many seconds.

    Raises `NoCluster`.
    """
    found = client.Configuration()
    loader = incluster_config.InClusterConfigLoader(
        token_filename=token, cert_filename=authority, environ=dict(environment), try_refresh_token=False
    )
    try:
        loader.load_and_set(found)
        current = reloading.Reloading((pathlib.Path(token),), make=_bearer, every=every, clock=clock)
    except (config.ConfigException, OSError, ValueError) as error:
        raise NoCluster(f"this is no pod of a cluster: {error} Give a kubeconfig instead.") from error

    async def authorization() -> str:
        return current.current()

    return _connection(found, authorization=authorization)


async def from_kubeconfig(path: pathlib.Path, *, context: str | None = None) -> kubeapi.Connection:
    """As the kubeconfig's current context, or another, says. Raises `NoCluster`."""
    found = client.Configuration()
    try:
        await config.load_kube_config(
            config_file=str(path), context=context, client_configuration=found, persist_config=False
        )
    except config.ConfigException as error:
        raise NoCluster(f"the kubeconfig {path} cannot be used: {error}") from error

    async def authorization() -> str | None:
        value: str | None = await found.get_api_key_with_prefix("BearerToken")
        return value

    return _connection(found, authorization=authorization)


def _connection(found: Any, *, authorization: Callable[[], Awaitable[str | None]]) -> kubeapi.Connection:
    """Of a `kubernetes_asyncio.client.Configuration`."""
    return kubeapi.Connection(
        url=found.host.rstrip("/"),
        tls=_tls(found) if found.host.startswith("https:") else None,
        server_name=found.tls_server_name,
        authorization=authorization,
    )


def _bearer(contents: Sequence[bytes]) -> str:
    token = contents[0].decode("ascii").strip()
    if not token:
        raise ValueError("the token is empty")
    return f"Bearer {token}"


def _tls(found: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=found.ssl_ca_cert)
    # Python 3.13 and newer refuse authorities without key identifiers, which clusters have.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if found.cert_file:
        context.load_cert_chain(found.cert_file, keyfile=found.key_file)
    if not found.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
