"""All replicas share one certificate.

It is renewed while they serve, and its authority is published before they use it.
"""

import asyncio
import base64
import contextlib
import logging
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography import x509

from apiservice.tls import secret_store
from demo import wait
from tests.apiservice import replicas
from tests.fakes import objects


@pytest.fixture
async def scene(tmp_path: pathlib.Path) -> AsyncIterator[replicas.Scene]:
    cluster = objects.Objects()
    cluster.put(
        replicas.SECRET, {"kind": "Secret", "metadata": {"name": "serving", "labels": {"app": "fruit"}}}
    )
    cluster.put(replicas.API_SERVICE, replicas.api_service())
    cluster.put(replicas.ANOTHERS, replicas.api_service(service="adapter"))
    async with objects.served(cluster) as api:
        yield replicas.Scene(api=api, cluster=cluster, folder=tmp_path)


async def test_an_empty_secret_becomes_a_certificate_that_the_api_service_trusts(
    scene: replicas.Scene,
) -> None:
    async with scene.replica() as files:
        assert replicas.is_trusted(files, scene.bundle)
        files.context()
    assert set(scene.data) == {"tls.crt", "tls.key", "ca.crt"}
    assert scene.cluster.held[replicas.SECRET]["metadata"]["labels"] == {"app": "fruit"}


async def test_replicas_that_start_together_end_with_the_same_certificate(scene: replicas.Scene) -> None:
    async with contextlib.AsyncExitStack() as stack:
        entered = [stack.enter_async_context(scene.replica(name)) for name in "abcd"]
        served = await asyncio.gather(*entered)
        contents = {files.serving.read_bytes() for files in served}
        assert len(contents) == 1
        assert all(replicas.is_trusted(files, scene.bundle) for files in served)


async def test_a_renewed_certificate_is_trusted_before_any_replica_uses_it(scene: replicas.Scene) -> None:
    async with scene.replica("a", settle=3600.0) as a, scene.replica("b", settle=3600.0) as b:
        before = a.serving.read_bytes()
        scene.clock.now += replicas.DUE

        async def is_announced() -> bool:
            return "next.crt" in scene.data and len(x509.load_pem_x509_certificates(scene.bundle)) == 2

        await wait.until(is_announced, what="the next certificate", within=10)
        await replicas.rounds(scene)
        assert a.serving.read_bytes() == before == b.serving.read_bytes()
    async with scene.replica("a") as a, scene.replica("b") as b:

        async def is_used() -> bool:
            return before != a.serving.read_bytes() == b.serving.read_bytes()

        await wait.until(is_used, what="the use of the next certificate", within=10)
    trusted: list[bytes] = []
    for path, content in scene.cluster.written:
        if path == replicas.API_SERVICE:
            trusted.append(base64.b64decode(content["spec"].get("caBundle", "")))
        elif used := base64.b64decode(content.get("data", {}).get("tls.crt", "")):
            own = x509.load_pem_x509_certificate(used)
            first_ever = not any(trusted)
            assert first_ever or any(
                replicas.is_signed(own, each) for each in x509.load_pem_x509_certificates(trusted[-1])
            )


async def test_what_is_not_known_to_be_trusted_is_not_used_while_there_is_something_else(
    scene: replicas.Scene,
) -> None:
    async with scene.replica() as files:
        before = files.serving.read_bytes()
        scene.cluster.refused[replicas.API_SERVICE] = 403
        scene.clock.now += replicas.DUE

        async def is_made() -> bool:
            return "next.crt" in scene.data

        await wait.until(is_made, what="the next certificate", within=10)
        await replicas.rounds(scene)
        assert files.serving.read_bytes() == before
        scene.cluster.refused.clear()

        async def is_used() -> bool:
            return files.serving.read_bytes() != before

        await wait.until(is_used, what="the use of the next certificate", within=10)
        assert replicas.is_trusted(files, scene.bundle)


async def test_an_api_service_made_again_is_told_again(scene: replicas.Scene) -> None:
    async with scene.replica() as files:
        del scene.cluster.held[replicas.API_SERVICE]
        await replicas.rounds(scene)
        scene.cluster.put(replicas.API_SERVICE, replicas.api_service())

        async def is_told() -> bool:
            return replicas.is_trusted(files, scene.bundle)

        await wait.until(is_told, what="the authority", within=10)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (replicas.api_service(service="other"), "belongs to Service mesh/other"),
        (
            replicas.api_service() | {"spec": {"group": "fruit.example"}},
            "belongs to the kube-apiserver itself",
        ),
        (replicas.api_service(**{"cert-manager.io/inject-ca-from": "mesh/serving"}), ""),
    ],
)
async def test_what_is_somebody_elses_is_never_touched(
    scene: replicas.Scene, content: dict[str, Any], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    scene.cluster.put(replicas.API_SERVICE, content)
    async with scene.replica():
        await replicas.rounds(scene)
    assert scene.bundle == b""
    assert says in caplog.text


async def test_a_certificate_is_renewed_whatever_else_is_somebody_elses(scene: replicas.Scene) -> None:
    async with scene.replica() as files:
        before = files.serving.read_bytes()
        scene.clock.now += replicas.DUE

        async def is_used() -> bool:
            return files.serving.read_bytes() != before

        await wait.until(is_used, what="the use of the next certificate", within=10)
        assert replicas.is_trusted(files, scene.bundle)
    assert [path for path, _ in scene.cluster.written].count(replicas.ANOTHERS) == 1


@pytest.mark.parametrize(("code", "says"), [(404, "kubectl create secret"), (403, "--verb=get,update")])
async def test_without_the_secret_it_does_not_start_and_says_what_is_missing(
    scene: replicas.Scene, code: int, says: str
) -> None:
    scene.cluster.refused[replicas.SECRET] = code
    with pytest.raises(secret_store.NoSecret, match=says):
        async with scene.replica():
            raise AssertionError("it has no certificate")


async def test_a_kube_apiserver_that_is_away_is_waited_for(
    scene: replicas.Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.cluster.away = True

    async def back() -> None:
        await asyncio.sleep(0.5)
        scene.cluster.away = False

    coming = asyncio.create_task(back())
    async with scene.replica(patience=0.0) as files:
        assert replicas.is_trusted(files, scene.bundle)
    await coming
    assert "waiting for the kube-apiserver" in caplog.text


async def test_later_troubles_take_nothing_away_and_heal(
    scene: replicas.Scene, caplog: pytest.LogCaptureFixture
) -> None:
    async with scene.replica() as files:
        before = files.serving.read_bytes()
        scene.cluster.refused[replicas.SECRET] = 403
        await replicas.rounds(scene)
        assert files.serving.read_bytes() == before
        scene.cluster.refused.clear()
        scene.cluster.put(replicas.SECRET, {"kind": "Secret", "metadata": {"name": "serving"}})

        async def is_healed() -> bool:
            return files.serving.read_bytes() != before and replicas.is_trusted(files, scene.bundle)

        await wait.until(is_healed, what="another certificate", within=10)
    assert "stays as it is" in caplog.text


@pytest.mark.parametrize("lost", ["everything", "the authorities"])
async def test_a_secret_emptied_is_filled_again_and_all_that_is_served_stays_trusted(
    scene: replicas.Scene, lost: str
) -> None:
    async with scene.replica("a", settle=3600.0) as a, scene.replica("b", settle=3600.0) as b:
        before = a.serving.read_bytes()
        left = {} if lost == "everything" else {**scene.data, "ca.crt": ""}
        scene.cluster.put(replicas.SECRET, {"kind": "Secret", "metadata": {"name": "serving"}, "data": left})

        async def is_healed() -> bool:
            return "next.crt" in scene.data and len(x509.load_pem_x509_certificates(scene.bundle)) == 2

        await wait.until(is_healed, what="the Secret filled again", within=10)
        await replicas.rounds(scene)
        assert a.serving.read_bytes() == before == b.serving.read_bytes()
    for path, content in scene.cluster.written[4:]:
        if path == replicas.API_SERVICE:
            assert replicas.is_trusted(a, base64.b64decode(content["spec"]["caBundle"]))


async def test_a_conflict_is_no_refusal(scene: replicas.Scene) -> None:
    """For the first three changes, another client changes the object between our read and our write."""
    scene.cluster.overtaken = 3
    async with scene.replica() as files:
        assert replicas.is_trusted(files, scene.bundle)
    assert scene.cluster.overtaken == 0


async def test_changes_are_logged_without_secrets(
    scene: replicas.Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with scene.replica():
        pass
    assert "no usable certificate was kept: a new one was issued" in caplog.text
    assert "2026-04-02" in caplog.text
    assert "PRIVATE" not in caplog.text
