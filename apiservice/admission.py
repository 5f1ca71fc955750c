"""Who is let in to do what, as in every extension server of a cluster: all authenticators and authorizers in
their order.

    async with (
        kubeapi.connect(connecting.in_cluster()) as api,
        delegationmap.watch(api) as published,
        admission.delegated(api, current=published.current, …) as admitted,
    ):
        tls = livetls.LiveTls(…, current=published.current)
        served = server.build(…, authenticator=admitted.authenticator, …)
"""

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

from apiservice import (
    authentication,
    authorization,
    clientcertificates,
    delegation,
    frontproxy,
    kubeapi,
    subjectaccess,
    tokenreview,
    union,
)

ALWAYS_ALLOWED = frozenset({"/healthz", "/livez", "/readyz"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What `server.build` takes."""

    authenticator: authentication.Authenticator
    authorizer: authorization.Authorizer
    identifies: Callable[[str], bool]


@contextlib.asynccontextmanager
async def delegated(
    api: kubeapi.KubeApi,
    *,
    current: Callable[[], delegation.Delegation],
    clock: Callable[[], datetime],
    anonymous: bool = True,
    always_allowed: frozenset[str] = ALWAYS_ALLOWED,
    audiences: Sequence[str] = (),
) -> AsyncIterator[Admission]:
    """Asks the kube-apiserver about tokens and permissions until the block is left."""
    proxy = frontproxy.FrontProxyAuthenticator(lambda: current().front_proxy, clock=clock)
    clients = clientcertificates.ClientCertificateAuthenticator(lambda: current().clients, clock=clock)
    async with (
        contextlib.aclosing(tokenreview.TokenReviewAuthenticator(api, audiences=audiences)) as tokens,
        contextlib.aclosing(subjectaccess.SubjectAccessReviewAuthorizer(api)) as reviews,
    ):
        yield Admission(
            authenticator=union.Union(authenticators=(proxy, clients, tokens), anonymous=anonymous),
            authorizer=authorization.Union(
                authorizers=(
                    authorization.GroupAuthorizer(),
                    authorization.PathAuthorizer(paths=always_allowed),
                    reviews,
                )
            ),
            identifies=proxy.identifies,
        )
