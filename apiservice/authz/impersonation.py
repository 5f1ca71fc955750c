"""Impersonation: the `Impersonate-*` headers of an authenticated user → the user that the request counts for.

As in the kube-apiserver, the sender needs the verb `impersonate` for each user, group, UID and extra value in
the headers. After that only the impersonated user counts. A request with groups, a UID or extra values but
without `Impersonate-User` is the client's mistake and gets a 400 (the kube-apiserver answers 500).
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
"""

import re
from collections.abc import Iterator

import multidict

from apiservice.authn import authenticator
from apiservice.authz import authorizer as authz_authorizer
from apiservice.http import errors
from apiservice.request import request_info

_USER, _GROUP, _UID = "Impersonate-User", "Impersonate-Group", "Impersonate-Uid"
_PREFIX, _EXTRA = "impersonate-", "impersonate-extra-"
_AUTHENTICATION = "authentication.k8s.io"
_SERVICE_ACCOUNT = re.compile(
    r"system:serviceaccount:([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?):([a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?)"
)
_SERVICE_ACCOUNTS = "system:serviceaccounts"
_ANONYMOUS = "system:anonymous"


async def acting(
    user: authenticator.User,
    *,
    headers: multidict.CIMultiDictProxy[str],
    authorizer: authz_authorizer.Authorizer,
) -> authenticator.User:
    """The impersonated user; the sender itself if it impersonates no user.

    Raises `BadRequest` for incomplete headers, `Forbidden` if the sender may not act as that user.
    """
    # Nearly all requests are sorted out here, with one search instead of one for each header.
    if _PREFIX not in "\n".join(headers).lower():
        return user
    impersonated = _impersonated(headers)
    if impersonated is None:
        return user
    for attributes in _required(impersonated, groups=headers.getall(_GROUP, ())):
        decision = await authorizer.authorize(user, attributes=attributes)
        if not decision.allowed:
            raise authz_authorizer.refusal(user, attributes=attributes, decision=decision)
    return impersonated


def _impersonated(headers: multidict.CIMultiDictProxy[str]) -> authenticator.User | None:
    """The user in the headers; `None` if all of them are empty."""
    name, uid = headers.get(_USER, ""), headers.get(_UID, "")
    groups, extra = tuple(headers.getall(_GROUP, ())), authenticator.extras(headers, prefixes=(_EXTRA,))
    if not name:
        if groups or extra or uid:
            raise errors.BadRequest(f"{_GROUP}, {_UID} and Impersonate-Extra-… need {_USER} beside them")
        return None
    user = authenticator.User(name=name, groups=_groups(name, given=groups), uid=uid, extra=extra)
    if not user.is_sayable:
        raise errors.BadRequest("the Impersonate-… headers are not UTF-8")
    return user


def _groups(name: str, *, given: tuple[str, ...]) -> tuple[str, ...]:
    """The groups in the headers, or the default groups of a service account if there are none.

    `system:authenticated` or, for the anonymous user, `system:unauthenticated` is added.
    """
    account = _SERVICE_ACCOUNT.fullmatch(name)
    if account and not given:
        given = (_SERVICE_ACCOUNTS, f"{_SERVICE_ACCOUNTS}:{account[1]}")
    if authenticator.UNAUTHENTICATED in given:
        return given
    if name == _ANONYMOUS:
        return (*given, authenticator.UNAUTHENTICATED)
    return given if authenticator.AUTHENTICATED in given else (*given, authenticator.AUTHENTICATED)


def _required(
    user: authenticator.User, *, groups: tuple[str, ...] | list[str]
) -> Iterator[request_info.Attributes]:
    """The attributes that must all be allowed to the sender."""
    account = _SERVICE_ACCOUNT.fullmatch(user.name)
    if account:
        yield _to_impersonate("serviceaccounts", name=account[2], namespace=account[1])
    else:
        yield _to_impersonate("users", name=user.name)
    for group in groups:
        yield _to_impersonate("groups", name=group)
    for key, values in user.extra.items():
        for value in values:
            yield _to_impersonate("userextras", name=value, subresource=key, group=_AUTHENTICATION)
    if user.uid:
        yield _to_impersonate("uids", name=user.uid, group=_AUTHENTICATION)


def _to_impersonate(
    resource: str, *, name: str, namespace: str = "", subresource: str = "", group: str = ""
) -> request_info.Attributes:
    return request_info.Attributes(
        path="",
        verb=authz_authorizer.IMPERSONATE,
        is_resource=True,
        group=group,
        version="v1",
        namespace=namespace,
        resource=resource,
        subresource=subresource,
        name=name,
    )
