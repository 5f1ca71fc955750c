"""The program that renders the chart."""

import asyncio
from pathlib import Path

import pytest

from tests.cluster import build


@pytest.fixture(scope="session")
def helm() -> Path:
    """Helm, which is built the first time."""
    asyncio.run(build.make(build.HELM, report=print))
    return build.HELM.path
