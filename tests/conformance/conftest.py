"""The ways to an API that every row is tested on, and the record of the results."""

from collections.abc import Iterator

import pytest

from demo import runner
from tests import loops
from tests.cluster import cluster
from tests.conformance import api as apis
from tests.conformance import given, places, record, rows
from tests.conformance.subject import TRIED, Subject, Way

_CLUSTER = (pytest.mark.cluster, pytest.mark.timeout(3600))
"""The programs are built the first time."""
_NEEDS = {
    Way.STANDALONE: (pytest.mark.mesh,),
    Way.PAST: (pytest.mark.mesh, *_CLUSTER),
    Way.AGGREGATED: (pytest.mark.mesh, *_CLUSTER),
    Way.BUILT_IN: _CLUSTER,
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "row(id): the row of the contract that a test tries")
    config.pluginmanager.register(record.Record())


def pytest_itemcollected(item: pytest.Item) -> None:
    """The record needs all rows in one run, so all tests here have one mark."""
    item.add_marker(pytest.mark.conformance)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Test a row on every way except those where it is known not to hold; or only on a given API."""
    if "api" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("row")
    assert mark is not None, f"{metafunc.definition.nodeid} tries no row of the contract"
    ways = [
        pytest.param(way, marks=_NEEDS.get(way, ()), id=way.name.lower())
        for way in ((Way.GIVEN,) if given.is_given() else TRIED)
        if rows.applies(mark.args[0], way=way)
    ]
    metafunc.parametrize("api", ways, indirect=True, scope="session")


@pytest.fixture(scope="session")
def api(request: pytest.FixtureRequest) -> apis.Api:
    subject: Subject = request.getfixturevalue(f"{request.param.name.lower()}_subject")
    return apis.Api(subject)


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Cluster]:
    """A control plane with some objects."""
    with loops.entered(places.control_plane(tmp_path_factory.mktemp("plane"))) as running:
        yield running


@pytest.fixture(scope="session")
def joined(
    plane: cluster.Cluster, mesh: runner.Mesh, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[places.Joined]:
    """Our server, as a part of that cluster."""
    with loops.entered(places.joined(plane, mesh, tmp_path_factory.mktemp("joined"))) as server:
        yield server


@pytest.fixture(scope="session")
def toy_subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    with loops.entered(places.toy(tmp_path_factory.mktemp("toy"))) as subject:
        yield subject


@pytest.fixture(scope="session")
def standalone_subject(mesh: runner.Mesh, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    with loops.entered(places.standalone(mesh, tmp_path_factory.mktemp("standalone"))) as subject:
        yield subject


@pytest.fixture(scope="session")
def past_subject(joined: places.Joined) -> Subject:
    return joined.past


@pytest.fixture(scope="session")
def aggregated_subject(joined: places.Joined) -> Subject:
    return joined.aggregated


@pytest.fixture(scope="session")
def given_subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return given.subject(tmp_path_factory.mktemp("given"))


@pytest.fixture(scope="session")
def built_in_subject(plane: cluster.Cluster) -> Subject:
    return places.built_in(plane)
