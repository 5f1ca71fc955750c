"""Machines belong to their mesh: its proxies know them by name, before any Kubernetes object of that name."""

from __future__ import annotations

import pytest

from metrics_server.inventory import file_source, objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import graph
from tests.metrics_server import meshes

CONSUL = snapshot.MeshName("consul", ("dc1",))
KUMA = snapshot.MeshName("kuma", ("default",))
OBJECTS = """
kind: List
items:
  - {kind: StatefulSet, metadata: {name: db, namespace: data}}
  - {kind: StatefulSet, metadata: {name: queue, namespace: data}}
  - kind: Pod
    metadata:
      name: db-0
      namespace: data
      labels: {app: db}
      ownerReferences: [{kind: StatefulSet, name: db, controller: true}]
  - {kind: Service, metadata: {name: db, namespace: data}, spec: {selector: {app: db}}}
  - {kind: Service, metadata: {name: queue, namespace: data}, spec: {selector: {app: queue}}}
"""
INVENTORY = file_source.read(OBJECTS, source="objects.yaml")
NONE = objects.Inventory()
DB = kinds.Ref("ExternalWorkload", "", "db")
IN_CLUSTER = kinds.Ref("StatefulSet", "data", "db")


def machine(name: str, mesh: snapshot.MeshName = CONSUL, namespace: str = "") -> snapshot.Reporter:
    return snapshot.Reporter(namespace=namespace, machine=name, instance=f"{name}-1", mesh=mesh)


def called(
    name: str,
    *reporters: snapshot.Reporter,
    known: objects.Inventory = INVENTORY,
    mesh: snapshot.MeshName = CONSUL,
    is_machine: bool = True,
    namespace: str = "",
    field: str = "service",
) -> kinds.Ref:
    """Return the workload that a proxy of a mesh means by a name without a namespace."""
    peer = snapshot.Peer(
        namespace=namespace,
        anywhere=field in ("service", "name"),
        scope=snapshot.NameScope(mesh, is_machine),
        **{field: name},  # type: ignore[arg-type]  # the name of a field with a text
    )
    taken = meshes.moment(reporters, peers=[peer])
    (found,) = graph.Ownership(taken, known).peers(graph.WORKLOAD)
    return found


@pytest.mark.parametrize("known", [NONE, INVENTORY], ids=["alone", "with an inventory"])
@pytest.mark.parametrize("field", ["service", "name", "workload", "host"])
def test_a_machine_calls_the_machine_of_its_mesh(known: objects.Inventory, field: str) -> None:
    assert called("db", machine("db"), known=known, field=field) == DB


def test_a_machine_of_another_mesh_is_not_meant() -> None:
    other = machine("db", KUMA)
    assert called("db", other, known=NONE).kind != "ExternalWorkload"
    both = machine("db"), other
    assert called("db", *both) == kinds.Ref("ExternalWorkload", "", "db.consul")
    assert called("db", *both, mesh=KUMA) == kinds.Ref("ExternalWorkload", "", "db.kuma")


def test_a_mesh_without_pods_means_no_object_that_merely_has_the_name() -> None:
    assert called("queue", machine("gateway")).kind == kinds.SERVICE.name
    assert called("queue", machine("gateway")).namespace == ""


def test_a_mesh_with_pods_may_mean_an_object_of_kubernetes() -> None:
    pod = snapshot.Reporter(namespace="shop", pod="web-1", mesh=CONSUL)
    assert called("db", machine("gateway"), pod) == IN_CLUSTER
    assert called("db", machine("gateway"), machine("db"), pod) == DB


def test_objects_that_describe_machines_are_of_the_mesh() -> None:
    described = file_source.read(
        """
kind: List
items:
  - {kind: ExternalWorkload, metadata: {name: db-1, namespace: data, labels: {app: db}}}
  - {kind: Service, metadata: {name: db, namespace: data}, spec: {selector: {app: db}}}
""",
        source="machines.yaml",
    )
    meant = called("db", machine("gateway"), machine("db-1", namespace="data"), known=described)
    assert meant == kinds.Ref("ExternalWorkload", "data", "db-1")


def test_a_pod_means_its_own_namespace_then_the_machine_then_the_only_object() -> None:
    pod = snapshot.Reporter(namespace="data", pod="web-1", mesh=CONSUL)
    assert called("db", pod, machine("db"), is_machine=False, namespace="data") == IN_CLUSTER
    assert called("db", pod, machine("db"), is_machine=False, namespace="shop") == DB
    assert called("db", pod, machine("cart"), is_machine=False, namespace="shop") == IN_CLUSTER


def test_a_machine_in_several_namespaces_is_that_of_the_caller_or_none() -> None:
    two = machine("db", namespace="a"), machine("db", namespace="b")
    assert called("db", *two, namespace="b", known=NONE) == kinds.Ref("ExternalWorkload", "b", "db")
    assert called("db", *two, namespace="c", known=NONE).kind != "ExternalWorkload"


@pytest.mark.parametrize(
    ("mesh", "others", "name"),
    [
        (("kuma", ("default", "")), [("kuma", ("payments", ""))], "db.default"),
        (("kuma", ("default", "eu")), [("kuma", ("default", "us"))], "db.eu"),
        (("kuma", ("a", "eu")), [("kuma", ("b", "us"))], "db.a-eu"),
        (("kuma", ("a", "")), [("kuma", ("b", "")), ("consul", ("dc1",))], "db.kuma.a"),
        (("consul", ("dc1",)), [("kuma", ("b", ""))], "db.consul"),
        (("", ()), [("kuma", ("b", ""))], "db.envoy"),
        (("", ()), [("", ("eu",))], "db"),
        (("", ("eu",)), [("", ())], "db.eu"),
        (("consul", ("dc1",)), [("consul", ("dc1",))], "db"),
    ],
)
def test_a_name_in_several_meshes_is_qualified_by_what_distinguishes_them(
    mesh: tuple[str, tuple[str, ...]], others: list[tuple[str, tuple[str, ...]]], name: str
) -> None:
    reporters = [machine("db", snapshot.MeshName(*one)) for one in (mesh, *others)]
    owners = graph.Ownership(meshes.moment(reporters), NONE)
    assert owners.reporters[0] == kinds.Ref("ExternalWorkload", "", name)
    assert len(set(owners.reporters)) == len({one.mesh for one in reporters})


def test_several_instances_are_one_machine() -> None:
    several = [
        snapshot.Reporter(machine="db", instance=instance, mesh=CONSUL) for instance in ("db-1", "db-2")
    ]
    owners = graph.Ownership(meshes.moment(several), NONE)
    assert owners.reporters == (DB, DB)
