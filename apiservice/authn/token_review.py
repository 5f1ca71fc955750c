"""Bearer tokens of the cluster: the kube-apiserver says whose they are.

Tokens are kept nowhere; the log says why one was refused, and nothing of it. What is remembered is filed
under a keyed hash that is worthless outside this process. A token nobody could be asked about is not called
invalid, because clients throw invalid ones away.
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
"""Letters of what the kube-apiserver says of a token."""
_TELLING = 4
"""Letters of a part of a token that are worth hiding."""


class TokenReviewAuthenticator:
    """Remembers each answer, whose or nobody's, for `lifetime` seconds."""

    def __init__(
        self,
        api: client.KubeApi,
        *,
        audiences: Sequence[str] = (),
        lifetime: float = 10.0,
        most: int = _REMEMBERED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`audiences` a token must be for one of; without any, those of the kube-apiserver."""
        self._api = api
        self._audiences = tuple(audiences)
        self._secret = secrets.token_bytes(32)
        self._complaints = throttled_log.Complaints(_log)
        # Apart, so that whoever presents wrong tokens hides nothing else.
        self._refusals = throttled_log.Complaints(_log, most=_REFUSALS)
        self._users = ttl_cache.Memory[authenticator.User | None](lifetime=lifetime, most=most, clock=clock)

    async def authenticate(self, credentials: authenticator.Credentials) -> authenticator.User | None:
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
            raise errors.ServiceUnavailable("the bearer token could not be checked: try again") from error

    def _complain(self, error: client.KubeApiError) -> None:
        hint = ""
        if isinstance(error, client.Refused) and error.code == 403:
            hint = f"; allow it with: {rbac_hints.to_review(str(error))}"
        self._complaints.warn(f"no bearer token can be checked: {error}{hint}")


def _user(status: Any, *, audiences: Sequence[str]) -> authenticator.User | None:
    """Whose the token is; `None` for nobody's, or another audience's."""
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
        raise client.Garbled(f"{_PATH}: the answer's extra is no object")
    return authenticator.User(
        name=found["username"],
        groups=_texts(found.get("groups") or ()),
        uid=str(found.get("uid") or ""),
        extra={key: _texts(values) for key, values in extra.items()},
    )


def _reason(status: Any, *, token: str) -> str:
    """Why, as the kube-apiserver says it, without anything of the token and on one line."""
    if status.get("authenticated") is True:
        return f"it is for the audiences {json.dumps(status.get('audiences', []))}"
    told = str(status.get("error") or "the kube-apiserver does not say why")
    for part in (token, *token.split(".")):
        if len(part) >= _TELLING:
            told = told.replace(part, "…")
    return json.dumps(told[:_QUOTED], ensure_ascii=False)


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
        raise client.Garbled(f"{_PATH}: the answer has something else where a list of texts belongs")
    return tuple(values)
