"""Fixtures: a fake API, a client that is configured by a kubeconfig, and a fake cluster with HPAs."""

import contextlib
import pathlib
from collections.abc import Callable, Iterator

import pytest

from dashboard.client import api
from tests.dashboard import hpas
from tests.fakes import autoscaled, traffic_api

Connect = Callable[[pathlib.Path], api.TrafficApi]


@pytest.fixture
def fake() -> Iterator[traffic_api.FakeTrafficApi]:
    with traffic_api.FakeTrafficApi() as running:
        yield running


@pytest.fixture
def kubeconfig_file(fake: traffic_api.FakeTrafficApi, tmp_path: pathlib.Path) -> pathlib.Path:
    return fake.kubeconfig(tmp_path / "config")


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Return a function that makes a client from a kubeconfig; all clients are closed after the test."""
    with contextlib.ExitStack() as opened:
        yield lambda path: opened.enter_context(contextlib.closing(api.connect(str(path))))


@pytest.fixture
def client(connect: Connect, kubeconfig_file: pathlib.Path) -> api.TrafficApi:
    return connect(kubeconfig_file)


@pytest.fixture
def scaled() -> Iterator[autoscaled.Cluster]:
    with autoscaled.Cluster() as running:
        yield running


@pytest.fixture
def run(scaled: autoscaled.Cluster, tmp_path: pathlib.Path) -> hpas.Run:
    """Return a function that runs `kubectl traffic hpa` with that cluster."""
    return hpas.typed(scaled, tmp_path)
