import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

import pytest
from aiohttp import web

from apiservice import kubeapi, listwatch, reflecting
from tests.fakes import kubernetes

PODS = listwatch.Resource(kind="Pod", plural="pods", form=listwatch.ROWS, column="Node")
NODES = listwatch.Resource(kind="Node", plural="nodes")


class Heard:
    """What a reflection has told, and what there is by that."""

    def __init__(self) -> None:
        self.things: dict[listwatch.Key, str] = {}
        self.lists = 0
        self.notices: list[str] = []

    def listed(self, found: Mapping[listwatch.Key, str]) -> None:
        self.things = dict(found)
        self.lists += 1

    def seen(self, key: listwatch.Key, found: str) -> None:
        self.things[key] = found

    def gone(self, key: listwatch.Key) -> None:
        self.things.pop(key, None)

    def notice(self, changed: reflecting.Reflection[str]) -> None:
        told = type(changed.trouble).__name__ if changed.trouble else "well"
        if not self.notices or self.notices[-1] != told:
            self.notices.append(told)

    def nodes(self) -> dict[str, str]:
        return {name: node for (_, name), node in self.things.items()}


@pytest.fixture
async def kube() -> AsyncIterator[kubernetes.Kubernetes]:
    async with kubernetes.serve() as served:
        for number in range(5):
            served.put(kubernetes.PODS, f"pod-{number}", spec={"nodeName": "node-a"})
        yield served


@pytest.fixture
def heard() -> Heard:
    return Heard()


@contextlib.asynccontextmanager
async def reflected(
    kube: kubernetes.Kubernetes,
    heard: Heard,
    *,
    resource: listwatch.Resource = PODS,
    silence: float = 10.0,
) -> AsyncIterator[reflecting.Reflection[str]]:
    async with kubernetes.ask(kube) as api:
        reflection = reflecting.Reflection(
            api,
            resource,
            make=lambda seen: seen.cell,
            listener=heard,
            notice=heard.notice,
            clock=lambda: 1000.0,
            pauses=kubernetes.IMPATIENT,
            silence=silence,
        )
        running = asyncio.create_task(reflection.run())
        try:
            yield reflection
        finally:
            running.cancel()
            await asyncio.wait((running,))


async def until_heard(heard: Heard, nodes: dict[str, str]) -> None:
    await kubernetes.until(lambda: heard.nodes() == nodes, what=str(nodes))


def everywhere(*, since: int = 0) -> dict[str, str]:
    return {f"pod-{number}": "node-a" for number in range(since, 5)}


async def test_everything_is_listed_page_by_page_in_the_least_form(
    kube: kubernetes.Kubernetes, heard: Heard
) -> None:
    async with reflected(kube, heard) as reflection:
        await until_heard(heard, everywhere())
        assert reflection.listed
        await kubernetes.until(kube.is_watched, what="watched")
    common = {"limit": "500", "includeObject": "Metadata"}
    assert kube.lists_of(kubernetes.PODS) == [
        common,
        {**common, "continue": "2@15"},
        {**common, "continue": "4@15"},
    ]
    (watch,) = kube.watches_of(kubernetes.PODS)
    assert 300 <= int(watch.pop("timeoutSeconds")) <= 600
    assert watch == {
        "watch": "1",
        "allowWatchBookmarks": "true",
        "resourceVersion": "15",
        "includeObject": "Metadata",
    }
    assert {accept for _, _, accept in kube.asked} == {"application/json;as=Table;g=meta.k8s.io;v=v1"}
    assert heard.notices == ["well"]


async def test_of_what_needs_no_more_the_metadata_is_asked_for(
    kube: kubernetes.Kubernetes, heard: Heard
) -> None:
    kube.put(NODES.path, "node-a", namespace="")
    async with reflected(kube, heard, resource=NODES):
        await until_heard(heard, {"node-a": ""})
        kube.put(NODES.path, "node-b", namespace="")
        await until_heard(heard, {"node-a": "", "node-b": ""})
    assert [accept for _, _, accept in kube.asked] == [
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    ]


async def test_what_comes_changes_and_goes_is_heard(kube: kubernetes.Kubernetes, heard: Heard) -> None:
    async with reflected(kube, heard) as reflection:
        await kubernetes.until(kube.is_watched, what="watched")
        kube.put(kubernetes.PODS, "pod-5")
        await until_heard(heard, {**everywhere(), "pod-5": ""})
        kube.put(kubernetes.PODS, "pod-5", spec={"nodeName": "node-b"})
        await until_heard(heard, {**everywhere(), "pod-5": "node-b"})
        kube.delete(kubernetes.PODS, "pod-5")
        await until_heard(heard, everywhere())
        assert reflection.heard == 1000.0
    assert heard.lists == 1


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(b"", id="ended"),
        pytest.param(None, id="broken"),
        pytest.param(b'{"type":"MODIF', id="broken in the middle of a line"),
    ],
)
async def test_a_watch_that_ends_goes_on_from_where_it_was(
    kube: kubernetes.Kubernetes, heard: Heard, end: bytes | None
) -> None:
    async with reflected(kube, heard):
        await kubernetes.until(kube.is_watched, what="watched")
        kube.put(kubernetes.PODS, "pod-5", spec={"nodeName": "node-b"})
        await until_heard(heard, {**everywhere(), "pod-5": "node-b"})
        kube.tell(kubernetes.PODS, end)
        # Whether the rest of the line is missing shows when nothing follows.
        kube.tell(kubernetes.PODS, end and None)
        await kubernetes.until(lambda: len(kube.watches_of(kubernetes.PODS)) == 2, what="watched again")
        kube.delete(kubernetes.PODS, "pod-0")
        await until_heard(heard, {**everywhere(since=1), "pod-5": "node-b"})
    assert heard.lists == 1
    assert kube.watches_of(kubernetes.PODS)[1]["resourceVersion"] == "16"
    assert heard.notices == ["well"]


async def test_a_bookmark_is_where_to_go_on_from(kube: kubernetes.Kubernetes, heard: Heard) -> None:
    async with reflected(kube, heard):
        await kubernetes.until(kube.is_watched, what="watched")
        kube.bookmark(kubernetes.PODS)
        # What happened until there is no longer told.
        kube.forget()
        kube.tell(kubernetes.PODS, b"")
        await kubernetes.until(lambda: len(kube.watches_of(kubernetes.PODS)) == 2, what="watched again")
        kube.put(kubernetes.PODS, "pod-5")
        await until_heard(heard, {**everywhere(), "pod-5": ""})
    assert heard.lists == 1
    assert kube.watches_of(kubernetes.PODS)[1]["resourceVersion"] == "16"


async def test_who_was_away_for_too_long_lists_again_and_learns_what_went(
    kube: kubernetes.Kubernetes, heard: Heard
) -> None:
    async with reflected(kube, heard) as reflection:
        await kubernetes.until(kube.is_watched, what="watched")
        kube.refused = {"*": 503}
        kube.cut()
        await kubernetes.until(lambda: reflection.trouble is not None, what="trouble")
        kube.delete(kubernetes.PODS, "pod-0")
        kube.put(kubernetes.PODS, "pod-1", spec={"nodeName": "node-b"})
        kube.forget()
        kube.refused = {}
        await until_heard(heard, {**everywhere(since=1), "pod-1": "node-b"})
        assert reflection.trouble is None
    assert heard.lists == 2
    assert heard.notices == ["well", "Unreachable", "well"]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'{"type":"ERROR","object":{"code":410}}\n', id="too old"),
        pytest.param(b'{"type":"ERROR","object":{"code":500}}\n', id="another error"),
        pytest.param(b'{"type":"ERROR"}\n', id="an error without words"),
        pytest.param(b'{"type":"NEWS"}\n', id="an unknown event"),
        pytest.param(b"{}\n", id="no event"),
        pytest.param(b"nonsense\n", id="nonsense"),
        pytest.param(b'{"type":"DELETED","object":{}}\n', id="an event of nothing"),
        pytest.param(b"x" * 5_000_000, id="a line without end"),
    ],
)
async def test_a_watch_that_cannot_be_followed_is_followed_by_a_list(
    kube: kubernetes.Kubernetes, heard: Heard, line: bytes
) -> None:
    async with reflected(kube, heard) as reflection:
        await kubernetes.until(kube.is_watched, what="watched")
        kube.tell(kubernetes.PODS, line)
        await kubernetes.until(lambda: heard.lists == 2, what="listed again")
        await kubernetes.until(lambda: len(kube.watches_of(kubernetes.PODS)) == 2, what="watched again")
        kube.put(kubernetes.PODS, "pod-5")
        await until_heard(heard, {**everywhere(), "pod-5": ""})
        assert reflection.trouble is None


async def test_a_list_that_becomes_too_old_is_begun_anew(kube: kubernetes.Kubernetes, heard: Heard) -> None:
    kube.faults = [
        web.json_response(
            {
                "metadata": {"resourceVersion": "14", "continue": "2@14"},
                "columnDefinitions": [{"name": "Node"}],
                "rows": [
                    {"cells": ["node-x"], "object": {"metadata": {"name": "was-there", "namespace": "shop"}}}
                ],
            }
        )
    ]
    kube.forget()
    async with reflected(kube, heard) as reflection:
        await until_heard(heard, everywhere())
        await kubernetes.until(lambda: reflection.trouble is None, what="well")
    assert heard.notices == ["Refused", "well"]


async def test_a_connection_that_is_dead_is_noticed_by_its_silence(
    kube: kubernetes.Kubernetes, heard: Heard
) -> None:
    async with reflected(kube, heard, silence=0.05):
        await kubernetes.until(lambda: len(kube.watches_of(kubernetes.PODS)) >= 3, what="watched again")
        kube.put(kubernetes.PODS, "pod-5")
        await until_heard(heard, {**everywhere(), "pod-5": ""})
    assert heard.lists == 1
    assert heard.notices == ["well"]


async def test_what_was_heard_of_a_state_that_was_taken_back_is_listed_again(
    kube: kubernetes.Kubernetes, heard: Heard
) -> None:
    async with reflected(kube, heard) as reflection:
        await kubernetes.until(kube.is_watched, what="watched")
        # As after etcd was restored from a backup.
        kube.version = 3
        kube.happened.clear()
        del kube.objects[kubernetes.PODS]["shop", "pod-0"]
        kube.cut()
        await until_heard(heard, everywhere(since=1))
        await kubernetes.until(lambda: reflection.trouble is None, what="well")
    assert heard.lists == 2


@pytest.mark.parametrize("fault", ["nonsense", "[]", '{"metadata":{}}'])
async def test_a_list_of_nonsense_takes_nothing_away(
    kube: kubernetes.Kubernetes, heard: Heard, fault: str
) -> None:
    async with reflected(kube, heard):
        await kubernetes.until(kube.is_watched, what="watched")
        # Said to the watch that is begun again, and to the lists after it.
        kube.faults = [web.Response(text=f"{fault}\n") for _ in range(3)]
        kube.cut()
        await kubernetes.until(lambda: "Garbled" in heard.notices, what="noticed")
        assert heard.nodes() == everywhere()
        await kubernetes.until(lambda: heard.notices[-1] == "well", what="well again")
    assert heard.nodes() == everywhere()


async def test_who_may_not_list_is_told_so_and_tries_again(kube: kubernetes.Kubernetes, heard: Heard) -> None:
    kube.refused = {kubernetes.PODS: 403}
    async with reflected(kube, heard) as reflection:
        await kubernetes.until(lambda: len(kube.asked) > 5, what="refused again and again")
        assert isinstance(reflection.trouble, kubeapi.Refused)
        assert reflection.trouble.code == 403
        assert (reflection.listed, reflection.heard) == (False, None)
        kube.refused = {}
        await until_heard(heard, everywhere())
        await kubernetes.until(lambda: reflection.trouble is None, what="well")


async def test_a_defect_of_a_listener_is_logged_and_does_not_end_it(
    kube: kubernetes.Kubernetes, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    defects = [RuntimeError("a defect")]

    class Defective(Heard):
        def seen(self, key: listwatch.Key, found: str) -> None:
            if defects:
                raise defects.pop()
            super().seen(key, found)

    defective = Defective()
    async with reflected(kube, defective):
        await kubernetes.until(kube.is_watched, what="watched")
        kube.put(kubernetes.PODS, "pod-5")
        await until_heard(defective, {**everywhere(), "pod-5": ""})
    assert "a defect following pods" in caplog.text
    assert defective.lists == 2
