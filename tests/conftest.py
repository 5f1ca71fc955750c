"""Fixtures that tests of several packages share."""

import os
from collections.abc import Iterator

import pytest

from demo import runner
from tests import loops, marks
from tests.cluster import switch

_MESH, _OTHER = 64, 128


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(marks.Marks())
    config.pluginmanager.register(switch.Switch())


@pytest.fixture(scope="session")
def other_subnet() -> str:
    """For tests that need loopback addresses which no other test uses, not even the shared mesh."""
    return _subnet(_OTHER)


@pytest.fixture(scope="session")
@marks.needs("mesh", "prometheus")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[runner.Mesh]:
    """The one running mesh of a test session, scraped every second, in scenario `steady`.

    It is shared: a test that changes its scenario, or a sidecar, must restore it.
    """
    state = tmp_path_factory.mktemp("mesh")
    running = runner.Mesh(state=state, subnet=_subnet(_MESH), scrape_interval=1.0)
    with loops.entered(running) as entered:
        yield entered


def _subnet(base: int) -> str:
    """A subnet for this process alone: test runs at the same time do not collide."""
    high, low = divmod(os.getpid(), 256)
    return f"127.{base + high % 64}.{low}"
