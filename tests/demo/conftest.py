"""The mesh of these tests on paper: placed, but not running."""

import pytest

from demo import placement, shop


@pytest.fixture(scope="session")
def where() -> placement.Placement:
    return placement.place(shop.SHOP, subnet="127.29.0")
