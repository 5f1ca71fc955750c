"""Finds peers that are a Service which mirrors one of another cluster, though their labels do not say so.

A request that no endpoint answered is reported by the Service that was called, without the cluster behind it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from metrics_server.model import snapshot


def of(peers: Iterable[snapshot.Peer]) -> Mapping[snapshot.Peer, snapshot.Peer]:
    """Return, for each peer that is only a Service, the same in the other cluster that the Service mirrors.

    That is known from peers behind the Service: all of them are of that cluster.
    """
    clusters: dict[tuple[str, str], set[str]] = {}
    bare: dict[snapshot.Peer, tuple[str, str]] = {}
    for peer in peers:
        service = (peer.service_namespace or peer.namespace, peer.service)
        if peer.mirrored or (peer.service and not peer.cluster and (peer.pod or peer.workload)):
            clusters.setdefault(service, set()).add(peer.cluster)
        elif peer.service and not peer.cluster:
            bare[peer] = service
    only = {service: next(iter(found)) for service, found in clusters.items() if len(found) == 1}
    return {
        peer: dataclasses.replace(peer, cluster=only[service], mirrored=True)
        for peer, service in bare.items()
        if only.get(service)
    }
