"""The inventory from a file, from a cluster or from neither: its objects, notices and readiness."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from apiservice.authn import authenticator
from apiservice.authz import authorizer
from apiservice.kube import client
from metrics_server.inventory import objects
from metrics_server.model import kinds
from metrics_server.server import access, inventory_source
from metrics_server.settings import settings
from tests.fakes import kubernetes

CART = kinds.Ref("Deployment", "shop", "cart")
CHOSEN = settings.load(prometheus="http://prometheus.example")


def admitting(cluster: client.KubeApi | None) -> access.Access:
    """Return an access to the cluster; its authentication does not matter in these tests."""
    nobody = authenticator.User(name="nobody")
    return access.Access(
        authenticator=authenticator.TokenAuthenticator(token="made-up", user=nobody),
        authorizer=authorizer.GroupAuthorizer(),
        tls=ssl.create_default_context(ssl.Purpose.CLIENT_AUTH),
        announce=lambda _url: None,
        cluster=cluster,
    )


@contextlib.asynccontextmanager
async def following(kube: kubernetes.Kubernetes) -> AsyncIterator[inventory_source.ClusterInventory]:
    async with kubernetes.ask(kube) as api, inventory_source.known(CHOSEN, admits=admitting(api)) as exists:
        yield exists


async def is_ready(exists: inventory_source.ClusterInventory) -> bool:
    (check,) = exists.ready
    try:
        await check.probe()
    except RuntimeError:
        return False
    return True


async def until_ready(exists: inventory_source.ClusterInventory) -> None:
    (check,) = exists.ready
    for _ in range(1000):
        if await is_ready(exists):
            return
        await asyncio.sleep(0.01)
    await check.probe()


async def test_alone_nothing_is_known_and_nothing_is_waited_for() -> None:
    async with inventory_source.known(CHOSEN, admits=admitting(None)) as exists:
        assert exists.inventory() == objects.Inventory()
        assert (list(exists.notices()), list(exists.ready)) == ([], [])


async def test_a_file_is_believed_before_the_cluster(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: cart, namespace: shop}\n")
    chosen = CHOSEN.model_copy(update={"inventory": path})
    async with kubernetes.serve() as kube, kubernetes.ask(kube) as api:
        async with inventory_source.known(chosen, admits=admitting(api)) as exists:
            assert set(exists.inventory().objects) == {CART}
            assert (list(exists.notices()), list(exists.ready)) == ([], [])
        assert kube.asked == []


async def test_a_file_that_changes_is_read_again_without_a_request(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: cart, namespace: shop}\n")
    chosen = CHOSEN.model_copy(update={"inventory": path})
    async with inventory_source.known(chosen, admits=admitting(None)) as exists:
        path.write_text("apiVersion: v1\nkind: Node\nmetadata: {name: node-a}\n")
        node = kinds.Ref("Node", "", "node-a")
        await kubernetes.until(lambda: set(exists.inventory().objects) == {node}, what="the new file")


async def test_in_a_cluster_it_is_ready_once_everything_has_been_seen() -> None:
    async with kubernetes.serve() as kube:
        kube.put("/apis/apps/v1/deployments", "cart")
        kube.refused["/api/v1/pods"] = 500
        async with following(kube) as exists:
            await kubernetes.until(lambda: len(kube.watching) > 5, what="the others are watched")
            (check,) = exists.ready
            assert check.name == "ownership"
            with pytest.raises(RuntimeError, match=r"has not answered yet about pods"):
                await check.probe()
            assert "owners and labels are incomplete" in exists.notices()[0]
            kube.refused.clear()
            await until_ready(exists)
            assert CART in exists.inventory().objects
            # The inventory is complete after the list, and up to date once the following watch has begun.
            await kubernetes.until(lambda: not exists.notices(), what="no notice any more")


async def test_while_the_cluster_is_away_what_was_known_stays_with_a_notice_and_the_server_ready() -> None:
    """If the server were not ready, its Service would drop it, and no figures would be served."""
    async with kubernetes.serve() as kube:
        kube.put("/apis/apps/v1/deployments", "cart")
        async with following(kube) as exists:
            await until_ready(exists)
            kube.refused["*"] = 503
            kube.cut()
            await kubernetes.until(lambda: bool(exists.notices()), what="a notice")
            (notice,) = exists.notices()
            assert notice.startswith("the kube-apiserver has not answered")
            assert notice.endswith("owners and labels are as of then")
            assert CART in exists.inventory().objects
            assert await is_ready(exists)
            kube.refused.clear()
            await kubernetes.until(lambda: not exists.notices(), what="no notice any more")


async def test_the_splits_of_a_cluster_are_known_and_those_it_does_not_serve_keep_nobody_waiting() -> None:
    path = "/apis/split.smi-spec.io/v1alpha4/trafficsplits"
    async with kubernetes.serve() as kube:
        async with following(kube) as exists:
            await until_ready(exists)
            await kubernetes.until(lambda: "does not serve" in exists.of_splits()[0], what="not served")
            assert (list(exists.splits()), list(exists.notices())) == ([], [])
        kube.groups["split.smi-spec.io"] = {"v1alpha4": ("trafficsplits",)}
        kube.put(path, "canary", spec={"service": "cart", "backends": [{"service": "a", "weight": 1}]})
        async with following(kube) as exists:
            await kubernetes.until(lambda: bool(exists.splits()), what="the split")
            assert [split.name for split in exists.splits()] == ["canary"]
            assert list(exists.of_splits()) == []
            kube.refused[path] = 403
            kube.cut()
            await kubernetes.until(lambda: bool(exists.of_splits()), what="refused")
            await until_ready(exists)
            assert list(exists.notices()) == []


async def test_the_splits_of_a_file_are_those_of_the_chosen_sources(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text(
        "apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\n"
        "metadata: {name: canary, namespace: shop}\n"
        "spec: {service: cart, backends: [{service: a, weight: 1}]}\n"
    )
    for sources, names in (("smi", ["canary"]), ("istio,gateway", []), ("none", [])):
        chosen = CHOSEN.model_copy(update={"inventory": path, "splits": sources})
        async with inventory_source.known(chosen, admits=admitting(None)) as exists:
            assert [split.name for split in exists.splits()] == names
            assert list(exists.of_splits()) == []


async def test_alone_no_split_is_known_and_readers_of_splits_are_told_why() -> None:
    async with inventory_source.known(CHOSEN, admits=admitting(None)) as exists:
        assert list(exists.splits()) == []
        assert list(exists.of_splits()) == [
            "no traffic splits are known: give the server --inventory or --cluster"
        ]
