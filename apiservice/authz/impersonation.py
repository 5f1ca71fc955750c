"""Acting as somebody else: the `Impersonate-*` headers of an authenticated user → the user to go on as.

As in a kube-apiserver: each thing that the headers name has to be allowed to the sender, as the verb
`impersonate`, and from there on only the named user counts. Headers that say what a named user is like, and
name none, are refused; there it is a 500, here a 400, as the mistake is the client's.
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
_EXTRA = "impersonate-extra-"
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
    """The user to go on as: the sender, or whom it impersonates. Raises BadRequest, Forbidden."""
    if not any(map(authenticator.impersonates, headers)):
        return user
    wished = _wished(headers)
    if wished is None:
        return user
    for attributes in _wishes(wished, groups=headers.getall(_GROUP, ())):
        decision = await authorizer.authorize(user, attributes=attributes)
        if not decision.allowed:
            raise authz_authorizer.refusal(user, attributes=attributes, decision=decision)
    return wished


def _wished(headers: multidict.CIMultiDictProxy[str]) -> authenticator.User | None:
    """Whom the headers name; `None` if what they say is empty."""
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
    """The groups that were asked for, or those that a service account has anyway; and who everybody is."""
    account = _SERVICE_ACCOUNT.fullmatch(name)
    if account and not given:
        given = (_SERVICE_ACCOUNTS, f"{_SERVICE_ACCOUNTS}:{account[1]}")
    if authenticator.UNAUTHENTICATED in given:
        return given
    if name == _ANONYMOUS:
        return (*given, authenticator.UNAUTHENTICATED)
    return given if authenticator.AUTHENTICATED in given else (*given, authenticator.AUTHENTICATED)


def _wishes(
    user: authenticator.User, *, groups: tuple[str, ...] | list[str]
) -> Iterator[request_info.Attributes]:
    """What has to be allowed to become this user."""
    account = _SERVICE_ACCOUNT.fullmatch(user.name)
    if account:
        yield _to_be("serviceaccounts", name=account[2], namespace=account[1])
    else:
        yield _to_be("users", name=user.name)
    for group in groups:
        yield _to_be("groups", name=group)
    for key, values in user.extra.items():
        for value in values:
            yield _to_be("userextras", name=value, subresource=key, group=_AUTHENTICATION)
    if user.uid:
        yield _to_be("uids", name=user.uid, group=_AUTHENTICATION)


def _to_be(
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
