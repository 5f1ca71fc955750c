import pytest

from tests.apiservice import asking


@pytest.fixture
def toy() -> asking.Toy:
    return asking.Toy()
