"""The mesh of these tests: its placement, without running processes."""

import pytest

from demo import placement, shop


@pytest.fixture(scope="session")
def where() -> placement.Placement:
    return placement.place(shop.SHOP, subnet="127.29.0")
