import asyncio
from collections.abc import Callable

import pytest
from aiohttp import web

from apiservice.authn import delegated_config, delegated_config_watch
from apiservice.kube import client
from apiservice.x509 import verify
from tests.apiservice import cluster, pki

OTHERS = pki.authority("front-proxy-ca-2")


def changed(**changes: str | None) -> dict[str, str]:
    return cluster.published(requestheader_client_ca_file=OTHERS.pem.decode(), **changes)


def proxies_of(watched: delegated_config_watch.DelegationMap) -> str:
    proxy = watched.current().front_proxy
    return proxy.authorities.names if proxy else ""


def now_known(
    watched: delegated_config_watch.DelegationMap, *, authority: pki.Identity
) -> Callable[[], bool]:
    name = verify.Authorities(authority.pem).names
    return lambda: proxies_of(watched) == name


async def test_what_is_published_is_known_at_once_and_changes_as_it_does(
    kube: cluster.Cluster, kube_api: client.KubeApi
) -> None:
    kube.config_map = cluster.published()
    async with delegated_config_watch.watch(kube_api, pauses=cluster.IMPATIENT) as watched:
        assert str(watched.current()) == str(delegated_config.parse(cluster.published()))
        await cluster.until(lambda: len(kube.watching) == 1, what="watched")
        kube.tell({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "8"}}})
        kube.change(changed())
        await cluster.until(now_known(watched, authority=OTHERS), what="the new authority")
    (_, listed), (_, begun) = kube.asked
    assert listed == {"fieldSelector": "metadata.name=extension-apiserver-authentication"}
    assert begun == {
        **listed,
        "watch": "1",
        "allowWatchBookmarks": "true",
        "resourceVersion": "7",
        "timeoutSeconds": "300",
    }
    await cluster.until(lambda: not kube.watching, what="the watch is closed")


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(None, id="ended"),
        pytest.param({"type": "ERROR", "object": {"code": 410}}, id="too old"),
        pytest.param(b"nonsense", id="nonsense"),
    ],
)
async def test_a_watch_that_ends_begins_again_with_what_is_published_then(
    kube: cluster.Cluster, kube_api: client.KubeApi, end: dict[str, object] | bytes | None
) -> None:
    kube.config_map = cluster.published()
    async with delegated_config_watch.watch(kube_api, pauses=cluster.IMPATIENT) as watched:
        await cluster.until(lambda: len(kube.watching) == 1, what="watched")
        kube.config_map = changed()
        kube.tell(end)
        await cluster.until(now_known(watched, authority=OTHERS), what="the new authority")
        await cluster.until(lambda: len(kube.watching) == 1, what="watched again")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({}, id="empty"),
        pytest.param(cluster.published(requestheader_client_ca_file="nonsense"), id="no authority"),
        pytest.param(changed(requestheader_username_headers="nonsense"), id="half of it"),
    ],
)
async def test_what_was_last_good_is_kept(
    kube: cluster.Cluster, kube_api: client.KubeApi, data: dict[str, str]
) -> None:
    kube.config_map = cluster.published()
    async with delegated_config_watch.watch(kube_api, pauses=cluster.IMPATIENT) as watched:
        await cluster.until(lambda: len(kube.watching) == 1, what="watched")
        kube.change(data)
        kube.tell({"type": "DELETED", "object": {"data": {}}})
        # Events are handled in order: once the last one has an effect, the others were handled too.
        others = pki.authority("clients-2").pem.decode()
        kube.change(cluster.published(client_ca_file=others, requestheader_client_ca_file=None))
        await cluster.until(lambda: "CN=clients-2" in str(watched.current()), what="the authority of clients")
        assert proxies_of(watched).startswith("CN=front-proxy-ca (")
        assert watched.current().authorities.endswith(cluster.PROXIES.der)
        assert cluster.CLIENTS.der not in watched.current().authorities


async def test_who_may_not_read_it_is_told_the_command_that_allows_it(
    kube: cluster.Cluster, kube_api: client.KubeApi, caplog: pytest.LogCaptureFixture
) -> None:
    kube.config_map = cluster.published()
    kube.faults = [cluster.refusal(403, cluster.WHO)]
    async with delegated_config_watch.watch(kube_api, pauses=cluster.IMPATIENT) as watched:
        await cluster.until(now_known(watched, authority=cluster.PROXIES), what="allowed in the end")
    (line,) = caplog.messages
    assert line.endswith(
        "kubectl create rolebinding -n kube-system traffic-auth-reader "
        "--role=extension-apiserver-authentication-reader --serviceaccount=mesh:traffic"
    )


async def test_without_it_nobody_is_believed_until_it_comes(
    kube: cluster.Cluster, kube_api: client.KubeApi, caplog: pytest.LogCaptureFixture
) -> None:
    async with delegated_config_watch.watch(kube_api, pauses=cluster.IMPATIENT) as watched:
        assert watched.current() == delegated_config.EMPTY
        assert "there is no ConfigMap kube-system/extension-apiserver-authentication" in caplog.text
        await cluster.until(lambda: len(kube.watching) == 1, what="watched")
        kube.tell({"type": "ADDED", "object": {"data": cluster.published()}})
        await cluster.until(now_known(watched, authority=cluster.PROXIES), what="published")


@pytest.mark.parametrize("items", [None, [], {}, "ab", [7]])
async def test_a_list_that_makes_no_sense_is_none(
    kube: cluster.Cluster, kube_api: client.KubeApi, items: object
) -> None:
    kube.faults = [web.json_response({"items": items, "metadata": 7})]
    async with delegated_config_watch.watch(kube_api, pauses=cluster.IMPATIENT) as watched:
        assert watched.current() == delegated_config.EMPTY
        await cluster.until(lambda: len(kube.watching) == 1, what="watched all the same")


async def test_a_kube_apiserver_that_is_away_holds_nothing_up_for_long(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with cluster.serve() as gone:
        pass
    async with (
        cluster.ask(gone, attempts=1) as api,
        delegated_config_watch.watch(api, pauses=cluster.IMPATIENT) as watched,
    ):
        assert watched.current() == delegated_config.EMPTY
    assert "cannot be read" in caplog.text
    assert len(caplog.messages) == 1


async def test_one_that_does_not_answer_is_not_waited_for(
    kube: cluster.Cluster, kube_api: client.KubeApi
) -> None:
    kube.hold = asyncio.Event()
    async with delegated_config_watch.watch(kube_api, patience=0.01, pauses=cluster.IMPATIENT) as watched:
        assert watched.current() == delegated_config.EMPTY
        kube.config_map = cluster.published()
        kube.hold.set()
        await cluster.until(now_known(watched, authority=cluster.PROXIES), what="answered")


@pytest.mark.parametrize("item", [None, [], {}, {"data": None}, {"data": {"client-ca-file": 7}}])
async def test_a_config_map_that_makes_no_sense_takes_nothing_away(
    kube: cluster.Cluster, kube_api: client.KubeApi, item: object
) -> None:
    kube.config_map = cluster.published()
    async with delegated_config_watch.watch(kube_api, pauses=cluster.IMPATIENT) as watched:
        await cluster.until(lambda: len(kube.watching) == 1, what="watched")
        kube.tell({"type": "MODIFIED", "object": item})
        kube.change(changed())
        await cluster.until(now_known(watched, authority=OTHERS), what="the next one")
        assert watched.current().clients is not None


async def test_a_defect_is_logged_and_does_not_end_the_watch(
    kube: cluster.Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    kube.config_map = cluster.published()
    defects = [RuntimeError("a defect")]

    async def authorization() -> None:
        if defects:
            raise defects.pop()

    async with (
        client.connect(client.ConnectionConfig(url=kube.url, authorization=authorization)) as api,
        delegated_config_watch.watch(api, pauses=cluster.IMPATIENT) as watched,
    ):
        await cluster.until(now_known(watched, authority=cluster.PROXIES), what="read in the next round")
    assert "RuntimeError: a defect" in caplog.text
