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

from apiservice.authn import authenticator as authn_authenticator
from apiservice.authn import chain, client_certificate, delegated_config, request_header, token_review
from apiservice.authz import authorizer as authz_authorizer
from apiservice.authz import subject_access_review
from apiservice.kube import client

ALWAYS_ALLOWED = frozenset({"/healthz", "/livez", "/readyz"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What `server.build` takes."""

    authenticator: authn_authenticator.Authenticator
    authorizer: authz_authorizer.Authorizer
    identifies: Callable[[str], bool]


@contextlib.asynccontextmanager
async def delegated(
    api: client.KubeApi,
    *,
    current: Callable[[], delegated_config.Delegation],
    clock: Callable[[], datetime],
    anonymous: bool = True,
    always_allowed: frozenset[str] = ALWAYS_ALLOWED,
    audiences: Sequence[str] = (),
) -> AsyncIterator[Admission]:
    """Asks the kube-apiserver about tokens and permissions until the block is left."""
    proxy = request_header.FrontProxyAuthenticator(lambda: current().front_proxy, clock=clock)
    clients = client_certificate.ClientCertificateAuthenticator(lambda: current().clients, clock=clock)
    async with (
        contextlib.aclosing(token_review.TokenReviewAuthenticator(api, audiences=audiences)) as tokens,
        contextlib.aclosing(subject_access_review.SubjectAccessReviewAuthorizer(api)) as reviews,
    ):
        yield Admission(
            authenticator=chain.Union(authenticators=(proxy, clients, tokens), anonymous=anonymous),
            authorizer=authz_authorizer.Union(
                authorizers=(
                    authz_authorizer.GroupAuthorizer(),
                    authz_authorizer.PathAuthorizer(paths=always_allowed),
                    reviews,
                )
            ),
            identifies=proxy.identifies,
        )
