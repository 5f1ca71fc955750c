"""Bearer tokens of the cluster, checked by the kube-apiserver in a TokenReview.

Tokens are never stored. The log has the reason of a refusal, without any part of the token. Cached answers
have a keyed hash of the token as key, which is useless outside this process. If the kube-apiserver cannot be
reached, the client gets a 503 and not a 401: clients discard a token after a 401.
https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
"""

import hashlib
import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from apiservice.authn import authenticator
from apiservice.http import errors
from apiservice.kube import client, rbac_hints
from apiservice.runtime import throttled_log, ttl_cache

_log = logging.getLogger(__name__)

_PATH = "/apis/authentication.k8s.io/v1/tokenreviews"
_REMEMBERED = 8192
_REFUSALS = 16
_QUOTED = 300
"""Characters of the kube-apiserver's reason that are logged."""
_SHORTEST_HIDDEN = 4
"""Characters; a shorter part of a token is not removed from the logged reason."""


class TokenReviewAuthenticator:
    """Caches each answer, also a refusal, for `lifetime` seconds; at most `most` answers."""

    def __init__(
        self,
        api: client.KubeApi,
        *,
        audiences: Sequence[str] = (),
        lifetime: float = 10.0,
        most: int = _REMEMBERED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A token must be for one of the `audiences`; if empty, for one of the kube-apiserver's own."""
        self._api = api
        self._audiences = tuple(audiences)
        self._secret = secrets.token_bytes(32)
        self._throttled = throttled_log.ThrottledLog(_log)
        # Separate, so that a client with many wrong tokens cannot suppress the other warnings.
        self._refusals = throttled_log.ThrottledLog(_log, most=_REFUSALS)
        self._users = ttl_cache.TtlCache[authenticator.User | None](lifetime=lifetime, most=most, clock=clock)

    async def authenticate(self, credentials: authenticator.Credentials) -> authenticator.User | None:
        """The user; `None` without a bearer token.

        Raises `Unauthorized` for an invalid token, `ServiceUnavailable` if it cannot be checked.
        """
        presented = authenticator.bearer(credentials.headers)
        if presented is None:
            return None
        try:
            token = presented.encode()
        except UnicodeEncodeError:
            token = b""
        user = None
        if token:
            key = hashlib.blake2b(token, key=self._secret).digest()
            user = await self._users.recall(key, seek=lambda: self._review(presented))
        if user is None:
            raise errors.Unauthorized("Unauthorized: the bearer token is not valid")
        return user

    async def aclose(self) -> None:
        """Cancels the reviews that are under way."""
        await self._users.aclose()

    async def _review(self, token: str) -> authenticator.User | None:
        spec: dict[str, Any] = {"token": token}
        if self._audiences:
            spec["audiences"] = self._audiences
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        try:
            status = (await self._api.post(_PATH, body=review)).get("status")
            user = _user(status, audiences=self._audiences)
            if user is None:
                self._refusals.warn(f"a bearer token was not accepted: {_reason(status, token=token)}")
            return user
        except client.KubeApiError as error:
            self._complain(error)
            raise errors.ServiceUnavailable("the bearer token could not be checked; try again") from error

    def _complain(self, error: client.KubeApiError) -> None:
        hint = ""
        if isinstance(error, client.Refused) and error.code == 403:
            hint = f"; allow it with: {rbac_hints.to_review(str(error))}"
        self._throttled.warn(f"no bearer token can be checked: {error}{hint}")


def _user(status: Any, *, audiences: Sequence[str]) -> authenticator.User | None:
    """The token's user; `None` if the token is invalid or for other audiences."""
    if not isinstance(status, dict):
        raise client.Garbled(f"{_PATH}: the answer has no status")
    if status.get("authenticated") is not True:
        return None
    if audiences and set(audiences).isdisjoint(_texts(status.get("audiences", ()))):
        return None
    found = status.get("user")
    if not isinstance(found, dict) or not isinstance(found.get("username"), str) or not found["username"]:
        raise client.Garbled(f"{_PATH}: the token is valid, but the answer names no user")
    extra = found.get("extra") or {}
    if not isinstance(extra, Mapping):
        raise client.Garbled(f"{_PATH}: the answer's extra is not an object")
    return authenticator.User(
        name=found["username"],
        groups=_texts(found.get("groups") or ()),
        uid=str(found.get("uid") or ""),
        extra={key: _texts(values) for key, values in extra.items()},
    )


def _reason(status: Any, *, token: str) -> str:
    """The kube-apiserver's reason for the refusal, on one line and without any part of the token."""
    if status.get("authenticated") is True:
        return f"it is for the audiences {json.dumps(status.get('audiences', []))}"
    reason = str(status.get("error") or "the kube-apiserver does not say why")
    for part in (token, *token.split(".")):
        if len(part) >= _SHORTEST_HIDDEN:
            reason = reason.replace(part, "…")
    return json.dumps(reason[:_QUOTED], ensure_ascii=False)


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
        raise client.Garbled(f"{_PATH}: the answer has another value where a list of strings belongs")
    return tuple(values)
