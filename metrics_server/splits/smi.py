"""`TrafficSplit` of split.smi-spec.io. All versions say the same, but that the weights of v1alpha1 may be
quantities.

Where a split has `matches` (v1alpha3 on) it holds for the requests that match; proxies do not count those
apart.
"""

from __future__ import annotations

from typing import Annotated

import pydantic

from metrics_server.splits import fields, model


class _Backend(fields.Fields):
    service: fields.Host
    weight: fields.Weight


class _Spec(fields.Fields):
    service: fields.Host
    backends: Annotated[tuple[_Backend, ...], pydantic.Field(min_length=1)]


def read(given: fields.Given) -> model.Declared:
    """Return the split. Raises fields.Malformed."""
    told = fields.spec(given, _Spec)
    namespace = given.ref.namespace
    backends = [
        (
            model.Backend(service=fields.service(one.service, namespace=namespace, pairs=True), weight=0),
            one.weight,
        )
        for one in told.backends
    ]
    apex = fields.service(told.service, namespace=namespace, pairs=True)
    splits = model.of_rules(given.ref, apex=apex, labels=given.labels, rules=[(1, backends)])
    return model.Declared(splits=splits)
