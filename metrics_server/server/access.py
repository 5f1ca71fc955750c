"""Authentication, authorization and TLS: with a token of the server's own, or by a cluster.

Without a cluster, one generated token belongs to an administrator. Its file is read again when it changes,
and the kubeconfig that contains it is then written again. In a cluster, users authenticate through the
kube-apiserver's front proxy, by client certificate or by token, and a SubjectAccessReview authorizes each
request. CAs and the serving certificate are replaced while the server listens.
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
from metrics_server.settings import mistakes, settings

if TYPE_CHECKING:
    from apiservice.kube import client

logger = logging.getLogger(__name__)

_CONTEXT = "trafficmetrics"
_LOOK = 2.0
"""Seconds after which the file of the token is read again."""
_ADMINISTRATOR = authn_authenticator.User(name="trafficmetrics-admin", groups=(authn_authenticator.MASTERS,))
IN_CLUSTER = "in-cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a server needs to authenticate and authorize requests."""

    authenticator: authn_authenticator.Authenticator
    authorizer: authz_authorizer.Authorizer
    tls: ssl.SSLContext
    announce: Callable[[str], None]
    """To be called with the URL of the server once it listens; writes the kubeconfig."""
    cluster: client.KubeApi | None = None
    """The cluster that authorizes requests; None if the server does."""


def now() -> datetime.datetime:
    """Return the time, in UTC, for certificates and answers."""
    return datetime.datetime.now(datetime.UTC)


@contextlib.asynccontextmanager
async def granted(chosen: settings.Settings) -> AsyncIterator[Access]:
    """Provide access until the block is left. Raises OSError, ValueError, mistakes.BadSettings."""
    if chosen.cluster is None:
        yield by_token(chosen)
        return
    # Imported here, as it takes as long as all other imports and is needed in a cluster only.
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
        raise mistakes.BadSettings(mistakes.mistake("cluster", str(error))) from error
    async with (
        client.connect(connection) as api,
        delegated_config_watch.watch(api) as published,
        delegated_auth.delegated(api, current=published.current, clock=now) as admitted,
        serving_certificate.serving(chosen, api=api, clock=now) as pair,
    ):
        with mistakes.about(*pair.settings, paths=(pair.certificate, pair.key)):
            tls = dynamic_context.LiveTls(
                certificate=pair.certificate,
                key=pair.key,
                current=published.current,
                named=", ".join(map(mistakes.option, pair.settings)),
            )
        yield Access(
            authenticator=admitted.authenticator,
            authorizer=admitted.authorizer,
            tls=tls.context,
            announce=lambda _url: None,
            cluster=api,
        )


class _LiveToken:
    """The token in a file. It is read again when the file changes; an invalid file changes nothing."""

    def __init__(self, path: Path, *, clock: Callable[[], float]) -> None:
        """Raises OSError, ValueError."""
        self._path = path
        self._renewed: Callable[[str], None] | None = None
        runtime_kubeconfig.token(path)
        self._current = reloaded_files.Reloading(
            (path,), make=self._made, every=_LOOK, clock=clock, named=mistakes.option("state")
        )

    def renew(self, renewed: Callable[[str], None]) -> None:
        """Call `renewed` with the token now, and with each later token."""
        self._renewed = renewed
        renewed(self._current.current().token)

    async def authenticate(
        self, presented: authn_authenticator.Credentials
    ) -> authn_authenticator.User | None:
        return await self._current.current().authenticate(presented)

    def _made(self, contents: Sequence[bytes]) -> authn_authenticator.TokenAuthenticator:
        token = runtime_kubeconfig.chosen(contents[0])
        if advice := files.exposed(self._path):
            logger.warning("%s: %s", mistakes.option("state"), advice)
        if self._renewed is not None:
            try:
                self._renewed(token)
            except mistakes.BadSettings as error:
                logger.warning(
                    "the new token is in use, but could not be written to the kubeconfig: %s", error
                )
        return authn_authenticator.TokenAuthenticator(token=token, user=_ADMINISTRATOR)


def by_token(chosen: settings.Settings, *, clock: Callable[[], float] = time.monotonic) -> Access:
    """Return the access of a server without a cluster. Raises mistakes.BadSettings."""
    with mistakes.about("state", paths=(chosen.state,)):
        pair = self_signed.ensure(chosen.state, hosts=serving_certificate.hosts(chosen), now=now())
        tls, token = pair.context(), _LiveToken(chosen.state / "token", clock=clock)

    def announce(url: str) -> None:
        kubeconfig = chosen.kubeconfig
        if kubeconfig is None:
            return

        def write(bearer: str) -> None:
            with mistakes.about("kubeconfig", paths=(kubeconfig,)):
                authority = files.read(pair.authority)
                runtime_kubeconfig.write_kubeconfig(
                    kubeconfig, server=url, authority=authority, bearer=bearer, name=_CONTEXT
                )

        token.renew(write)

    return Access(
        authenticator=token,
        authorizer=authz_authorizer.AsThemselves(authorizer=authz_authorizer.GroupAuthorizer()),
        tls=tls,
        announce=announce,
    )
