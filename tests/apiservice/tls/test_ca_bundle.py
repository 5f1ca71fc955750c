"""The server writes its authorities into each of its own APIServices, and changes no other APIService."""

import base64
import dataclasses
import logging
from collections.abc import AsyncIterator

import pytest

from apiservice.kube import client
from apiservice.tls import ca_bundle
from tests.fakes import objects

OWN, OTHER = "v1.fruit.example", "v1.nuts.example"
BUNDLE, NEXT = b"authority", b"another authority"


def path(name: str) -> str:
    return f"/apis/apiregistration.k8s.io/v1/apiservices/{name}"


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    """A cluster in which a server has two APIServices."""

    cluster: objects.Objects
    registered: ca_bundle.ApiServices

    def put(self, name: str, *, service: str = "mesh/fruit") -> None:
        namespace, _, called = service.partition("/")
        spec = {"service": {"namespace": namespace, "name": called}} if service else {}
        self.cluster.put(path(name), {"metadata": {"name": name}, "spec": {"group": "g", **spec}})

    def bundle(self, name: str) -> bytes:
        return base64.b64decode(self.cluster.held[path(name)]["spec"].get("caBundle", ""))

    def changes(self, name: str) -> int:
        """Return how often the APIService was written, including its creation."""
        return sum(changed == path(name) for changed, _ in self.cluster.written)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    cluster = objects.Objects()
    async with objects.served(cluster) as api:
        yield Scene(cluster, _registration(api))


def _registration(api: client.KubeApi) -> ca_bundle.ApiServices:
    return ca_bundle.ApiServices(api, api_services=[OWN, OTHER], namespace="mesh", service="fruit")


async def test_all_of_them_are_told_and_then_nothing_is_written(scene: Scene) -> None:
    scene.put(OWN)
    scene.put(OTHER)
    assert not await scene.registered.publish(BUNDLE)
    assert await scene.registered.publish(BUNDLE)
    assert (scene.bundle(OWN), scene.bundle(OTHER)) == (BUNDLE, BUNDLE)
    assert (scene.changes(OWN), scene.changes(OTHER)) == (2, 2)


async def test_one_of_another_service_is_not_written_and_holds_nothing_up(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.put(OWN)
    scene.put(OTHER, service="monitoring/prometheus-adapter")
    for bundle in (BUNDLE, NEXT):
        assert not await scene.registered.publish(bundle)
        assert await scene.registered.publish(bundle)
        assert scene.bundle(OWN) == bundle
    assert scene.changes(OTHER) == 1
    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [
        "APIService v1.nuts.example belongs to Service monitoring/prometheus-adapter, not to "
        "this server (mesh/fruit): it stays as it is, and this server gets no requests for its group; to "
        "change that, remove it from the other adapter, run `kubectl delete apiservice v1.nuts.example`, "
        "and install this server's again"
    ]


@pytest.mark.parametrize("service", ["mesh/other", "elsewhere/fruit", ""])
async def test_it_is_somebody_elses_by_name_by_namespace_or_without_a_service(
    scene: Scene, service: str, caplog: pytest.LogCaptureFixture
) -> None:
    scene.put(OWN)
    scene.put(OTHER, service=service)
    await scene.registered.publish(BUNDLE)
    assert scene.changes(OTHER) == 1
    assert f"belongs to {f'Service {service}' if service else 'the kube-apiserver itself'}" in caplog.text


async def test_one_that_was_given_up_and_installed_again_is_told_at_the_next_look(scene: Scene) -> None:
    scene.put(OWN)
    scene.put(OTHER, service="monitoring/prometheus-adapter")
    await scene.registered.publish(BUNDLE)
    assert await scene.registered.publish(BUNDLE)
    scene.put(OTHER)
    assert not await scene.registered.publish(BUNDLE)
    assert await scene.registered.publish(BUNDLE)
    assert scene.bundle(OTHER) == BUNDLE


async def test_one_that_becomes_somebody_elses_between_the_look_and_the_change_is_not_written(
    scene: Scene,
) -> None:
    scene.put(OTHER)
    scene.cluster.overtaken = 1
    assert not await scene.registered.publish(BUNDLE)
    assert scene.bundle(OTHER) == b""


async def test_one_that_is_not_there_holds_nothing_up(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.put(OWN)
    await scene.registered.publish(BUNDLE)
    assert await scene.registered.publish(BUNDLE)
    assert (
        f"there is no APIService {OTHER}: until it is installed, this server gets no requests" in caplog.text
    )


async def test_one_that_may_not_be_looked_at_is_not_taken_for_told(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.put(OWN)
    scene.cluster.refused[path(OTHER)] = 403
    await scene.registered.publish(BUNDLE)
    assert not await scene.registered.publish(BUNDLE)
    assert scene.bundle(OWN) == BUNDLE
    assert f"--resource-name={OTHER}" in caplog.text
