"""Reads `HTTPRoute` and `GRPCRoute` of gateway.networking.k8s.io: rules with several weighted backends.

The apex is the service that a route is attached to, as meshes use routes
(https://gateway-api.sigs.k8s.io/mesh/); for the route of a gateway it is the first host name, else the name
of the route. A rule with one backend does not split.
"""

from __future__ import annotations

from decimal import Decimal

from metrics_server.model import kinds
from metrics_server.splits import fields, model

_CORE = ("", "core")


class _Parent(fields.ObjectFields):
    group: str = "gateway.networking.k8s.io"
    kind: str = "Gateway"
    namespace: fields.Label | None = None
    name: fields.Name


class _Backend(fields.ObjectFields):
    group: str = ""
    kind: fields.Kind = kinds.SERVICE.name
    namespace: fields.Label | None = None
    name: fields.Name
    weight: fields.Weight = fields.ONE


class _Rule(fields.ObjectFields):
    backendRefs: tuple[_Backend, ...] | None = None  # noqa: N815 - Kubernetes' own spelling


class _Spec(fields.ObjectFields):
    parentRefs: tuple[_Parent, ...] | None = None  # noqa: N815 - Kubernetes' own spelling
    hostnames: tuple[fields.Host, ...] | None = None
    rules: tuple[_Rule, ...] | None = None


def read(given: fields.SourceObject) -> model.Declared:
    """Return the splits of a route. Raises fields.Malformed."""
    found = fields.spec(given, _Spec)
    rules = [
        (number, [_backend(one, given.ref) for one in rule.backendRefs or ()])
        for number, rule in enumerate(found.rules or (), start=1)
        if len(rule.backendRefs or ()) > 1
    ]
    splits = model.of_rules(given.ref, apex=_apex(found, given.ref), labels=given.labels, rules=rules)
    backends = {
        str(number): tuple(_backend(one, given.ref)[0].service for one in rule.backendRefs or ())
        for number, rule in enumerate(found.rules or ())
    }
    return model.Declared(splits=splits, rules=backends)


def _backend(one: _Backend, route: kinds.Ref) -> tuple[model.Backend, Decimal]:
    ref = kinds.Ref(one.kind, one.namespace or route.namespace, one.name)
    return model.Backend(service=ref, weight=0), one.weight


def _apex(found: _Spec, route: kinds.Ref) -> kinds.Ref:
    for parent in found.parentRefs or ():
        if parent.group in _CORE and parent.kind == kinds.SERVICE.name:
            return kinds.Ref(kinds.SERVICE.name, parent.namespace or route.namespace, parent.name)
    return kinds.Ref(kinds.HOST, "", next(iter(found.hostnames or ()), route.name))
