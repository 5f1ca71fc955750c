"""Reads `IngressRoute` of traefik.io: which services each rule leads to.

Traefik names the service of a rule by namespace and name of the object, and the first ten bytes of the
SHA-256 of the rule. A rule with several services is named by each of them.
"""

from __future__ import annotations

import hashlib

from metrics_server.model import kinds
from metrics_server.splits import fields, model

_BYTES = 10


class _Service(fields.ObjectFields):
    kind: fields.Kind = kinds.SERVICE.name
    namespace: fields.Label | None = None
    name: fields.Name


class _Rule(fields.ObjectFields):
    match: str
    services: tuple[_Service, ...] | None = None


class _Spec(fields.ObjectFields):
    routes: tuple[_Rule, ...] | None = None


def read(given: fields.SourceObject) -> model.Declared:
    """Return the services of each rule, by its hash. Raises fields.Malformed."""
    found = fields.spec(given, _Spec)
    return model.Declared(
        rules={
            hashlib.sha256(rule.match.encode()).hexdigest()[: 2 * _BYTES]: tuple(
                kinds.Ref(one.kind, one.namespace or given.ref.namespace, one.name)
                for one in rule.services or ()
            )
            for rule in found.routes or ()
        }
    )
