from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from apiservice.kube import client
from apiservice.server import sockets
from apiservice.tls import self_signed
from tests.apiservice import asking, cluster, reflections
from tests.fakes import kubernetes

HOST = "127.0.0.1"


@pytest.fixture
def toy() -> asking.Toy:
    return asking.Toy()


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> self_signed.Certificates:
    # The TLS clients compare the certificate's dates with the real clock.
    return self_signed.ensure(
        tmp_path_factory.mktemp("tls"), hosts=[HOST, "localhost"], now=datetime.now(UTC)
    )


@pytest.fixture
async def served(toy: asking.Toy, tls: self_signed.Certificates) -> AsyncIterator[asking.Served]:
    async with sockets.serve(toy.api, host=HOST, port=0, tls=tls.context()) as bound:
        yield asking.Served(toy=toy, bound=bound, authority=tls.authority)


@pytest.fixture
async def kube() -> AsyncIterator[cluster.Cluster]:
    async with cluster.serve() as served:
        yield served


@pytest.fixture
async def kube_api(kube: cluster.Cluster) -> AsyncIterator[client.KubeApi]:
    async with cluster.ask(kube) as api:
        yield api


@pytest.fixture
async def followed() -> AsyncIterator[kubernetes.Kubernetes]:
    async with kubernetes.serve() as served:
        for number in range(5):
            served.put(kubernetes.PODS, f"pod-{number}", spec={"nodeName": "node-a"})
        yield served


@pytest.fixture
def heard() -> reflections.Heard:
    return reflections.Heard()
