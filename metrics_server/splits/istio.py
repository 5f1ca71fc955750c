"""Reads `VirtualService` and `DestinationRule` of networking.istio.io: HTTP routes with several destinations,
and the labels that the pods of a subset have.

The apex is the first host. A host without dots is a service in the namespace of the object. A destination
without a weight has the weight 0 (https://istio.io/latest/docs/reference/config/networking/virtual-service/).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import pydantic

from metrics_server.splits import fields, model

_Subset = Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$")]


class _Destination(fields.ObjectFields):
    host: fields.Host
    subset: _Subset | None = None


class _Way(fields.ObjectFields):
    destination: _Destination
    weight: fields.Weight = fields.NONE


class _Rule(fields.ObjectFields):
    route: tuple[_Way, ...] | None = None


class _Routes(fields.ObjectFields):
    hosts: tuple[fields.Host, ...] | None = None
    http: tuple[_Rule, ...] | None = None


class _Named(fields.ObjectFields):
    name: _Subset
    labels: Mapping[str, str] | None = None


class _Subsets(fields.ObjectFields):
    host: fields.Host
    subsets: tuple[_Named, ...] | None = None


def routes(given: fields.SourceObject) -> model.Declared:
    """Return the splits of a VirtualService. Raises fields.Malformed."""
    found = fields.spec(given, _Routes)
    namespace = given.ref.namespace
    rules = [
        (number, [(_backend(way.destination, namespace), way.weight) for way in rule.route or ()])
        for number, rule in enumerate(found.http or (), start=1)
        if len(rule.route or ()) > 1
    ]
    apex = fields.service(next(iter(found.hosts or ()), given.ref.name), namespace=namespace)
    splits = model.of_rules(given.ref, apex=apex, labels=given.labels, rules=rules)
    return model.Declared(splits=splits)


def _backend(destination: _Destination, namespace: str) -> model.Backend:
    service = fields.service(destination.host, namespace=namespace)
    return model.Backend(service=service, subset=destination.subset or "", weight=0)


def subsets(given: fields.SourceObject) -> model.Declared:
    """Return the subsets of a DestinationRule. Raises fields.Malformed."""
    found = fields.spec(given, _Subsets)
    service = fields.service(found.host, namespace=given.ref.namespace)
    return model.Declared(
        subsets={(service, one.name): dict(one.labels) for one in found.subsets or () if one.labels}
    )
