"""The cluster to install into: one made for a test run, or one that is given by its kubeconfig.

Given can be one of kind, or one that `make cluster` runs: both can be given images without a registry.
"""

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Protocol

import yaml

from demo import faults
from tests.cluster import cluster, commands, network, node, places, possible, record

_KIND = "kind-"
"""How kind begins the names of its contexts."""


class Ground(Protocol):
    """Anything with an administrator's kubeconfig that can be given an image without a registry."""

    @property
    def kubeconfig(self) -> Path: ...

    async def import_image(self, archive: Path) -> None: ...

    async def watch(self) -> None: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """A cluster that kind made. It stays as it is found, but for what is installed into it."""

    kubeconfig: Path
    name: str
    """As kind knows it."""

    async def import_image(self, archive: Path) -> None:
        await commands.output("kind", "load", "image-archive", str(archive), f"--name={self.name}")

    async def watch(self) -> None:
        await _for_ever()


@dataclasses.dataclass(frozen=True, slots=True)
class Running:
    """A cluster that another process of ours runs. It stays as it is found, too."""

    kubeconfig: Path
    place: places.Place

    async def import_image(self, archive: Path) -> None:
        await node.import_image(archive, enter=node.inside(self._containerd()))

    async def watch(self) -> None:
        await _for_ever()

    def _containerd(self) -> int:
        for pid in network.processes(self.place):
            if Path(f"/proc/{pid}/comm").read_text().strip() == "containerd":
                return pid
        raise faults.DemoError(f"no containerd runs in cluster {self.place.name}; has it ended?")


async def _for_ever() -> None:
    """A cluster that is given is not ours to look after."""
    await asyncio.Event().wait()


def given(kubeconfig: Path) -> Ground:
    """Raises a `DemoError` where it is none that could be installed into."""
    what = f"{possible.GIVEN}={kubeconfig}"
    if not kubeconfig.exists():
        raise faults.DemoError(f"{what}: there is no such file; give the kubeconfig of a cluster that runs")
    ours = record.read(places.Folder(kubeconfig.parent).record)
    if ours is not None and ours.nodes:
        return Running(kubeconfig, places.place(ours.name, nodes=True))
    context = str(yaml.safe_load(kubeconfig.read_text()).get("current-context", ""))
    if not context.startswith(_KIND):
        raise faults.DemoError(
            f"{what}: it is neither kind's (its context is {context!r}) nor that of `make cluster`, and no"
            " other cluster can be given images without a registry"
        )
    return Kind(kubeconfig, context.removeprefix(_KIND))


@contextlib.asynccontextmanager
async def found(
    *, state: Path, name: str, report: Callable[[str], None], environment: Mapping[str, str] = os.environ
) -> AsyncIterator[Ground]:
    """The given cluster, or one of our own until the block is left."""
    if kubeconfig := environment.get(possible.GIVEN):
        yield given(Path(kubeconfig))
        return
    async with cluster.Cluster(state=state, name=name, nodes=True, report=report) as running:
        yield running
