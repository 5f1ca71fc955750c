"""Reads an endpoint, the reporter or the peer of a series, from the labels of the series. Pure."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

from metrics_server.model import kinds, snapshot
from metrics_server.profiles import endpoints, fields

Labels = Mapping[str, str]


def first(labels: Labels, names: Sequence[str]) -> str:
    """Return the value of the first of these labels that is set; an empty text if none is."""
    return next((labels[name] for name in names if labels.get(name)), "")


def find(endpoint: endpoints.Endpoint, labels: Labels, *, namespace: str) -> snapshot.Peer | None:
    """Return the endpoint that the labels of a series name.

    `namespace`: that of the reporter, to which names without a namespace belong. None if the profile excludes
    the endpoint or its label is missing; an empty `Peer` if other labels name none.
    """
    if isinstance(endpoint, endpoints.NamedEndpoint):
        own_cluster = first(labels, endpoint.own_cluster)
        return named(endpoint, labels.get(endpoint.label, ""), namespace=namespace, own_cluster=own_cluster)
    return labelled(endpoint, labels, namespace=namespace)


def labelled(endpoint: endpoints.Labelled, labels: Labels, *, namespace: str = "") -> snapshot.Peer:
    """Return the endpoint that separate labels for namespace, pod, workload … name; an empty `Peer` if none
    is set.
    """
    known = {label: labels.get(label, "")[: fields.LONGEST_VALUE] for label in endpoint.label_names}
    known = {
        label: value for label, value in known.items() if value and not re.fullmatch(endpoint.unknown, value)
    }
    own, service = first(known, endpoint.namespace), first(known, endpoint.service)
    if service and endpoint.passthrough and re.fullmatch(endpoint.passthrough, service):
        return snapshot.Peer(kind=kinds.PASSTHROUGH, workload=service)
    kind, workload = _workload(endpoint, known)
    pod = first(known, endpoint.pod)
    if not (pod or workload) and set(service) & _OF_NO_SERVICE:
        return snapshot.Peer(host=service)
    elsewhere = first(known, endpoint.service_namespace)
    if not (pod or workload or service):
        return snapshot.Peer(address=first(known, endpoint.address))
    where = own or (elsewhere if service else "")
    cluster = _other_cluster(endpoint, labels)
    anywhere = endpoint.anywhere and not cluster
    return snapshot.Peer(
        cluster=cluster,
        mirrored=bool(cluster) and endpoint.mirrored and bool(service),
        namespace=where or (namespace if anywhere else ""),
        service=service,
        service_namespace=elsewhere if service and elsewhere != own and own else "",
        pod=pod,
        kind=kind,
        workload=workload,
        anywhere=anywhere and not where,
        sanitized=endpoint.sanitized and not cluster,
    )


def _other_cluster(endpoint: endpoints.Labelled, labels: Labels) -> str:
    """Return the cluster that an endpoint is in, if labels show that it is not its reporter's; else empty."""
    pairs = ((labels.get(there, ""), labels.get(here, "")) for there, here in endpoint.cluster.items())
    different = (there for there, here in pairs if _differ(there, here))
    found = first(labels, endpoint.other_cluster) or next(different, "")
    return found[: fields.LONGEST_VALUE]


def _differ(there: str, here: str) -> bool:
    """Whether two clusters are known and not the same."""
    return there != here and there not in _NO_CLUSTER and here not in _NO_CLUSTER


_NO_CLUSTER = frozenset({"", "unknown"})
"""What a label of a cluster has where the mesh does not know it."""
_OF_NO_SERVICE = frozenset(".:/*")
"""Characters that no name of a Kubernetes Service contains: a name with one of them is a host."""


def _workload(endpoint: endpoints.Labelled, known: Labels) -> tuple[str, str]:
    """Return kind and name of a workload; the kind is empty if no label shows it, both are empty without
    one.
    """
    if machine := first(known, endpoint.machine):
        return kinds.EXTERNAL_WORKLOAD, machine
    for label, kind in endpoint.kinds.items():
        if label in known:
            return kind, known[label]
    workload = first(known, endpoint.workload)
    if workload and endpoint.outside and fields.all_match(endpoint.outside, known):
        return kinds.EXTERNAL_WORKLOAD, workload
    return (first(known, endpoint.kind) if workload else ""), workload


def named(
    endpoint: endpoints.NamedEndpoint, value: str, *, namespace: str, own_cluster: str = ""
) -> snapshot.Peer | None:
    """Return the endpoint that one label value names; None if it is empty or the profile excludes it.

    `namespace`, `own_cluster`: those of the reporter.
    """
    value = value[: fields.LONGEST_VALUE]
    if not value or (endpoint.excluded and re.fullmatch(endpoint.excluded, value)):
        return None
    if any(re.fullmatch(pattern, value) for pattern in endpoint.passthrough):
        return snapshot.Peer(kind=kinds.PASSTHROUGH, workload=value)
    for pattern in endpoint.patterns:
        if found := re.fullmatch(pattern, value):
            parts = {part: text or "" for part, text in found.groupdict().items()}
            if "route" in parts:
                return snapshot.Peer(host=value, route=_route(parts))
            cluster = parts.get("cluster", "")
            if not _differ(cluster, own_cluster):
                return _by_parts(endpoint, parts, namespace)
            peer = _by_parts(endpoint, parts, "")
            return dataclasses.replace(peer, cluster=cluster, anywhere=False, sanitized=False)
    return snapshot.Peer(host=value)


def _route(part: Mapping[str, str]) -> snapshot.RouteName:
    """Return the rule of a route for the named groups of a pattern."""
    return snapshot.RouteName(
        kind=part.get("kind", ""),
        namespace=part.get("namespace", ""),
        name=part["route"],
        rule=part["rule"],
        backend=part.get("backend", ""),
    )


def _by_parts(endpoint: endpoints.NamedEndpoint, part: Mapping[str, str], namespace: str) -> snapshot.Peer:
    """Return the endpoint for the named groups of a pattern; `namespace` is the reporter's."""
    where = part.get("namespace") or namespace
    if any(part.get(group) for group in ("pod", "workload", "service")):
        return snapshot.Peer(
            namespace=where,
            pod=part.get("pod", ""),
            workload=part.get("workload", ""),
            service=part.get("service", ""),
            kind=part.get("kind", ""),
            sanitized=endpoint.sanitized,
        )
    if part.get("name"):
        return snapshot.Peer(
            namespace=namespace, name=part["name"], anywhere=endpoint.anywhere, sanitized=endpoint.sanitized
        )
    if part.get("joined"):
        return snapshot.Peer(joined=part["joined"])
    if part.get("address"):
        return snapshot.Peer(address=part["address"])
    return snapshot.Peer(host=part.get("host", ""))
