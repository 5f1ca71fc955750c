"""Whose words count where, and what is a failure: what an operator decides of profiles and namespaces.

A YAML file; whatever is wrong with it is refused with file, key and reason.

    client_errors: success          # or failure: what an answer of 4xx is
    profiles:
      istio: {client_errors: failure}
    namespaces:
      payments: {profiles: [linkerd], client_errors: failure}
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pydantic

from metrics_server.profiles import strict_yaml
from metrics_server.profiles.fields import Facts

_Outcome = Literal["success", "failure"]


class BadPolicy(ValueError):
    """A file that is no policy; the message names file, key and reason of each fault."""


class _OfProfile(Facts):
    client_errors: _Outcome | None = None


class _OfNamespace(_OfProfile):
    profiles: tuple[str, ...] | None = pydantic.Field(default=None, min_length=1)


class Policy(Facts):
    """What holds everywhere, for a profile, and for a namespace: the nearest decides."""

    client_errors: _Outcome = "success"
    profiles: dict[str, _OfProfile] = pydantic.Field(default_factory=dict)
    namespaces: dict[str, _OfNamespace] = pydantic.Field(default_factory=dict)

    def is_strict(self, profile: str, namespace: str) -> bool:
        """Return whether the mistakes of callers are failures to a namespace's proxies."""
        nearest = (self.namespaces.get(namespace), self.profiles.get(profile))
        told = (one.client_errors for one in nearest if one is not None and one.client_errors)
        return next(told, self.client_errors) == "failure"

    def allows(self, profile: str, namespace: str) -> bool:
        """Return whether a profile may tell of a namespace's proxies."""
        own = self.namespaces.get(namespace)
        return own is None or own.profiles is None or profile in own.profiles

    @property
    def named(self) -> frozenset[str]:
        """All profiles that it speaks of."""
        chosen = (name for one in self.namespaces.values() for name in one.profiles or ())
        return frozenset({*self.profiles, *chosen})


def load(path: Path) -> Policy:
    """Return the policy in a file. Raises BadPolicy with everything that is wrong."""
    source = strict_yaml.named(path)
    try:
        content = strict_yaml.read(strict_yaml.text(path, most=strict_yaml.LARGEST))
    except strict_yaml.Malformed as error:
        raise BadPolicy(f"{source}: not YAML: {error}") from error
    except (OSError, ValueError) as error:
        raise BadPolicy(f"{source}: cannot be read: {strict_yaml.unreadable(error)}") from error
    try:
        return Policy.model_validate({} if content is None else content)
    except pydantic.ValidationError as error:
        faults = [f"{source}: {strict_yaml.fault(e['loc'], e['msg'])}" for e in error.errors()]
        raise BadPolicy(strict_yaml.first(faults)) from error
