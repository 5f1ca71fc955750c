"""Authorization by the cluster's own rules: a SubjectAccessReview for every request.

The kube-apiserver checks a request before it forwards it, but a client can also connect to this server
directly. So each request is checked here, and the answers are cached for a few seconds.
https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/subject-access-review-v1/
"""

import hashlib
import logging
import time
from collections.abc import Callable
from typing import Any

import orjson

from apiservice.authn import authenticator
from apiservice.authz import authorizer
from apiservice.http import errors
from apiservice.kube import client, rbac_hints
from apiservice.request import request_info, selectors
from apiservice.runtime import throttled_log, ttl_cache

_log = logging.getLogger(__name__)

_PATH = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_REMEMBERED = 8192
_SELECTING = frozenset({"list", "watch", "deletecollection"})

_LABEL_OPERATORS = {
    selectors.Operator.IN: "In",
    selectors.Operator.NOT_IN: "NotIn",
    selectors.Operator.EXISTS: "Exists",
    selectors.Operator.ABSENT: "DoesNotExist",
}
"""The operators that a SubjectAccessReview has. Comparisons can be left out: they only narrow the list."""


class SubjectAccessReviewAuthorizer:
    """Caches each decision for `lifetime` seconds, whether allowed or denied; at most `most` decisions."""

    def __init__(
        self,
        api: client.KubeApi,
        *,
        lifetime: float = 10.0,
        most: int = _REMEMBERED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._throttled = throttled_log.ThrottledLog(_log)
        self._decisions = ttl_cache.TtlCache[authorizer.Decision](lifetime=lifetime, most=most, clock=clock)

    async def authorize(
        self, user: authenticator.User, *, attributes: request_info.Attributes
    ) -> authorizer.Decision:
        """The cluster's decision. Raises `InternalError` if the kube-apiserver gives none."""
        spec = _spec(user, attributes=attributes)
        # A hash, as selectors can be very long.
        key = hashlib.blake2b(orjson.dumps(spec, option=orjson.OPT_SORT_KEYS)).digest()
        return await self._decisions.recall(key, seek=lambda: self._review(spec))

    async def aclose(self) -> None:
        """Cancels the reviews that are under way."""
        await self._decisions.aclose()

    async def _review(self, spec: dict[str, Any]) -> authorizer.Decision:
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        try:
            return _decision((await self._api.post(_PATH, body=review)).get("status"))
        except client.KubeApiError as error:
            self._complain(error)
            raise errors.InternalError(
                "whether this is allowed could not be checked; the server's log says why"
            ) from error

    def _complain(self, error: client.KubeApiError) -> None:
        hint = ""
        if isinstance(error, client.Refused) and error.code == 403:
            hint = f"; allow it with: {rbac_hints.to_review(str(error))}"
        self._throttled.warn(f"no request can be authorized: {error}{hint}")


def _spec(user: authenticator.User, *, attributes: request_info.Attributes) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "user": user.name,
        "groups": user.groups,
        "uid": user.uid,
        "extra": dict(user.extra),
    }
    if attributes.is_resource:
        spec["resourceAttributes"] = _resource(attributes)
    else:
        spec["nonResourceAttributes"] = {"path": attributes.path, "verb": attributes.verb}
    return spec


def _resource(attributes: request_info.Attributes) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        "namespace": attributes.namespace,
        "verb": attributes.verb,
        "group": attributes.group,
        "version": attributes.version,
        "resource": attributes.resource,
        "subresource": attributes.subresource,
        "name": attributes.name,
    }
    if attributes.verb in _SELECTING:
        if labels := _labels(attributes.label_selector):
            wanted["labelSelector"] = {"requirements": labels}
        if fields := _fields(attributes.field_selector):
            wanted["fieldSelector"] = {"requirements": fields}
    return wanted


def _labels(text: str) -> list[dict[str, Any]]:
    """The requirements; none for a malformed selector, which is refused with 400 after authorization."""
    try:
        found = selectors.LabelSelector.parse(text)
    except errors.BadRequest:
        return []
    return [
        {
            "key": requirement.key,
            "operator": _LABEL_OPERATORS[requirement.operator],
            "values": sorted(requirement.values),
        }
        for requirement in found.requirements
        if requirement.operator in _LABEL_OPERATORS
    ]


def _fields(text: str) -> list[dict[str, Any]]:
    try:
        found = selectors.FieldSelector.parse(text)
    except errors.BadRequest:
        return []
    return [
        {"key": term.field, "operator": "In" if term.equal else "NotIn", "values": [term.value]}
        for term in found.terms
    ]


def _decision(status: Any) -> authorizer.Decision:
    if not isinstance(status, dict) or not isinstance(status.get("allowed"), bool):
        raise client.Garbled(f"{_PATH}: the answer does not say whether it is allowed")
    if problem := status.get("evaluationError"):
        _log.debug("the SubjectAccessReview has an evaluationError: %s", problem)
    # `denied` is an explicit refusal by an authorizer and overrules `allowed`.
    allowed = status["allowed"] and not status.get("denied", False)
    return authorizer.Decision(allowed=allowed, reason=str(status.get("reason") or ""))
