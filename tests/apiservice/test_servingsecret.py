"""A certificate that all replicas share, renewed while they serve, and trusted before it is used."""

import asyncio
import base64
import contextlib
import dataclasses
import logging
import pathlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from apiservice import certificates, kubeapi, registration, rotation, servingsecret
from demo import wait
from tests.fakes import objects

SECRET = "/api/v1/namespaces/mesh/secrets/serving"
API_SERVICE = "/apis/apiregistration.k8s.io/v1/apiservices/v1.fruit.example"
ANOTHERS = "/apis/apiregistration.k8s.io/v1/apiservices/v1.nuts.example"
POLICY = rotation.Policy(name="fruit", hosts=("fruit.mesh.svc",), life=timedelta(days=90))
DUE = timedelta(days=61)


@dataclasses.dataclass(slots=True)
class Clock:
    now: datetime = datetime(2026, 1, 2, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclasses.dataclass(slots=True)
class Scene:
    """A cluster with a Secret without data, an APIService without authorities, and one of somebody else's."""

    api: kubeapi.KubeApi
    cluster: objects.Objects
    folder: pathlib.Path
    clock: Clock = dataclasses.field(default_factory=Clock)

    @contextlib.asynccontextmanager
    async def replica(
        self, name: str = "a", *, settle: float = 0.0, patience: float = 0.1
    ) -> AsyncIterator[certificates.Certificates]:
        async with servingsecret.kept(
            self.api,
            place=servingsecret.Place(namespace="mesh", secret="serving", folder=self.folder / name),
            registered=registration.Registration(
                self.api,
                api_services=["v1.fruit.example", "v1.nuts.example"],
                namespace="mesh",
                service="fruit",
            ),
            policy=POLICY,
            clock=self.clock,
            pace=servingsecret.Pace(every=0.01, settle=settle, patience=patience),
        ) as files:
            yield files

    @property
    def bundle(self) -> bytes:
        return base64.b64decode(self.cluster.held[API_SERVICE]["spec"].get("caBundle", ""))

    @property
    def data(self) -> dict[str, str]:
        found: dict[str, str] = self.cluster.held[SECRET].get("data", {})
        return found


@pytest.fixture
async def scene(tmp_path: pathlib.Path) -> AsyncIterator[Scene]:
    cluster = objects.Objects()
    cluster.put(SECRET, {"kind": "Secret", "metadata": {"name": "serving", "labels": {"app": "fruit"}}})
    cluster.put(API_SERVICE, api_service())
    cluster.put(ANOTHERS, api_service(service="adapter"))
    async with objects.served(cluster) as api:
        yield Scene(api=api, cluster=cluster, folder=tmp_path)


def api_service(service: str = "fruit", **annotations: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "v1.fruit.example", "annotations": annotations},
        "spec": {"service": {"namespace": "mesh", "name": service}, "group": "fruit.example"},
    }


async def rounds(scene: Scene) -> None:
    """Until the Secret was looked at a few times more."""
    enough = scene.cluster.asked[SECRET] + 8

    async def passed() -> bool:
        return scene.cluster.asked[SECRET] >= enough

    await wait.until(passed, what="a few rounds", within=10)


def is_trusted(files: certificates.Certificates, bundle: bytes) -> bool:
    own = x509.load_pem_x509_certificate(files.serving.read_bytes())
    authorities = x509.load_pem_x509_certificates(bundle) if bundle else []
    return any(own.issuer == each.subject and _signed(own, each) for each in authorities)


def _signed(own: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        own.verify_directly_issued_by(by)
    except Exception:
        return False
    return True


async def test_an_empty_secret_becomes_a_certificate_that_the_api_service_trusts(scene: Scene) -> None:
    async with scene.replica() as files:
        assert is_trusted(files, scene.bundle)
        files.context()
    assert set(scene.data) == {"tls.crt", "tls.key", "ca.crt"}
    assert scene.cluster.held[SECRET]["metadata"]["labels"] == {"app": "fruit"}


async def test_replicas_that_start_together_end_with_the_same_certificate(scene: Scene) -> None:
    async with contextlib.AsyncExitStack() as stack:
        entered = [stack.enter_async_context(scene.replica(name)) for name in "abcd"]
        served = await asyncio.gather(*entered)
        contents = {files.serving.read_bytes() for files in served}
        assert len(contents) == 1
        assert all(is_trusted(files, scene.bundle) for files in served)


async def test_a_renewed_certificate_is_trusted_before_any_replica_uses_it(scene: Scene) -> None:
    async with scene.replica("a", settle=3600.0) as a, scene.replica("b", settle=3600.0) as b:
        before = a.serving.read_bytes()
        scene.clock.now += DUE

        async def is_announced() -> bool:
            return "next.crt" in scene.data and len(x509.load_pem_x509_certificates(scene.bundle)) == 2

        await wait.until(is_announced, what="the next certificate", within=10)
        await rounds(scene)
        assert a.serving.read_bytes() == before == b.serving.read_bytes()
    async with scene.replica("a") as a, scene.replica("b") as b:

        async def is_used() -> bool:
            return before != a.serving.read_bytes() == b.serving.read_bytes()

        await wait.until(is_used, what="the use of the next certificate", within=10)
    trusted: list[bytes] = []
    for path, content in scene.cluster.written:
        if path == API_SERVICE:
            trusted.append(base64.b64decode(content["spec"].get("caBundle", "")))
        elif used := base64.b64decode(content.get("data", {}).get("tls.crt", "")):
            own = x509.load_pem_x509_certificate(used)
            first_ever = not any(trusted)
            assert first_ever or any(
                _signed(own, each) for each in x509.load_pem_x509_certificates(trusted[-1])
            )


async def test_what_is_not_known_to_be_trusted_is_not_used_while_there_is_something_else(
    scene: Scene,
) -> None:
    async with scene.replica() as files:
        before = files.serving.read_bytes()
        scene.cluster.refused[API_SERVICE] = 403
        scene.clock.now += DUE

        async def is_made() -> bool:
            return "next.crt" in scene.data

        await wait.until(is_made, what="the next certificate", within=10)
        await rounds(scene)
        assert files.serving.read_bytes() == before
        scene.cluster.refused.clear()

        async def is_used() -> bool:
            return files.serving.read_bytes() != before

        await wait.until(is_used, what="the use of the next certificate", within=10)
        assert is_trusted(files, scene.bundle)


async def test_an_api_service_made_again_is_told_again(scene: Scene) -> None:
    async with scene.replica() as files:
        del scene.cluster.held[API_SERVICE]
        await rounds(scene)
        scene.cluster.put(API_SERVICE, api_service())

        async def is_told() -> bool:
            return is_trusted(files, scene.bundle)

        await wait.until(is_told, what="the authority", within=10)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (api_service(service="other"), "belongs to Service mesh/other"),
        (api_service() | {"spec": {"group": "fruit.example"}}, "belongs to the kube-apiserver itself"),
        (api_service(**{"cert-manager.io/inject-ca-from": "mesh/serving"}), ""),
    ],
)
async def test_what_is_somebody_elses_is_never_touched(
    scene: Scene, content: dict[str, Any], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    scene.cluster.put(API_SERVICE, content)
    async with scene.replica():
        await rounds(scene)
    assert scene.bundle == b""
    assert says in caplog.text


async def test_a_certificate_is_renewed_whatever_else_is_somebody_elses(scene: Scene) -> None:
    async with scene.replica() as files:
        before = files.serving.read_bytes()
        scene.clock.now += DUE

        async def is_used() -> bool:
            return files.serving.read_bytes() != before

        await wait.until(is_used, what="the use of the next certificate", within=10)
        assert is_trusted(files, scene.bundle)
    assert [path for path, _ in scene.cluster.written].count(ANOTHERS) == 1


@pytest.mark.parametrize(("code", "says"), [(404, "kubectl create secret"), (403, "--verb=get,update")])
async def test_without_the_secret_it_does_not_start_and_says_what_is_missing(
    scene: Scene, code: int, says: str
) -> None:
    scene.cluster.refused[SECRET] = code
    with pytest.raises(servingsecret.NoSecret, match=says):
        async with scene.replica():
            raise AssertionError("it has no certificate")


async def test_a_kube_apiserver_that_is_away_is_waited_for(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.cluster.away = True

    async def back() -> None:
        await asyncio.sleep(0.5)
        scene.cluster.away = False

    coming = asyncio.create_task(back())
    async with scene.replica(patience=0.0) as files:
        assert is_trusted(files, scene.bundle)
    await coming
    assert "waiting for the kube-apiserver" in caplog.text


async def test_later_troubles_take_nothing_away_and_heal(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    async with scene.replica() as files:
        before = files.serving.read_bytes()
        scene.cluster.refused[SECRET] = 403
        await rounds(scene)
        assert files.serving.read_bytes() == before
        scene.cluster.refused.clear()
        scene.cluster.put(SECRET, {"kind": "Secret", "metadata": {"name": "serving"}})

        async def is_healed() -> bool:
            return files.serving.read_bytes() != before and is_trusted(files, scene.bundle)

        await wait.until(is_healed, what="another certificate", within=10)
    assert "stays as it is" in caplog.text


@pytest.mark.parametrize("lost", ["everything", "the authorities"])
async def test_a_secret_emptied_is_filled_again_and_all_that_is_served_stays_trusted(
    scene: Scene, lost: str
) -> None:
    async with scene.replica("a", settle=3600.0) as a, scene.replica("b", settle=3600.0) as b:
        before = a.serving.read_bytes()
        left = {} if lost == "everything" else {**scene.data, "ca.crt": ""}
        scene.cluster.put(SECRET, {"kind": "Secret", "metadata": {"name": "serving"}, "data": left})

        async def is_healed() -> bool:
            return "next.crt" in scene.data and len(x509.load_pem_x509_certificates(scene.bundle)) == 2

        await wait.until(is_healed, what="the Secret filled again", within=10)
        await rounds(scene)
        assert a.serving.read_bytes() == before == b.serving.read_bytes()
    for path, content in scene.cluster.written[4:]:
        if path == API_SERVICE:
            assert is_trusted(a, base64.b64decode(content["spec"]["caBundle"]))


async def test_a_conflict_is_no_refusal(scene: Scene) -> None:
    """Somebody else writes between each look and each change, for a while."""
    scene.cluster.overtaken = 3
    async with scene.replica() as files:
        assert is_trusted(files, scene.bundle)
    assert scene.cluster.overtaken == 0


async def test_changes_are_logged_without_secrets(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with scene.replica():
        pass
    assert "no usable certificate was kept: one was made" in caplog.text
    assert "2026-04-02" in caplog.text
    assert "PRIVATE" not in caplog.text
