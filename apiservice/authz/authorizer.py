"""Authorization: a user and the attributes of a request → a decision.

The attributes come from the same decoded path that is routed. The decision is made before the object is
looked up, so a user without the right cannot find out whether the object exists.
"""

import dataclasses
import html
import json
from collections.abc import Sequence
from typing import Protocol

from apiservice.authn import authenticator
from apiservice.http import errors
from apiservice.request import request_info

IMPERSONATE = "impersonate"
"""The RBAC verb for acting as another user."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether the request is allowed. A refused user sees `reason`."""

    allowed: bool
    reason: str = ""


class Authorizer(Protocol):
    """Decides whether a user may do what a request asks for."""

    async def authorize(self, user: authenticator.User, *, attributes: request_info.Attributes) -> Decision:
        """The decision. Raises a `StatusError` if it cannot be made."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GroupAuthorizer:
    """Members of the given groups may do everything, others nothing."""

    groups: frozenset[str] = frozenset({authenticator.MASTERS})

    async def authorize(self, user: authenticator.User, *, attributes: request_info.Attributes) -> Decision:
        """Allowed if the user is in one of the groups."""
        return Decision(allowed=not self.groups.isdisjoint(user.groups))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AsThemselves:
    """Another authorizer without impersonation, for a server that knows no users but those of its tokens."""

    authorizer: Authorizer

    async def authorize(self, user: authenticator.User, *, attributes: request_info.Attributes) -> Decision:
        """The other authorizer's decision; impersonation is never allowed."""
        if attributes.is_resource and attributes.verb == IMPERSONATE:
            return Decision(
                allowed=False,
                reason="this server knows no users but those of its tokens; leave out --as and Impersonate-…",
            )
        return await self.authorizer.authorize(user, attributes=attributes)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PathAuthorizer:
    """Allows the given non-resource paths to every user. A path that ends with `*` is a prefix.

    Raises `ValueError` for a path that does not begin with `/` or has a `*` elsewhere.
    """

    paths: frozenset[str]

    def __post_init__(self) -> None:
        for path in self.paths:
            if not path.startswith("/") or "*" in path[:-1]:
                raise ValueError(
                    f'the always-allowed path "{path}" must begin with / and may have a * only at its end'
                )

    async def authorize(self, user: authenticator.User, *, attributes: request_info.Attributes) -> Decision:
        """Allowed if the path is one of the paths, or begins with one of the prefixes."""
        if attributes.is_resource:
            return Decision(allowed=False)
        return Decision(allowed=any(_covers(path, asked=attributes.path) for path in self.paths))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizerChain:
    """Several authorizers in a fixed order: a request is allowed if one of them allows it."""

    authorizers: Sequence[Authorizer]

    async def authorize(self, user: authenticator.User, *, attributes: request_info.Attributes) -> Decision:
        """The decision of the first authorizer that allows the request, else of the last one."""
        decision = Decision(allowed=False)
        for authorizer in self.authorizers:
            decision = await authorizer.authorize(user, attributes=attributes)
            if decision.allowed:
                break
        return decision


def refusal(
    user: authenticator.User, *, attributes: request_info.Attributes, decision: Decision
) -> errors.Forbidden:
    """The 403 in the kube-apiserver's wording. HTML is escaped, except in the object's name."""
    reason = f": {decision.reason}" if decision.reason else ""
    wish = _harmless(f"User {_quoted(user.name)} cannot {_wish(attributes)}{reason}")
    if not attributes.is_resource:
        return errors.Forbidden(f"forbidden: {wish}")
    subject = f"{attributes.resource}.{attributes.group}".rstrip(".")
    if attributes.name:
        subject += f" {_quoted(attributes.name)}"
    details = {"name": attributes.name, "group": attributes.group, "kind": attributes.resource}
    return errors.Forbidden(
        f"{subject} is forbidden: {wish}",
        details={key: value for key, value in details.items() if value},
    )


def _covers(path: str, *, asked: str) -> bool:
    return asked.startswith(path[:-1]) if path.endswith("*") else asked == path


def _wish(attributes: request_info.Attributes) -> str:
    if not attributes.is_resource:
        return f"{attributes.verb} path {_quoted(attributes.path)}"
    resource = "/".join(filter(None, (attributes.resource, attributes.subresource)))
    namespace = attributes.namespace
    where = f"in the namespace {_quoted(namespace)}" if namespace else "at the cluster scope"
    what = f"resource {_quoted(resource)} in API group {_quoted(attributes.group)}"
    return f"{attributes.verb} {what} {where}"


def _quoted(text: str) -> str:
    """The text in quotes, as Go's `%q` writes printable characters."""
    return json.dumps(text, ensure_ascii=False)


def _harmless(text: str) -> str:
    return html.escape(text, quote=False)
