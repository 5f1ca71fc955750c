"""The cluster to install into: one made for a test run, or one that is given by its kubeconfig.

A given cluster is one of kind, or one that `make cluster` runs: both accept images without a registry.
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
"""The prefix of the contexts' names of kind."""


class Ground(Protocol):
    """A cluster with an administrator's kubeconfig that accepts images without a registry."""

    @property
    def kubeconfig(self) -> Path: ...

    async def import_image(self, archive: Path) -> None: ...

    async def watch(self) -> None: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """A cluster that kind made. It is not changed, except for what is installed into it."""

    kubeconfig: Path
    name: str
    """The name that kind uses."""

    async def import_image(self, archive: Path) -> None:
        await commands.output("kind", "load", "image-archive", str(archive), f"--name={self.name}")

    async def watch(self) -> None:
        await _for_ever()


@dataclasses.dataclass(frozen=True, slots=True)
class Running:
    """A cluster that another process of ours runs. It is not changed either."""

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
    """We do not monitor a given cluster."""
    await asyncio.Event().wait()


def given(kubeconfig: Path) -> Ground:
    """Raises a `DemoError` if we cannot install into it."""
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
