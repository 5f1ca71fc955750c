"""After every kind of failure a reflection holds the current objects; meanwhile it reports the failure."""

import pytest
from aiohttp import web

from apiservice.kube import client, list_watch
from tests.apiservice import reflections
from tests.fakes import kubernetes


async def test_who_was_away_for_too_long_lists_again_and_learns_what_went(
    followed: kubernetes.Kubernetes, heard: reflections.Heard
) -> None:
    async with reflections.reflected(followed, heard) as reflection:
        await kubernetes.until(followed.is_watched, what="watched")
        followed.refused = {"*": 503}
        followed.cut()
        await kubernetes.until(lambda: reflection.trouble is not None, what="trouble")
        followed.delete(kubernetes.PODS, "pod-0")
        followed.put(kubernetes.PODS, "pod-1", spec={"nodeName": "node-b"})
        followed.forget()
        followed.refused = {}
        await reflections.until_heard(heard, {**reflections.everywhere(since=1), "pod-1": "node-b"})
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
    followed: kubernetes.Kubernetes, heard: reflections.Heard, line: bytes
) -> None:
    async with reflections.reflected(followed, heard) as reflection:
        await kubernetes.until(followed.is_watched, what="watched")
        followed.tell(kubernetes.PODS, line)
        await kubernetes.until(lambda: heard.lists == 2, what="listed again")
        await kubernetes.until(lambda: len(followed.watches_of(kubernetes.PODS)) == 2, what="watched again")
        followed.put(kubernetes.PODS, "pod-5")
        await reflections.until_heard(heard, {**reflections.everywhere(), "pod-5": ""})
        assert reflection.trouble is None


async def test_a_list_that_becomes_too_old_is_begun_anew(
    followed: kubernetes.Kubernetes, heard: reflections.Heard
) -> None:
    followed.faults = [
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
    followed.forget()
    async with reflections.reflected(followed, heard) as reflection:
        await reflections.until_heard(heard, reflections.everywhere())
        await kubernetes.until(lambda: reflection.trouble is None, what="well")
    assert heard.notices == ["Refused", "well"]


async def test_a_connection_that_is_dead_is_noticed_by_its_silence(
    followed: kubernetes.Kubernetes, heard: reflections.Heard
) -> None:
    async with reflections.reflected(followed, heard, silence=0.05):
        await kubernetes.until(lambda: len(followed.watches_of(kubernetes.PODS)) >= 3, what="watched again")
        followed.put(kubernetes.PODS, "pod-5")
        await reflections.until_heard(heard, {**reflections.everywhere(), "pod-5": ""})
    assert heard.lists == 1
    assert heard.notices == ["well"]


async def test_what_was_heard_of_a_state_that_was_taken_back_is_listed_again(
    followed: kubernetes.Kubernetes, heard: reflections.Heard
) -> None:
    async with reflections.reflected(followed, heard) as reflection:
        await kubernetes.until(followed.is_watched, what="watched")
        # This is the state after etcd was restored from a backup.
        followed.version = 3
        followed.happened.clear()
        del followed.objects[kubernetes.PODS]["shop", "pod-0"]
        followed.cut()
        await reflections.until_heard(heard, reflections.everywhere(since=1))
        await kubernetes.until(lambda: reflection.trouble is None, what="well")
    assert heard.lists == 2


@pytest.mark.parametrize("fault", ["nonsense", "[]", '{"metadata":{}}'])
async def test_a_list_of_nonsense_takes_nothing_away(
    followed: kubernetes.Kubernetes, heard: reflections.Heard, fault: str
) -> None:
    async with reflections.reflected(followed, heard):
        await kubernetes.until(followed.is_watched, what="watched")
        # The restarted watch gets this answer, and so do the lists that follow it.
        followed.faults = [web.Response(text=f"{fault}\n") for _ in range(3)]
        followed.cut()
        await kubernetes.until(lambda: "Garbled" in heard.notices, what="noticed")
        assert heard.nodes() == reflections.everywhere()
        await kubernetes.until(lambda: heard.notices[-1] == "well", what="well again")
    assert heard.nodes() == reflections.everywhere()


async def test_who_may_not_list_is_told_so_and_tries_again(
    followed: kubernetes.Kubernetes, heard: reflections.Heard
) -> None:
    followed.refused = {kubernetes.PODS: 403}
    async with reflections.reflected(followed, heard) as reflection:
        await kubernetes.until(lambda: len(followed.asked) > 5, what="refused again and again")
        assert isinstance(reflection.trouble, client.Refused)
        assert reflection.trouble.code == 403
        assert (reflection.listed, reflection.heard) == (False, None)
        followed.refused = {}
        await reflections.until_heard(heard, reflections.everywhere())
        await kubernetes.until(lambda: reflection.trouble is None, what="well")


async def test_a_defect_of_a_listener_is_logged_and_does_not_end_it(
    followed: kubernetes.Kubernetes, heard: reflections.Heard, caplog: pytest.LogCaptureFixture
) -> None:
    defects = [RuntimeError("a defect")]

    class Defective(reflections.Heard):
        def seen(self, key: list_watch.Key, found: str) -> None:
            if defects:
                raise defects.pop()
            super().seen(key, found)

    defective = Defective()
    async with reflections.reflected(followed, defective):
        await kubernetes.until(followed.is_watched, what="watched")
        followed.put(kubernetes.PODS, "pod-5")
        await reflections.until_heard(defective, {**reflections.everywhere(), "pod-5": ""})
    assert "a defect while watching pods" in caplog.text
    assert defective.lists == 2
