"""Who may ask, and over which TLS: with a token of the server's own, or as the cluster says.

Standalone, one generated token stands for an administrator; its file is followed, and so is the kubeconfig
that holds it. In a cluster users come by the kube-apiserver's
front proxy, by client certificate or by token, and each request is allowed or refused by SubjectAccessReview;
CAs and the serving certificate are exchanged while the server listens.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from apiservice.authn import authenticator as authn_authenticator
from apiservice.authz import authorizer as authz_authorizer
from apiservice.runtime import files, reloaded_files
from apiservice.runtime import kubeconfig as runtime_kubeconfig
from apiservice.tls import self_signed
from metrics_server.server import serving_certificate
from metrics_server.settings import settings

if TYPE_CHECKING:
    from apiservice.kube import client

logger = logging.getLogger(__name__)

_CONTEXT = "trafficmetrics"
_LOOK = 2.0
"""Seconds after which the token's file is looked at again."""
_ADMINISTRATOR = authn_authenticator.User(name="trafficmetrics-admin", groups=(authn_authenticator.MASTERS,))
IN_CLUSTER = "in-cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a server needs to let people in."""

    authenticator: authn_authenticator.Authenticator
    authorizer: authz_authorizer.Authorizer
    identifies: Callable[[str], bool]
    tls: ssl.SSLContext
    announce: Callable[[str], None]
    """Tell those who may ask where the server is, once it is there."""
    cluster: client.KubeApi | None = None
    """The cluster that says who may ask; None where the server does."""


def now() -> datetime.datetime:
    """The clock of certificates and answers."""
    return datetime.datetime.now(datetime.UTC)


@contextlib.asynccontextmanager
async def granted(chosen: settings.Settings) -> AsyncIterator[Access]:
    """Grant access until the block is left. Raises OSError, ValueError, settings.BadSettings."""
    if chosen.cluster is None:
        yield by_token(chosen)
        return
    # Imported where it is needed: it takes as long as all the rest, and who runs alone need not wait for it.
    from apiservice.authn import delegated_config_watch
    from apiservice.kube import client, config
    from apiservice.server import delegated_auth
    from apiservice.tls import dynamic_context

    try:
        connection = (
            config.in_cluster()
            if chosen.cluster == IN_CLUSTER
            else await config.from_kubeconfig(Path(chosen.cluster))
        )
    except config.NoCluster as error:
        raise settings.BadSettings(settings.mistake("cluster", str(error))) from error
    async with (
        client.connect(connection) as api,
        delegated_config_watch.watch(api) as published,
        delegated_auth.delegated(api, current=published.current, clock=now) as admitted,
        serving_certificate.serving(chosen, api=api, clock=now) as pair,
    ):
        with settings.about(*pair.settings, paths=(pair.certificate, pair.key)):
            tls = dynamic_context.LiveTls(
                certificate=pair.certificate,
                key=pair.key,
                current=published.current,
                named=", ".join(map(settings.option, pair.settings)),
            )
        yield Access(
            authenticator=admitted.authenticator,
            authorizer=admitted.authorizer,
            identifies=admitted.identifies,
            tls=tls.context,
            announce=lambda _url: None,
            cluster=api,
        )


class _LiveToken:
    """The token in a file, read again when the file changes; a file that cannot be used changes nothing."""

    def __init__(self, path: Path, *, clock: Callable[[], float]) -> None:
        """Raises OSError, ValueError."""
        self._path = path
        self._renewed: Callable[[str], None] | None = None
        runtime_kubeconfig.token(path)
        self._current = reloaded_files.Reloading(
            (path,), make=self._made, every=_LOOK, clock=clock, named=settings.option("state")
        )

    def renew(self, renewed: Callable[[str], None]) -> None:
        """Have this called with the token, and with each one that replaces it."""
        self._renewed = renewed
        renewed(self._current.current().token)

    async def authenticate(
        self, presented: authn_authenticator.Credentials
    ) -> authn_authenticator.User | None:
        return await self._current.current().authenticate(presented)

    def _made(self, contents: Sequence[bytes]) -> authn_authenticator.TokenAuthenticator:
        token = runtime_kubeconfig.chosen(contents[0])
        if advice := files.exposed(self._path):
            logger.warning("%s: %s", settings.option("state"), advice)
        if self._renewed is not None:
            try:
                self._renewed(token)
            except settings.BadSettings as error:
                logger.warning("the new token is used, and is not in the kubeconfig: %s", error)
        return authn_authenticator.TokenAuthenticator(token=token, user=_ADMINISTRATOR)


def by_token(chosen: settings.Settings, *, clock: Callable[[], float] = time.monotonic) -> Access:
    """Return the access of a server that is on its own. Raises settings.BadSettings."""
    with settings.about("state", paths=(chosen.state,)):
        pair = self_signed.ensure(chosen.state, hosts=serving_certificate.hosts(chosen), now=now())
        tls, token = pair.context(), _LiveToken(chosen.state / "token", clock=clock)

    def announce(url: str) -> None:
        kubeconfig = chosen.kubeconfig
        if kubeconfig is None:
            return

        def write(bearer: str) -> None:
            with settings.about("kubeconfig", paths=(kubeconfig,)):
                authority = files.read(pair.authority)
                runtime_kubeconfig.write_kubeconfig(
                    kubeconfig, server=url, authority=authority, bearer=bearer, name=_CONTEXT
                )

        token.renew(write)

    return Access(
        authenticator=token,
        authorizer=authz_authorizer.AsThemselves(authorizer=authz_authorizer.GroupAuthorizer()),
        identifies=authn_authenticator.identifies,
        tls=tls,
        announce=announce,
    )
