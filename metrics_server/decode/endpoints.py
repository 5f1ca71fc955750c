"""Reads an endpoint, the reporter or the peer of a series, from the labels of the series. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from metrics_server.model import kinds, snapshot
from metrics_server.profiles import endpoints, fields

Labels = Mapping[str, str]


def first(labels: Labels, names: Sequence[str]) -> str:
    """Return the value of the first of these labels that is set; an empty text if none is."""
    return next((labels[name] for name in names if labels.get(name)), "")


def find(party: endpoints.Party, labels: Labels, *, namespace: str) -> snapshot.Peer | None:
    """Return the endpoint that the labels of a series name.

    `namespace`: that of the reporter, to which names without a namespace belong. None if the profile excludes
    the endpoint or its label is missing; an empty `Peer` if other labels name none.
    """
    if isinstance(party, endpoints.NamedEndpoint):
        return named(party, labels.get(party.label, ""), namespace=namespace)
    return labelled(party, labels, namespace=namespace)


def labelled(party: endpoints.Labelled, labels: Labels, *, namespace: str = "") -> snapshot.Peer:
    """Return the endpoint that separate labels for namespace, pod, workload … name; an empty `Peer` if none
    is set.
    """
    known = {label: labels.get(label, "")[: fields.LONGEST_VALUE] for label in party.label_names}
    known = {
        label: value for label, value in known.items() if value and not re.fullmatch(party.unknown, value)
    }
    own, service = first(known, party.namespace), first(known, party.service)
    if service and party.passthrough and re.fullmatch(party.passthrough, service):
        return snapshot.Peer(kind=kinds.PASSTHROUGH, workload=service)
    kind, workload = _workload(party, known)
    pod = first(known, party.pod)
    if not (pod or workload) and set(service) & _OF_NO_SERVICE:
        return snapshot.Peer(host=service)
    elsewhere = first(known, party.service_namespace)
    if not (pod or workload or service):
        return snapshot.Peer()
    where = own or (elsewhere if service else "")
    return snapshot.Peer(
        namespace=where or (namespace if party.anywhere else ""),
        service=service,
        service_namespace=elsewhere if service and elsewhere != own and own else "",
        pod=pod,
        kind=kind,
        workload=workload,
        anywhere=party.anywhere and not where,
        sanitized=party.sanitized,
    )


_OF_NO_SERVICE = frozenset(".:/*")
"""Characters that no name of a Kubernetes Service contains: a name with one of them is a host."""


def _workload(party: endpoints.Labelled, known: Labels) -> tuple[str, str]:
    """Return kind and name of a workload; the kind is empty if no label shows it, both are empty without
    one.
    """
    if machine := first(known, party.machine):
        return kinds.EXTERNAL_WORKLOAD, machine
    for label, kind in party.kinds.items():
        if label in known:
            return kind, known[label]
    workload = first(known, party.workload)
    if workload and party.outside and fields.all_match(party.outside, known):
        return kinds.EXTERNAL_WORKLOAD, workload
    return (first(known, party.kind) if workload else ""), workload


def named(party: endpoints.NamedEndpoint, value: str, *, namespace: str) -> snapshot.Peer | None:
    """Return the endpoint that one label value names; None if it is empty or the profile excludes it."""
    value = value[: fields.LONGEST_VALUE]
    if not value or (party.excluded and re.fullmatch(party.excluded, value)):
        return None
    if any(re.fullmatch(pattern, value) for pattern in party.passthrough):
        return snapshot.Peer(kind=kinds.PASSTHROUGH, workload=value)
    for pattern in party.patterns:
        if found := re.fullmatch(pattern, value):
            return _by_parts(party, {part: text or "" for part, text in found.groupdict().items()}, namespace)
    return snapshot.Peer(host=value)


def _by_parts(party: endpoints.NamedEndpoint, part: Mapping[str, str], namespace: str) -> snapshot.Peer:
    """Return the endpoint for the named groups of a pattern; `namespace` is the reporter's."""
    where = part.get("namespace") or namespace
    if any(part.get(group) for group in ("pod", "workload", "service")):
        return snapshot.Peer(
            namespace=where,
            pod=part.get("pod", ""),
            workload=part.get("workload", ""),
            service=part.get("service", ""),
            kind=part.get("kind", ""),
            sanitized=party.sanitized,
        )
    if part.get("name"):
        return snapshot.Peer(
            namespace=namespace, name=part["name"], anywhere=party.anywhere, sanitized=party.sanitized
        )
    if part.get("joined"):
        return snapshot.Peer(joined=part["joined"])
    if part.get("address"):
        return snapshot.Peer(address=part["address"])
    return snapshot.Peer(host=part.get("host", ""))
