"""A reflection lists objects, watches them, and continues an ended watch from its last version."""

import pytest

from tests.apiservice import reflections
from tests.fakes import kubernetes


async def test_everything_is_listed_page_by_page_in_the_least_form(
    followed: kubernetes.Kubernetes, heard: reflections.Heard
) -> None:
    async with reflections.reflected(followed, heard) as reflection:
        await reflections.until_heard(heard, reflections.everywhere())
        assert reflection.listed
        await kubernetes.until(followed.is_watched, what="watched")
    common = {"limit": "500", "includeObject": "Metadata"}
    assert followed.lists_of(kubernetes.PODS) == [
        common,
        {**common, "continue": "2@15"},
        {**common, "continue": "4@15"},
    ]
    (watch,) = followed.watches_of(kubernetes.PODS)
    assert 300 <= int(watch.pop("timeoutSeconds")) <= 600
    assert watch == {
        "watch": "1",
        "allowWatchBookmarks": "true",
        "resourceVersion": "15",
        "includeObject": "Metadata",
    }
    assert {accept for _, _, accept in followed.asked} == {"application/json;as=Table;g=meta.k8s.io;v=v1"}
    assert heard.notices == ["well"]


async def test_of_what_needs_no_more_the_metadata_is_asked_for(
    followed: kubernetes.Kubernetes, heard: reflections.Heard
) -> None:
    followed.put(reflections.NODES.path, "node-a", namespace="")
    async with reflections.reflected(followed, heard, resource=reflections.NODES):
        await reflections.until_heard(heard, {"node-a": ""})
        followed.put(reflections.NODES.path, "node-b", namespace="")
        await reflections.until_heard(heard, {"node-a": "", "node-b": ""})
    assert [accept for _, _, accept in followed.asked] == [
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    ]


async def test_what_comes_changes_and_goes_is_heard(
    followed: kubernetes.Kubernetes, heard: reflections.Heard
) -> None:
    async with reflections.reflected(followed, heard) as reflection:
        await kubernetes.until(followed.is_watched, what="watched")
        followed.put(kubernetes.PODS, "pod-5")
        await reflections.until_heard(heard, {**reflections.everywhere(), "pod-5": ""})
        followed.put(kubernetes.PODS, "pod-5", spec={"nodeName": "node-b"})
        await reflections.until_heard(heard, {**reflections.everywhere(), "pod-5": "node-b"})
        followed.delete(kubernetes.PODS, "pod-5")
        await reflections.until_heard(heard, reflections.everywhere())
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
    followed: kubernetes.Kubernetes, heard: reflections.Heard, end: bytes | None
) -> None:
    async with reflections.reflected(followed, heard):
        await kubernetes.until(followed.is_watched, what="watched")
        followed.put(kubernetes.PODS, "pod-5", spec={"nodeName": "node-b"})
        await reflections.until_heard(heard, {**reflections.everywhere(), "pod-5": "node-b"})
        followed.tell(kubernetes.PODS, end)
        # An incomplete line is only noticed when the watch ends.
        followed.tell(kubernetes.PODS, end and None)
        await kubernetes.until(lambda: len(followed.watches_of(kubernetes.PODS)) == 2, what="watched again")
        followed.delete(kubernetes.PODS, "pod-0")
        await reflections.until_heard(heard, {**reflections.everywhere(since=1), "pod-5": "node-b"})
    assert heard.lists == 1
    assert followed.watches_of(kubernetes.PODS)[1]["resourceVersion"] == "16"
    assert heard.notices == ["well"]


async def test_a_bookmark_is_where_to_go_on_from(
    followed: kubernetes.Kubernetes, heard: reflections.Heard
) -> None:
    async with reflections.reflected(followed, heard):
        await kubernetes.until(followed.is_watched, what="watched")
        followed.bookmark(kubernetes.PODS)
        # The server has dropped all older events: an older version would need a new list.
        followed.forget()
        followed.tell(kubernetes.PODS, b"")
        await kubernetes.until(lambda: len(followed.watches_of(kubernetes.PODS)) == 2, what="watched again")
        followed.put(kubernetes.PODS, "pod-5")
        await reflections.until_heard(heard, {**reflections.everywhere(), "pod-5": ""})
    assert heard.lists == 1
    assert followed.watches_of(kubernetes.PODS)[1]["resourceVersion"] == "16"
