"""The cluster to install into: one of our own for a test run, or one that is given by its kubeconfig."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Protocol

import yaml

from demo import faults
from tests.cluster import cluster, commands

VARIABLE = "TESTS_KUBECONFIG"
_KIND = "kind-"
"""How kind begins the names of its contexts."""


class Ground(Protocol):
    """Anything with an administrator's kubeconfig that can be given an image without a registry."""

    @property
    def kubeconfig(self) -> Path: ...

    async def import_image(self, archive: Path) -> None: ...

    async def watch(self) -> None: ...


class Kind:
    """A cluster that kind made. It stays as it is found, but for what is installed into it."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        context = str(yaml.safe_load(kubeconfig.read_text()).get("current-context", ""))
        if not context.startswith(_KIND):
            raise faults.DemoError(
                f"{VARIABLE}={kubeconfig}: its context {context!r} is not one of kind's, and no other "
                "cluster can be given images without a registry"
            )
        self._name = context.removeprefix(_KIND)

    async def import_image(self, archive: Path) -> None:
        await commands.output("kind", "load", "image-archive", str(archive), f"--name={self._name}")

    async def watch(self) -> None:
        """For ever: it is not ours to look after."""
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def found(
    *, state: Path, name: str, report: Callable[[str], None], environment: Mapping[str, str] = os.environ
) -> AsyncIterator[Ground]:
    """The given cluster, or one of our own until the block is left."""
    given = environment.get(VARIABLE)
    if given:
        yield Kind(Path(given))
        return
    async with cluster.Cluster(state=state, name=name, nodes=True, report=report) as running:
        yield running
