"""Reads `ServiceProfile` of linkerd.io: the `dstOverrides` of the service with the name of the profile."""

from __future__ import annotations

from metrics_server.splits import fields, model


class _Override(fields.ObjectFields):
    authority: fields.Host
    weight: fields.Weight


class _Spec(fields.ObjectFields):
    dstOverrides: tuple[_Override, ...] | None = None  # noqa: N815 - Linkerd's own spelling


def read(given: fields.SourceObject) -> model.Declared:
    """Return the split of a ServiceProfile, or nothing if it has none. Raises fields.Malformed."""
    found = fields.spec(given, _Spec)
    namespace = given.ref.namespace
    backends = [
        (model.Backend(service=fields.service(one.authority, namespace=namespace), weight=0), one.weight)
        for one in found.dstOverrides or ()
    ]
    if not backends:
        return model.NOTHING
    apex = fields.service(given.ref.name, namespace=namespace)
    splits = model.of_rules(given.ref, apex=apex, labels=given.labels, rules=[(1, backends)])
    return model.Declared(splits=splits)
