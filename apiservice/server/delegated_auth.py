"""Delegated authentication and authorization, as in every extension API server: all authenticators and
authorizers in their order.

    async with (
        client.connect(config.in_cluster()) as api,
        delegated_config_watch.watch(api) as published,
        delegated_auth.delegated(api, current=published.current, …) as admitted,
    ):
        tls = dynamic_context.LiveTls(…, current=published.current)
        api_service = sockets.build(…, authenticator=admitted.authenticator, …)
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
    """The arguments of `sockets.build` for authentication and authorization."""

    authenticator: authn_authenticator.Authenticator
    authorizer: authz_authorizer.Authorizer


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
    """Authentication and authorization by the kube-apiserver, until the block is left.

    `current` returns the cluster's front proxy and client CAs; `anonymous` allows requests without a
    credential; every user may read the paths in `always_allowed`; tokens must be for one of `audiences`.
    """
    proxy = request_header.FrontProxyAuthenticator(lambda: current().front_proxy, clock=clock)
    clients = client_certificate.ClientCertificateAuthenticator(lambda: current().clients, clock=clock)
    async with (
        contextlib.aclosing(token_review.TokenReviewAuthenticator(api, audiences=audiences)) as tokens,
        contextlib.aclosing(subject_access_review.SubjectAccessReviewAuthorizer(api)) as reviews,
    ):
        yield Admission(
            authenticator=chain.AuthenticatorChain(
                authenticators=(proxy, clients, tokens), anonymous=anonymous
            ),
            authorizer=authz_authorizer.AuthorizerChain(
                authorizers=(
                    authz_authorizer.GroupAuthorizer(),
                    authz_authorizer.PathAuthorizer(paths=always_allowed),
                    reviews,
                )
            ),
        )
