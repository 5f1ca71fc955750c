"""The policy: which profiles count in a namespace, and whether mistakes of callers are failures.

The operator writes it as a YAML file. Every mistake in it is reported with file, key and reason.

    client_errors: success          # or failure: the outcome of 4xx, and of gRPC statuses like it
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
from metrics_server.profiles.fields import StrictModel

_Outcome = Literal["success", "failure"]


class BadPolicy(ValueError):
    """An invalid policy file; the message has file, key and reason of each mistake."""


class _OfProfile(StrictModel):
    client_errors: _Outcome | None = None


class _OfNamespace(_OfProfile):
    profiles: tuple[str, ...] | None = pydantic.Field(default=None, min_length=1)


class Policy(StrictModel):
    """Rules for everything, for a profile and for a namespace. Namespace comes before profile, profile
    before all.
    """

    client_errors: _Outcome = "success"
    profiles: dict[str, _OfProfile] = pydantic.Field(default_factory=dict)
    namespaces: dict[str, _OfNamespace] = pydantic.Field(default_factory=dict)

    def is_strict(self, profile: str, namespace: str) -> bool:
        """Return whether responses 4xx are failures for the proxies of a namespace."""
        nearest = (self.namespaces.get(namespace), self.profiles.get(profile))
        rules = (one.client_errors for one in nearest if one is not None and one.client_errors)
        return next(rules, self.client_errors) == "failure"

    def allows(self, profile: str, namespace: str) -> bool:
        """Return whether a profile counts for the proxies of a namespace."""
        own = self.namespaces.get(namespace)
        return own is None or own.profiles is None or profile in own.profiles

    @property
    def named(self) -> frozenset[str]:
        """The names of all profiles that occur in it."""
        chosen = (name for one in self.namespaces.values() for name in one.profiles or ())
        return frozenset({*self.profiles, *chosen})


def load(path: Path) -> Policy:
    """Return the policy in a file. Raises BadPolicy with all mistakes."""
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
