"""The serving certificate in a cluster: from files, from a Secret shared by the replicas, or self-signed.

Each of them can be replaced while the server listens.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from apiservice.runtime import files
from apiservice.tls import self_signed
from metrics_server.api import traffic_metrics
from metrics_server.settings import formats, mistakes, settings

if TYPE_CHECKING:
    from apiservice.kube import client

_TRAFFIC = f"{traffic_metrics.VERSION}.{traffic_metrics.GROUP}"
_AUTOSCALING = (
    "v1beta2.custom.metrics.k8s.io",
    "v1beta1.custom.metrics.k8s.io",
    "v1beta1.external.metrics.k8s.io",
)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingFiles:
    """The files of a certificate and its key, which are read again when they change; they may be the same."""

    certificate: Path
    key: Path
    settings: tuple[str, ...] = ("state",)
    """The settings that name the files."""


@contextlib.asynccontextmanager
async def serving(
    chosen: settings.Settings, *, api: client.KubeApi, clock: Callable[[], datetime]
) -> AsyncIterator[ServingFiles]:
    """Provide a certificate until the block is left. Raises OSError, mistakes.BadSettings."""
    if chosen.tls_certificate is not None and chosen.tls_key is not None:
        yield ServingFiles(
            certificate=chosen.tls_certificate, key=chosen.tls_key, settings=("tls_certificate", "tls_key")
        )
    elif chosen.tls_secret is not None and chosen.service is not None:
        shared = _shared(
            chosen.tls_secret, chosen.service, chosen.state, names=chosen.further_names,
            api_services=api_services(chosen), api=api, clock=clock,
        )  # fmt: skip
        async with shared as pair:
            yield ServingFiles(certificate=pair.serving, key=pair.serving)
    else:
        with mistakes.about("state", paths=(chosen.state,)):
            pair = self_signed.ensure(chosen.state, hosts=hosts(chosen), now=clock())
        yield ServingFiles(certificate=pair.serving, key=pair.serving)


def hosts(chosen: settings.Settings) -> list[str]:
    """Return the names and addresses in the server's own certificate."""
    host, _ = chosen.address
    service = [f"{chosen.service}.svc"] if chosen.service else []
    return list(dict.fromkeys([*_own_names(host), *_LOOPBACK, *service, *chosen.further_names]))


def _own_names(host: str) -> list[str]:
    """Return the names by which a client may call the host of `--listen`."""
    if not formats.is_any(host):
        return [host.removesuffix(".")]
    called = socket.gethostname()
    with contextlib.suppress(ValueError):
        return [formats.names(called)]
    return []


def api_services(chosen: settings.Settings) -> tuple[str, ...]:
    """Return the names of the APIServices that may point to this server."""
    return (_TRAFFIC, *(_AUTOSCALING if chosen.autoscaling else ()))


@contextlib.asynccontextmanager
async def _shared(
    secret: str,
    called: str,
    folder: Path,
    *,
    names: Sequence[str],
    api_services: Sequence[str],
    api: client.KubeApi,
    clock: Callable[[], datetime],
) -> AsyncIterator[self_signed.Certificates]:
    # Imported here for the reason given in `access`.
    from apiservice.tls import ca_bundle, rotation, secret_store

    service, _, namespace = called.partition(".")
    registered = ca_bundle.ApiServices(api, api_services=api_services, namespace=namespace, service=service)
    policy = rotation.CertificatePolicy(name=called, hosts=(f"{called}.svc", called, "localhost", *names))
    place = secret_store.SecretLocation(namespace=namespace, secret=secret, folder=folder)
    async with contextlib.AsyncExitStack() as stack:
        kept = secret_store.kept(api, place=place, registered=registered, policy=policy, clock=clock)
        try:
            pair = await stack.enter_async_context(kept)
        except secret_store.NoSecret as error:
            raise mistakes.BadSettings(mistakes.mistake("tls_secret", str(error))) from error
        except OSError as error:
            reason = files.explained(error, path=folder)
            raise mistakes.BadSettings(mistakes.mistake("state", reason)) from error
        yield pair
