"""May they: a user and the attributes of a request → a decision.

The attributes are computed from the same decoded path that is routed, and the decision is made before
anybody learns whether the thing exists.
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
"""The verb of acting as somebody else."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`reason` is for people; it is shown to the user who is refused."""

    allowed: bool
    reason: str = ""


class Authorizer(Protocol):
    async def authorize(
        self, user: authenticator.User, *, attributes: request_info.Attributes
    ) -> Decision: ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GroupAuthorizer:
    """Members of the given groups may do everything, others nothing."""

    groups: frozenset[str] = frozenset({authenticator.MASTERS})

    async def authorize(self, user: authenticator.User, *, attributes: request_info.Attributes) -> Decision:
        return Decision(allowed=not self.groups.isdisjoint(user.groups))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AsThemselves:
    """What another authorizer allows, but nobody acts as somebody else: where no users are known, there is
    nobody to act as.
    """

    authorizer: Authorizer

    async def authorize(self, user: authenticator.User, *, attributes: request_info.Attributes) -> Decision:
        if attributes.is_resource and attributes.verb == IMPERSONATE:
            return Decision(
                allowed=False,
                reason="this server knows no users but those of its tokens; leave out --as and Impersonate-…",
            )
        return await self.authorizer.authorize(user, attributes=attributes)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PathAuthorizer:
    """Everybody may ask for the given paths, which are not resources. One that ends with `*` is a prefix."""

    paths: frozenset[str]

    def __post_init__(self) -> None:
        for path in self.paths:
            if not path.startswith("/") or "*" in path[:-1]:
                raise ValueError(
                    f'the always-allowed path "{path}" must begin with / and have no * but its last'
                )

    async def authorize(self, user: authenticator.User, *, attributes: request_info.Attributes) -> Decision:
        if attributes.is_resource:
            return Decision(allowed=False)
        return Decision(allowed=any(_covers(path, asked=attributes.path) for path in self.paths))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Union:
    """Several authorizers as one: the first that allows decides, and the last says why not."""

    authorizers: Sequence[Authorizer]

    async def authorize(self, user: authenticator.User, *, attributes: request_info.Attributes) -> Decision:
        decision = Decision(allowed=False)
        for authorizer in self.authorizers:
            decision = await authorizer.authorize(user, attributes=attributes)
            if decision.allowed:
                break
        return decision


def refusal(
    user: authenticator.User, *, attributes: request_info.Attributes, decision: Decision
) -> errors.Forbidden:
    """The 403 in the words of Kubernetes: safe to be shown in a browser, but for an object's name."""
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
    """As Go's `%q` writes what can be printed."""
    return json.dumps(text, ensure_ascii=False)


def _harmless(text: str) -> str:
    return html.escape(text, quote=False)
