from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from metrics_server.cluster import owners
from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import machines, names
from tests.fakes import kubernetes

NOON = 1767268984.0
"""2026-01-01T12:03:04Z, in seconds since the epoch."""
REPLICA_SETS = "/apis/apps/v1/replicasets"
DEPLOYMENTS = "/apis/apps/v1/deployments"
JOBS = "/apis/batch/v1/jobs"
SERVICES = "/api/v1/services"
POD = kinds.Ref("Pod", "shop", "cart-1-x")


def owned(kind: str, name: str) -> dict[str, Any]:
    return {"ownerReferences": [{"kind": kind, "name": name, "controller": True}]}


@pytest.fixture
async def kube() -> AsyncIterator[kubernetes.Kubernetes]:
    async with kubernetes.serve() as served:
        served.put("/api/v1/namespaces", "shop", namespace="")
        served.put("/api/v1/nodes", "node-a", namespace="", labels={"zone": "a"})
        served.put(
            kubernetes.PODS,
            "cart-1-x",
            labels={"app": "cart"},
            spec={"nodeName": "node-a"},
            **owned("ReplicaSet", "cart-1"),
        )
        served.put(kubernetes.PODS, "etcd-node-a", **owned("Node", "node-a"))
        served.put(REPLICA_SETS, "cart-1", **owned("Deployment", "cart"))
        served.put(DEPLOYMENTS, "cart", spec={"selector": {"matchLabels": {"app": "cart"}}})
        served.put(JOBS, "nightly-1", **owned("CronJob", "nightly"))
        served.put("/apis/batch/v1/cronjobs", "nightly")
        served.put("/apis/apps/v1/statefulsets", "redis")
        served.put("/apis/apps/v1/daemonsets", "agent")
        served.put("/api/v1/replicationcontrollers", "old")
        served.put(SERVICES, "cart", spec={"selector": {"app": "cart"}})
        served.put(SERVICES, "outside", spec={"type": "ExternalName"})
        yield served


@contextlib.asynccontextmanager
async def watching(kube: kubernetes.Kubernetes, *, keep: float = 60.0) -> AsyncIterator[owners.Watched]:
    async with (
        kubernetes.ask(kube) as api,
        owners.watched(api, clock=lambda: NOON, keep=keep, pauses=kubernetes.IMPATIENT) as watched,
    ):
        yield watched


async def complete(watched: owners.Watched) -> objects.Inventory:
    await asyncio.wait_for(watched.complete(), kubernetes.PATIENCE)
    return watched.current()


async def all_watched(kube: kubernetes.Kubernetes) -> None:
    await kubernetes.until(lambda: len(kube.watching) == len(owners.RESOURCES), what="all watched")


async def test_everything_that_tells_who_owns_whom_is_known(kube: kubernetes.Kubernetes) -> None:
    async with watching(kube) as watched:
        things = (await complete(watched)).objects
        assert watched.is_complete
        assert watched.complaint() is None
    assert things[POD] == objects.Object(
        ref=POD,
        labels={"app": "cart"},
        owner=kinds.Ref("ReplicaSet", "shop", "cart-1"),
        node="node-a",
    )
    assert {(str(ref), ref.namespace, str(one.owner or "")) for ref, one in things.items()} == {
        ("namespace.shop", "", ""),
        ("node.node-a", "", ""),
        ("pod.cart-1-x", "shop", "replicaset.cart-1"),
        # A static pod has its node as owner, so it is its own workload.
        ("pod.etcd-node-a", "shop", ""),
        ("replicaset.cart-1", "shop", "deployment.cart"),
        ("deployment.cart", "shop", ""),
        ("job.nightly-1", "shop", "cronjob.nightly"),
        ("cronjob.nightly", "shop", ""),
        ("statefulset.redis", "shop", ""),
        ("daemonset.agent", "shop", ""),
        ("replicationcontroller.old", "shop", ""),
        ("service.cart", "shop", ""),
        ("service.outside", "shop", ""),
    }
    assert things[kinds.Ref("Node", "", "node-a")].labels == {"zone": "a"}
    assert things[kinds.Ref("Service", "shop", "cart")].selector == {"app": "cart"}
    assert things[kinds.Ref("Service", "shop", "outside")].selector == {}


async def test_only_services_are_read_whole(kube: kubernetes.Kubernetes) -> None:
    async with watching(kube) as watched:
        await complete(watched)
        await all_watched(kube)
    whole = {path for path, _, accept in kube.asked if "as=" not in accept}
    assert whole == {SERVICES}


async def test_it_follows_what_comes_changes_and_goes(kube: kubernetes.Kubernetes) -> None:
    async with watching(kube) as watched:
        before = await complete(watched)
        await all_watched(kube)
        kube.put(kubernetes.PODS, "cart-1-x", labels={"app": "cart", "canary": "yes"}, spec={"nodeName": "b"})
        await kubernetes.until(lambda: watched.current().objects[POD].node == "b", what="changed")
        assert watched.current().objects[POD].labels["canary"] == "yes"
        kube.put(SERVICES, "cart", spec={"selector": {"app": "cart", "canary": "yes"}})
        service = kinds.Ref("Service", "shop", "cart")
        await kubernetes.until(lambda: len(watched.current().objects[service].selector) == 2, what="selects")
        kube.delete(JOBS, "nightly-1")
        job = kinds.Ref("Job", "shop", "nightly-1")
        await kubernetes.until(lambda: job not in watched.current().objects, what="gone")
        assert watched.current().gone[job].owner == kinds.Ref("CronJob", "shop", "nightly")
        assert before.objects[POD].node == "node-a"


async def test_the_address_of_a_pod_is_known_and_one_that_several_share_is_nobody_s(
    kube: kubernetes.Kubernetes,
) -> None:
    kube.put(kubernetes.PODS, "db-0", address="10.0.0.7")
    for agent in ("agent-a", "agent-b"):
        kube.put(kubernetes.PODS, agent, address="10.0.0.1")
    async with watching(kube) as watched:
        things = await complete(watched)
    spelled = names.NameResolver(things)
    none = machines.Machines([], things)
    found = [spelled.peer(snapshot.Peer(address=at), none) for at in ("10.0.0.7:5432", "10.0.0.1:80")]
    assert found == [snapshot.Peer(namespace="shop", pod="db-0"), snapshot.Peer(host="10.0.0.1:80")]


async def test_what_changes_nothing_of_what_is_kept_makes_no_new_inventory(
    kube: kubernetes.Kubernetes,
) -> None:
    async with watching(kube) as watched:
        before = await complete(watched)
        await all_watched(kube)
        same = {"labels": {"app": "cart"}, "spec": {"nodeName": "node-a"}, **owned("ReplicaSet", "cart-1")}
        kube.put(kubernetes.PODS, "cart-1-x", annotations={"seen": "now"}, **same)
        # The watch ends after the event; the next watch begins at the version of that event.
        kube.tell(kubernetes.PODS, b"")
        await kubernetes.until(lambda: len(kube.watches_of(kubernetes.PODS)) == 2, what="watched on")
        assert kube.watches_of(kubernetes.PODS)[1]["resourceVersion"] == str(kube.version)
        assert watched.current() is before


async def test_without_the_kube_apiserver_what_is_known_stays_and_that_is_said(
    kube: kubernetes.Kubernetes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "metrics_server")
    async with watching(kube) as watched:
        before = await complete(watched)
        await all_watched(kube)
        kube.refused = {"*": 503}
        kube.cut()
        text = "the kube-apiserver has not answered since 12:03:04Z; owners and labels are as of then"
        await kubernetes.until(lambda: watched.complaint() == text, what=text)
        assert watched.current() is before
        assert watched.is_complete
        kube.refused = {}
        kube.put(kubernetes.PODS, "new")
        pod = kinds.Ref("Pod", "shop", "new")
        await kubernetes.until(lambda: pod in watched.current().objects, what="the new pod")
        await kubernetes.until(lambda: watched.complaint() is None, what="well")
    away, back = caplog.messages
    assert away.startswith("the kube-apiserver does not answer, owners and labels stay as they are: /api")
    assert back == "the kube-apiserver answers again: owners and labels are up to date"


async def test_what_it_does_not_answer_about_is_named(kube: kubernetes.Kubernetes) -> None:
    async with watching(kube) as watched:
        await complete(watched)
        await all_watched(kube)
        kube.refused = {JOBS: 500}
        kube.tell(JOBS, None)
        text = (
            "the kube-apiserver has not answered about jobs.batch since 12:03:04Z; "
            "owners and labels are as of then"
        )
        await kubernetes.until(lambda: watched.complaint() == text, what=text)


async def test_begun_without_a_kube_apiserver_it_says_so_and_comes_up_by_itself(
    kube: kubernetes.Kubernetes,
) -> None:
    kube.refused = {"*": 503}
    text = "the kube-apiserver has not answered yet: owners and labels are incomplete"
    async with watching(kube) as watched:
        assert watched.complaint() == text
        await kubernetes.until(lambda: len(kube.asked) > 50, what="asked again and again")
        assert not watched.is_complete
        assert watched.complaint() == text
        assert watched.current() == objects.Inventory()
        kube.refused = {}
        assert POD in (await complete(watched)).objects
        await kubernetes.until(lambda: watched.complaint() is None, what="well")


async def test_a_resource_that_may_not_be_listed_does_not_stop_the_others(
    kube: kubernetes.Kubernetes, caplog: pytest.LogCaptureFixture
) -> None:
    kube.refused = {JOBS: 403, "/apis/batch/v1/cronjobs": 403}
    async with watching(kube) as watched:
        things = (await complete(watched)).objects
        assert POD in things
        assert not [ref for ref in things if ref.kind == "Job"]
        assert watched.complaint() == (
            "owners and labels are incomplete: the kube-apiserver does not let the server list and watch "
            "jobs.batch, cronjobs.batch"
        )
        await kubernetes.until(lambda: len(kube.lists_of(JOBS)) > 5, what="tried again and again")
        (line,) = [message for message in caplog.messages if message.startswith("jobs.batch")]
        assert line.endswith(
            "allow it with: "
            "kubectl create clusterrole traffic-watch-jobs.batch --verb=list,watch --resource=jobs.batch && "
            "kubectl create clusterrolebinding traffic-watch-jobs.batch "
            "--clusterrole=traffic-watch-jobs.batch --serviceaccount=mesh:traffic"
        )
        kube.refused = {}
        job = kinds.Ref("Job", "shop", "nightly-1")
        await kubernetes.until(lambda: job in watched.current().objects, what="allowed in the end")
        await kubernetes.until(lambda: watched.complaint() is None, what="well")


async def test_a_resource_that_is_not_served_does_not_stop_the_others(
    kube: kubernetes.Kubernetes, caplog: pytest.LogCaptureFixture
) -> None:
    kube.refused = {JOBS: 404}
    async with watching(kube) as watched:
        assert POD in (await complete(watched)).objects
        assert (watched.complaint() or "").endswith("list and watch jobs.batch")
    (line,) = caplog.messages
    assert line.startswith("jobs.batch cannot be watched: /apis/batch/v1/jobs: 404")
    assert "allow" not in line


async def test_who_is_not_known_to_the_cluster_knows_nothing_of_it(kube: kubernetes.Kubernetes) -> None:
    kube.refused = {"*": 401}
    async with watching(kube) as watched:
        await kubernetes.until(lambda: len(kube.asked) > 50, what="refused again and again")
        assert not watched.is_complete
        assert watched.complaint() is not None


async def test_what_went_while_nobody_watched_is_kept_as_it_last_was(kube: kubernetes.Kubernetes) -> None:
    async with watching(kube) as watched:
        await complete(watched)
        await all_watched(kube)
        kube.refused = {kubernetes.PODS: 503}
        kube.tell(kubernetes.PODS, None)
        await kubernetes.until(lambda: watched.complaint() is not None, what="away")
        kube.delete(kubernetes.PODS, "cart-1-x")
        kube.forget()
        kube.refused = {}
        await kubernetes.until(lambda: POD not in watched.current().objects, what="gone")
        assert watched.current().gone[POD].owner == kinds.Ref("ReplicaSet", "shop", "cart-1")


async def test_the_watches_end_with_the_block(kube: kubernetes.Kubernetes) -> None:
    async with watching(kube):
        await all_watched(kube)
    await kubernetes.until(lambda: not kube.watching, what="none watched")
