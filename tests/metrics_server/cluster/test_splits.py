"""The server watches objects that split traffic, in a cluster that serves only some of their kinds."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from metrics_server.cluster import splits
from metrics_server.splits import model, sources
from tests.fakes import kubernetes

GROUP = "split.smi-spec.io"
SPLITS = f"/apis/{GROUP}/v1alpha4/trafficsplits"
ROUTES = "/apis/gateway.networking.k8s.io/v1/httproutes"
SMI = sources.of({"smi"})
ABSENT = (
    f"nothing splits traffic here: this cluster does not serve trafficsplits.{GROUP}, "
    "and --splits names no other source"
)


def spec(*weights: int) -> dict[str, Any]:
    backends = [{"service": f"cart-v{number}", "weight": w} for number, w in enumerate(weights, start=1)]
    return {"service": "cart", "backends": backends}


def serving(kube: kubernetes.Kubernetes, *versions: str) -> None:
    """Let the cluster serve TrafficSplits in these versions."""
    kube.groups[GROUP] = dict.fromkeys(versions, ("trafficsplits", "trafficsplits/status"))


@pytest.fixture
async def kube() -> AsyncIterator[kubernetes.Kubernetes]:
    async with kubernetes.serve() as served:
        yield served


@contextlib.asynccontextmanager
async def following(
    kube: kubernetes.Kubernetes, kinds: Sequence[sources.SourceKind] = SMI
) -> AsyncIterator[splits.Declarations]:
    async with (
        kubernetes.ask(kube) as api,
        splits.followed(
            api, kinds=kinds, clock=lambda: 0.0, pauses=kubernetes.IMPATIENT, after=kubernetes.IMPATIENT
        ) as found,
    ):
        yield found


def weights(found: Sequence[model.Split]) -> dict[str, list[int]]:
    return {split.name: [one.weight for one in split.backends] for split in found}


async def until(found: splits.Declarations, **expected: list[int]) -> None:
    await kubernetes.until(lambda: weights(found.current()) == expected, what=str(expected))


async def test_splits_are_followed_as_they_come_change_and_go(kube: kubernetes.Kubernetes) -> None:
    serving(kube, "v1alpha4")
    kube.put(SPLITS, "canary", spec=spec(90, 10), labels={"team": "a"})
    async with following(kube) as found:
        await until(found, canary=[90, 10])
        assert found.complaints() == []
        before = found.current()
        assert (before[0].labels, found.current() is before) == ({"team": "a"}, True)
        kube.put(SPLITS, "canary", spec=spec(50, 50))
        kube.put(SPLITS, "other", spec=spec(1))
        await until(found, canary=[50, 50], other=[1])
        kube.delete(SPLITS, "canary")
        await until(found, other=[1])
    assert weights(before) == {"canary": [90, 10]}


@pytest.mark.parametrize(
    ("served", "watched"),
    [
        (("v1alpha1",), "v1alpha1"),
        (("v1alpha1", "v1alpha2"), "v1alpha2"),
        (("v1alpha9", "v1alpha3", "v1alpha1"), "v1alpha3"),
    ],
)
async def test_one_version_is_watched_the_newest_that_both_know(
    kube: kubernetes.Kubernetes, served: tuple[str, ...], watched: str
) -> None:
    serving(kube, *served)
    kube.put(f"/apis/{GROUP}/{watched}/trafficsplits", "canary", spec=spec(1, 2))
    async with following(kube) as found:
        await until(found, canary=[1, 2])
    assert {path for path, query, _ in kube.asked if "limit" in query} == {
        f"/apis/{GROUP}/{watched}/trafficsplits"
    }


async def test_a_kind_that_is_not_served_is_no_trouble_and_is_watched_once_it_is(
    kube: kubernetes.Kubernetes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "metrics_server")
    async with following(kube) as found:
        await kubernetes.until(lambda: len(kube.asked) > 20, what="looked for again and again")
        assert found.complaints() == [ABSENT]
        assert [record.levelname for record in caplog.records] == ["INFO"]
        serving(kube, "v1alpha4")
        kube.put(SPLITS, "canary", spec=spec(90, 10))
        await until(found, canary=[90, 10])
        assert found.complaints() == []
    assert caplog.messages == [
        f"trafficsplits.{GROUP}, which split traffic, are not served: "
        "they are looked for again within a minute or so",
        f"trafficsplits.{GROUP}, which split traffic, are watched",
    ]


async def test_a_kind_that_is_no_longer_served_is_forgotten_and_may_come_back(
    kube: kubernetes.Kubernetes,
) -> None:
    serving(kube, "v1alpha4")
    kube.put(SPLITS, "canary", spec=spec(90, 10))
    async with following(kube) as found:
        await until(found, canary=[90, 10])
        await kubernetes.until(lambda: kube.is_watched(SPLITS), what="watched")
        kube.groups, kube.refused = {}, {SPLITS: 404}
        kube.cut()
        await until(found)
        assert found.complaints() == [ABSENT]
        kube.refused = {}
        serving(kube, "v1alpha4")
        await until(found, canary=[90, 10])


async def test_a_group_that_is_served_without_the_kind_is_not_enough(kube: kubernetes.Kubernetes) -> None:
    kube.groups["gateway.networking.k8s.io"] = {"v1": ("gateways", "httproutes")}
    kube.put(ROUTES, "cart", spec={"rules": [{"backendRefs": [{"name": "a"}, {"name": "b", "weight": 3}]}]})
    async with following(kube, sources.of({"gateway"})) as found:
        await until(found, **{"httproute.cart": [1, 3]})
        await kubernetes.until(lambda: found.complaints() == [], what="the other kind is known to be absent")
    assert not kube.lists_of("/apis/gateway.networking.k8s.io/v1/grpcroutes")


async def test_a_kind_that_may_not_be_watched_is_named_with_what_allows_it(
    kube: kubernetes.Kubernetes, caplog: pytest.LogCaptureFixture
) -> None:
    serving(kube, "v1alpha4")
    kube.put(SPLITS, "canary", spec=spec(90, 10))
    kube.refused = {SPLITS: 403}
    async with following(kube) as found:
        await kubernetes.until(lambda: len(kube.lists_of(SPLITS)) > 5, what="tried again and again")
        assert found.complaints() == [
            f"splits are incomplete: the kube-apiserver does not let the server watch trafficsplits.{GROUP}"
        ]
        (line,) = caplog.messages
        assert f"--verb=list,watch --resource=trafficsplits.{GROUP} && kubectl create" in line
        kube.refused = {}
        await until(found, canary=[90, 10])
        await kubernetes.until(lambda: found.complaints() == [], what="well")


async def test_without_the_kube_apiserver_splits_stay_as_they_are_and_that_is_said(
    kube: kubernetes.Kubernetes, caplog: pytest.LogCaptureFixture
) -> None:
    serving(kube, "v1alpha4")
    kube.put(SPLITS, "canary", spec=spec(90, 10))
    text = f"the kube-apiserver does not answer about trafficsplits.{GROUP}"
    async with following(kube) as found:
        await until(found, canary=[90, 10])
        await kubernetes.until(lambda: kube.is_watched(SPLITS), what="watched")
        kube.refused = {"*": 503}
        kube.cut()
        await kubernetes.until(lambda: text in " ".join(found.complaints()), what="said")
        assert weights(found.current()) == {"canary": [90, 10]}
        kube.refused = {}
        kube.put(SPLITS, "canary", spec=spec(1, 1))
        await until(found, canary=[1, 1])
        await kubernetes.until(lambda: found.complaints() == [], what="well")
    assert len(caplog.messages) == 1


async def test_begun_without_a_kube_apiserver_it_comes_up_by_itself(kube: kubernetes.Kubernetes) -> None:
    kube.refused = {"*": 503}
    serving(kube, "v1alpha4")
    kube.put(SPLITS, "canary", spec=spec(90, 10))
    async with following(kube) as found:
        assert "has not answered yet" in found.complaints()[0]
        await kubernetes.until(lambda: len(kube.asked) > 10, what="asked again and again")
        kube.refused = {}
        await until(found, canary=[90, 10])


async def test_a_malformed_object_is_warned_of_once_and_nothing_else_is_lost(
    kube: kubernetes.Kubernetes, caplog: pytest.LogCaptureFixture
) -> None:
    serving(kube, "v1alpha4")
    kube.put(SPLITS, "bad", spec={"service": "cart", "backends": [{"service": ".*", "weight": 1}]})
    kube.put(SPLITS, "text", spec="what is this")
    kube.put(SPLITS, "good", spec=spec(90, 10))
    async with following(kube) as found:
        await until(found, good=[90, 10])
        await kubernetes.until(lambda: kube.is_watched(SPLITS), what="watched")
        kube.put(SPLITS, "bad", spec={"service": "cart", "backends": [{"service": ".*", "weight": 1}]})
        kube.put(SPLITS, "good", spec={"backends": 7})
        await until(found)
    assert [line.partition(":")[0] for line in caplog.messages] == [
        f"trafficsplits.{GROUP} shop/bad is left out",
        f"trafficsplits.{GROUP} shop/text is left out",
        f"trafficsplits.{GROUP} shop/good is left out",
    ]


@pytest.mark.parametrize("answer", [{}, {"versions": 7}, {"versions": [7, {}, {"version": ["x"]}]}])
def test_discovery_that_makes_no_sense_tells_of_nothing(answer: Any) -> None:
    assert "v1alpha4" not in splits.listed_in(answer, "versions", "version")


async def test_without_sources_nothing_is_asked_and_that_is_said(kube: kubernetes.Kubernetes) -> None:
    async with following(kube, ()) as found:
        assert found.complaints() == ("splits are not looked for: the server runs with --splits none",)
    assert kube.asked == []


async def test_the_watches_end_with_the_block(kube: kubernetes.Kubernetes) -> None:
    serving(kube, "v1alpha4")
    async with following(kube):
        await kubernetes.until(lambda: kube.is_watched(SPLITS), what="watched")
    await kubernetes.until(lambda: not kube.watching, what="none watched")
