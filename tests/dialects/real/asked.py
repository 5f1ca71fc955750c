"""The real server on a mesh of real programs, and what it says of the walk."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from metrics_server import quantity
from tests import serving
from tests.dialects import stage as spoken
from tests.dialects import traffic
from tests.dialects.real import stage, walk

_WINDOW = "300"
"""Longer than any of the programs has run: all that they counted is counted."""


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    mesh: stage.Mesh
    api: serving.Api

    async def items(self, path: str) -> Mapping[str, Mapping[str, Any]]:
        return {item["metadata"]["name"]: item for item in await self.api.items(f"/{path}")}


@contextlib.asynccontextmanager
async def asked(
    mesh: stage.Mesh, folder: Path, *, profile: str, happen: Callable[[], Awaitable[None]]
) -> AsyncIterator[Asked]:
    """After everything has happened, and was scraped."""
    for _ in range(walk.TIMES):
        await happen()
        await mesh.scraped()
    # One snapshot for all questions.
    options = {"profile": profile, "window": _WINDOW, "refresh": "600"}
    options["inventory"] = str(spoken.inventory(folder))
    async with serving.server(folder, prometheus=mesh.url, options=options) as api:
        yield Asked(mesh, api)


def counted(item: Mapping[str, Any]) -> traffic.Truth:
    found = figures(item)
    return traffic.Truth(succeeded=round(found["success_count"], 6), failed=round(found["failure_count"], 6))


def figures(item: Mapping[str, Any]) -> Mapping[str, float]:
    return {one["name"]: float(quantity.parse(one["value"])) for one in item["metrics"]}
