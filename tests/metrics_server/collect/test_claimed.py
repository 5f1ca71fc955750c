"""One proxy counts once, whoever scrapes it and however many profiles report it."""

from __future__ import annotations

import dataclasses

from metrics_server.collect import merge
from metrics_server.model import snapshot
from metrics_server.ownership import graph
from tests.metrics_server import meshes

CONSUL, KUMA = snapshot.MeshName("consul", ("dc1",)), snapshot.MeshName("kuma", ("default",))


def process(number: int, *, job: str = "mesh", instance: str = "db-1") -> snapshot.Target:
    return snapshot.Target(job, instance, "envoy_server_uptime", number)


def machine(
    name: str, *targets: snapshot.Target, mesh: snapshot.MeshName = snapshot.NO_MESH, instance: str = "db-1"
) -> snapshot.Reporter:
    return snapshot.Reporter(machine=name, instance=instance, mesh=mesh, targets=frozenset(targets))


def host(*targets: snapshot.Target) -> snapshot.Reporter:
    return snapshot.Reporter(instance="10.0.0.5:9901", targets=frozenset(targets))


def pod(name: str, *targets: snapshot.Target) -> snapshot.Reporter:
    return snapshot.Reporter(namespace="shop", pod=name, targets=frozenset(targets))


def report(profile: str, *reporters: snapshot.Reporter, requests: float = 10) -> snapshot.Snapshot:
    """Return the snapshot of one profile, in which each reporter receives so many requests."""
    made = meshes.moment(reporters, server=[(number, -1, requests, 0) for number in range(len(reporters))])
    return dataclasses.replace(made, meshes=(dataclasses.replace(meshes.TOY, profile=profile),))


def received(*moments: snapshot.Snapshot) -> dict[str, float | None]:
    """Return how many requests each workload receives, by its name."""
    merged = merge.merge(moments, allowed=lambda profile, namespace: True)
    rows = meshes.seen(merged).received(graph.WORKLOAD)
    return {str(ref): row.figures.success for ref, row in rows.items()}


def test_a_machine_and_the_address_of_its_proxy_are_one() -> None:
    consul = report("consul", machine("db", process(1), mesh=CONSUL))
    assert received(consul, report("envoy", host(process(1)), requests=11)) == {"externalworkload.db": 10}


def test_one_that_two_jobs_scrape_is_known_by_either() -> None:
    again = process(2, job="nodes", instance="10.0.0.5:9901")
    consul = report("consul", machine("db", process(1), again, mesh=CONSUL))
    assert received(consul, report("envoy", host(again))) == {"externalworkload.db": 10}


def test_a_target_of_which_a_profile_does_not_know_the_process_is_the_same() -> None:
    extension = report("app-mesh-extension", machine("db", snapshot.Target("mesh", "db-1")))
    assert received(extension, report("envoy", host(process(1)))) == {"externalworkload.db": 10}


def test_processes_that_share_job_and_instance_are_several() -> None:
    consul = report("consul", machine("cart", process(1), mesh=CONSUL), machine("db", process(2)))
    kuma = report("kuma", machine("till", process(3), mesh=KUMA))
    assert received(consul, kuma) == {
        "externalworkload.cart": 10,
        "externalworkload.db": 10,
        "externalworkload.till": 10,
    }


def test_pods_that_share_a_target_are_distinguished_by_their_names() -> None:
    shared = snapshot.Target("federation", "prometheus:9090")
    both = received(
        report("istio", pod("cart", shared)), report("dapr", pod("db", shared), pod("cart", shared))
    )
    assert both == {"pod.cart": 10, "pod.db": 10}


def test_a_pod_and_the_address_that_was_scraped_are_one() -> None:
    assert received(report("kuma", pod("db", process(1))), report("envoy", host(process(1)))) == {
        "pod.db": 10
    }


def test_machines_of_one_name_in_two_meshes_are_two() -> None:
    consul = report("consul", machine("db", process(1, job="consul"), mesh=CONSUL))
    kuma = report("kuma", machine("db", process(2, job="kuma"), mesh=KUMA), requests=7)
    assert received(consul, kuma) == {"externalworkload.db.consul": 10, "externalworkload.db.kuma": 7}


def test_a_machine_that_another_process_reports_is_known_by_its_name() -> None:
    envoy = report("envoy", machine("db", process(1)))
    assert received(report("access-log", machine("db")), envoy) == {"externalworkload.db": 10}


def test_requests_that_only_a_general_profile_sees_are_those_of_the_machine_that_another_knows() -> None:
    idle = report("consul", machine("db", process(1), mesh=CONSUL), requests=0)
    envoy = report("envoy", host(process(1)), requests=6)
    assert received(idle, envoy) == {"externalworkload.db": 6}
    other = report("app-mesh", machine("10-0-0-5", process(1), mesh=CONSUL), requests=6)
    assert received(other, idle) == {"externalworkload.db": 6}
