"""Who may ask, and over which TLS: with a token of the server's own, or as the cluster says.

Standalone, one generated token stands for an administrator. In a cluster users come by the kube-apiserver's
front proxy, by client certificate or by token, and each request is allowed or refused by SubjectAccessReview;
CAs and the serving certificate are exchanged while the server listens.
"""

from __future__ import annotations

import contextlib
import datetime
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from apiservice import authentication, authorization, certificates, credentials
from metrics_server import certified, settings

if TYPE_CHECKING:
    from apiservice import kubeapi

_CONTEXT = "trafficmetrics"
_ADMINISTRATOR = authentication.User(name="trafficmetrics-admin", groups=(authentication.MASTERS,))
IN_CLUSTER = "in-cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a server needs to let people in."""

    authenticator: authentication.Authenticator
    authorizer: authorization.Authorizer
    identifies: Callable[[str], bool]
    tls: ssl.SSLContext
    announce: Callable[[str], None]
    """Tell those who may ask where the server is, once it is there."""
    cluster: kubeapi.KubeApi | None = None
    """The cluster that says who may ask; None where the server does."""


def now() -> datetime.datetime:
    """The clock of certificates and answers."""
    return datetime.datetime.now(datetime.UTC)


@contextlib.asynccontextmanager
async def granted(chosen: settings.Settings) -> AsyncIterator[Access]:
    """Grant access until the block is left. Raises OSError, ValueError, settings.BadSettings."""
    if chosen.cluster is None:
        yield _by_token(chosen)
        return
    # Imported where it is needed: it takes as long as all the rest, and who runs alone need not wait for it.
    from apiservice import admission, connecting, delegationmap, kubeapi, livetls

    try:
        connection = (
            connecting.in_cluster()
            if chosen.cluster == IN_CLUSTER
            else await connecting.from_kubeconfig(Path(chosen.cluster))
        )
    except connecting.NoCluster as error:
        raise settings.BadSettings(f"--cluster (TRAFFIC_CLUSTER): {error}") from error
    async with (
        kubeapi.connect(connection) as api,
        delegationmap.watch(api) as published,
        admission.delegated(api, current=published.current, clock=now) as admitted,
        certified.serving(chosen, api=api, clock=now) as pair,
    ):
        tls = livetls.LiveTls(certificate=pair.certificate, key=pair.key, current=published.current)
        yield Access(
            authenticator=admitted.authenticator,
            authorizer=admitted.authorizer,
            identifies=admitted.identifies,
            tls=tls.context,
            announce=lambda _url: None,
            cluster=api,
        )


def _by_token(chosen: settings.Settings) -> Access:
    pair = certificates.ensure(chosen.state, hosts=certified.hosts(chosen), now=now())
    token = credentials.token(chosen.state / "token")

    def announce(url: str) -> None:
        if chosen.kubeconfig is not None:
            authority = pair.authority.read_bytes()
            credentials.write_kubeconfig(
                chosen.kubeconfig, server=url, authority=authority, bearer=token, name=_CONTEXT
            )

    return Access(
        authenticator=authentication.TokenAuthenticator(token=token, user=_ADMINISTRATOR),
        authorizer=authorization.AsThemselves(authorizer=authorization.GroupAuthorizer()),
        identifies=authentication.identifies,
        tls=pair.context(),
        announce=announce,
    )
