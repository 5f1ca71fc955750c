from collections.abc import AsyncIterator

import pytest

from tests.metrics_server import fake_prometheus


@pytest.fixture
async def backend() -> AsyncIterator[fake_prometheus.FakePrometheus]:
    """A Prometheus that holds nothing yet."""
    async with fake_prometheus.running(fake_prometheus.FakePrometheus()) as fake:
        yield fake
