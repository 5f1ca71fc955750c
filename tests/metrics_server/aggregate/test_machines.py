"""A mesh only of machines outside Kubernetes: the inventory file lists them and the services."""

from __future__ import annotations

from metrics_server.aggregate import rollup
from metrics_server.inventory import file_source
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import graph
from tests.metrics_server import meshes

FILE = """
kind: List
items:
  - {kind: WorkloadEntry, metadata: {name: web-1, namespace: shop, labels: {app: web}}}
  - {kind: WorkloadEntry, metadata: {name: web-2, namespace: shop, labels: {app: web}}}
  - {kind: ExternalWorkload, metadata: {name: db-1, namespace: data, labels: {app: db}}}
  - {kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}}}
  - {kind: Service, metadata: {name: db, namespace: data}, spec: {selector: {app: db}}}
"""
WEB_1, WEB_2 = (snapshot.Reporter(namespace="shop", machine=name) for name in ("web-1", "web-2"))
DB = snapshot.Reporter(namespace="data", machine="db-1")
TAKEN = meshes.moment(
    [WEB_1, WEB_2, DB],
    peers=[meshes.to("db", "data"), snapshot.Peer(host="payments.example.com")],
    client=[(0, 0, 7, 1), (1, 0, 5, 0), (1, 1, 2, 0)],
    server=[(0, -1, 9, 0), (1, -1, 6, 0), (2, -1, 12, 1)],
)


def rolled() -> rollup.Rollup:
    return rollup.Rollup(TAKEN, graph.Ownership(TAKEN, file_source.read(FILE, source="machines.yaml")))


def received(kind: str) -> dict[str, tuple[float | None, float | None]]:
    return {str(row.resource): (row.figures.success, row.figures.failure) for row in rolled().received(kind)}


def test_each_machine_has_its_figures() -> None:
    assert received(graph.WORKLOAD) == {
        "externalworkload.web-1": (9, 0),
        "externalworkload.web-2": (6, 0),
        "externalworkload.db-1": (12, 1),
    }


def test_services_and_namespaces_are_the_sums_of_their_machines() -> None:
    assert received(kinds.SERVICE.name) == {"service.web": (15, 0), "service.db": (12, 1)}
    assert received(kinds.NAMESPACE.name) == {"namespace.shop": (15, 0), "namespace.data": (12, 1)}


def test_an_edge_leads_to_the_one_machine_behind_a_service_and_to_hosts_outside() -> None:
    edges = {
        (str(edge.caller), str(edge.callee)): edge.figures.success for edge in rolled().edges(graph.WORKLOAD)
    }
    assert edges.pop(("unknown", "externalworkload.web-1")) == 9, "nobody is known to call it"
    assert edges.pop(("unknown", "externalworkload.web-2")) == 6
    assert edges == {
        ("externalworkload.web-1", "externalworkload.db-1"): 7,
        ("externalworkload.web-2", "externalworkload.db-1"): 5,
        ("externalworkload.web-2", "host.payments.example.com"): 2,
    }


def test_kinds_of_kubernetes_that_are_not_there_are_empty() -> None:
    for kind in (kinds.POD.name, kinds.NODE.name, "Deployment"):
        assert received(kind) == {}
