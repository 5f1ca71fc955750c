"""A fake API and a client that was configured the way a person configures one."""

import pathlib
from collections.abc import Iterator

import pytest

from dashboard.client import api
from tests.fakes import traffic_api


@pytest.fixture
def fake() -> Iterator[traffic_api.FakeTrafficApi]:
    with traffic_api.FakeTrafficApi() as running:
        yield running


@pytest.fixture
def kubeconfig(fake: traffic_api.FakeTrafficApi, tmp_path: pathlib.Path) -> pathlib.Path:
    return fake.kubeconfig(tmp_path / "config")


@pytest.fixture
def client(kubeconfig: pathlib.Path) -> api.TrafficApi:
    return api.connect(str(kubeconfig))
