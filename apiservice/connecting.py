"""How to reach the kube-apiserver: as a pod's service account, or as a kubeconfig says."""

import os
import pathlib
import ssl
from collections.abc import Mapping
from typing import Any

from kubernetes_asyncio import client, config
from kubernetes_asyncio.config import incluster_config

from apiservice import kubeapi


class NoCluster(Exception):
    """There is nothing that tells where the kube-apiserver is."""


def in_cluster(
    *,
    token: str = incluster_config.SERVICE_TOKEN_FILENAME,
    authority: str = incluster_config.SERVICE_CERT_FILENAME,
    environment: Mapping[str, str] = os.environ,
) -> kubeapi.Connection:
    """As the pod's service account; its token is re-read every minute, because it is replaced hourly."""
    found = client.Configuration()
    loader = incluster_config.InClusterConfigLoader(
        token_filename=token, cert_filename=authority, environ=dict(environment)
    )
    try:
        loader.load_and_set(found)
    except config.ConfigException as error:
        raise NoCluster(f"this is no pod of a cluster: {error} Give a kubeconfig instead.") from error
    return _connection(found)


async def from_kubeconfig(path: pathlib.Path, *, context: str | None = None) -> kubeapi.Connection:
    """As the kubeconfig's current context, or another, says."""
    found = client.Configuration()
    try:
        await config.load_kube_config(
            config_file=str(path), context=context, client_configuration=found, persist_config=False
        )
    except config.ConfigException as error:
        raise NoCluster(f"the kubeconfig {path} cannot be used: {error}") from error
    return _connection(found)


def _connection(found: Any) -> kubeapi.Connection:
    """Of a `kubernetes_asyncio.client.Configuration`."""

    async def authorization() -> str | None:
        value = await found.get_api_key_with_prefix("BearerToken")
        return value.strip() if value else None

    return kubeapi.Connection(
        url=found.host.rstrip("/"),
        tls=_tls(found) if found.host.startswith("https:") else None,
        server_name=found.tls_server_name,
        authorization=authorization,
    )


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
