"""Reads `TrafficSplit` of split.smi-spec.io. All versions are read alike; the weights of v1alpha1 may be
quantities such as `900m`.

From v1alpha3 on, a split may have `matches` and then applies only to matching requests. `matches` are
ignored, because proxies do not count matching requests separately.
"""

from __future__ import annotations

from typing import Annotated

import pydantic

from metrics_server.splits import fields, model


class _Backend(fields.ObjectFields):
    service: fields.Host
    weight: fields.Weight


class _Spec(fields.ObjectFields):
    service: fields.Host
    backends: Annotated[tuple[_Backend, ...], pydantic.Field(min_length=1)]


def read(given: fields.SourceObject) -> model.Declared:
    """Return the split of a TrafficSplit. Raises fields.Malformed."""
    found = fields.spec(given, _Spec)
    namespace = given.ref.namespace
    backends = [
        (
            model.Backend(service=fields.service(one.service, namespace=namespace, pairs=True), weight=0),
            one.weight,
        )
        for one in found.backends
    ]
    apex = fields.service(found.service, namespace=namespace, pairs=True)
    splits = model.of_rules(given.ref, apex=apex, labels=given.labels, rules=[(1, backends)])
    return model.Declared(splits=splits)
