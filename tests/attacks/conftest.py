"""Fixtures that all attacks share."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.attacks import effort

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker("attack")


@pytest.fixture(scope="session")
def tries() -> effort.Effort:
    """How many inputs to try."""
    return effort.chosen()
