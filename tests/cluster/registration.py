"""The objects with which the kube-apiserver aggregates a server on this machine."""

import base64
from collections.abc import Mapping
from typing import Any

from tests.cluster import cluster

NAMESPACE = "default"
PORT = 8443
_SOMEWHERE = "192.0.2.1"


def objects(
    running: cluster.Cluster, *, name: str, group: str, version: str, authority: bytes
) -> list[Mapping[str, Any]]:
    """Return a Service, its endpoint and the APIService; `authority` signed the server's certificate, in PEM.

    Kubernetes refuses a loopback address as an endpoint. Without nodes the Service's own address is that of
    the server, and any ready endpoint will do.
    """
    nodes, address = running.place.nodes, running.place.host
    ports = [{"name": "https", "port": PORT}]
    metadata = {"name": name, "namespace": NAMESPACE}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"ports": ports} | ({} if nodes else {"clusterIP": address}),
    }
    slices = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata | {"labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address if nodes else _SOMEWHERE], "conditions": {"ready": True}}],
        "ports": ports,
    }
    return [service, slices, api_service(name, group=group, version=version, authority=authority)]


def api_service(name: str, *, group: str, version: str, authority: bytes) -> Mapping[str, Any]:
    """The APIService that directs requests for a group-version to the Service; it prefers the newest
    version.
    """
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{version}.{group}"},
        "spec": {
            "group": group,
            "version": version,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "caBundle": base64.b64encode(authority).decode(),
            "service": {"name": name, "namespace": NAMESPACE, "port": PORT},
        },
    }
