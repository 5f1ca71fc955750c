"""A real Kubernetes for as long as a block lasts: a control plane, and a node if wanted.

    async with cluster.Cluster(state=folder, name="tm", nodes=True) as running:
        await commands.kubectl(running.kubeconfig, "get", "nodes")

Its programs are children of this process, and end with it. What they leave on the machine is removed at the
end of the block, by `python -m tests.cluster down`, or by the next cluster in the same folder.
"""

import asyncio
import contextlib
import datetime
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from demo import faults, ports, processes
from demo import state as states
from tests.cluster import (
    build,
    certificates,
    cgroups,
    control_plane,
    kubeconfigs,
    network,
    node,
    places,
    record,
    removal,
    sysctls,
)

_GRACE = 0.2
"""Seconds from SIGTERM to SIGKILL: what a program could save is thrown away."""
_PORTS = (
    places.API_PORT,
    places.ETCD_PORT,
    places.ETCD_PEER_PORT,
    places.CONTROLLERS_PORT,
    places.SCHEDULER_PORT,
)


def _silent(_line: str) -> None:
    pass


class Cluster:
    """The cluster exists while the block is entered. `report` gets a line for each step that takes long."""

    def __init__(
        self,
        *,
        state: Path,
        name: str = "tm",
        nodes: bool = True,
        kubernetes: build.Program = build.KUBERNETES,
        report: Callable[[str], None] = _silent,
    ) -> None:
        if nodes and kubernetes is not build.KUBERNETES:
            raise ValueError(f"Kubernetes {kubernetes.version} has no kubelet here; ask for it without nodes")
        self.place = places.place(name, nodes=nodes)
        self.folder = places.Folder(state.resolve())
        self._kubernetes = kubernetes
        self._report = report
        self._stack = contextlib.AsyncExitStack()
        self._family: processes.Family | None = None

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of an administrator."""
        return self.folder.kubeconfig

    @property
    def version(self) -> str:
        """The version of Kubernetes, such as `v1.34.4`."""
        return self._kubernetes.version

    @property
    def files(self) -> certificates.Files:
        """The authorities and identities, for a server that joins the cluster."""
        return certificates.Files(self.folder.pki)

    async def __aenter__(self) -> "Cluster":
        async with contextlib.AsyncExitStack() as stack:
            self._family = await stack.enter_async_context(self._running())
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def import_image(self, archive: Path) -> None:
        """Import the images of an archive, as `docker save` or buildah write them, into the node.

        The path is absolute.
        """
        enter = node.inside(self.pid("containerd"))
        await node.import_image(archive, enter=enter)

    def pid(self, program: str) -> int:
        """Return the process id of a program such as `kube-apiserver` or `containerd`."""
        return self._running_family().pid(program)

    @contextlib.asynccontextmanager
    async def without_api_server(self) -> AsyncIterator[None]:
        """Stop the kube-apiserver for this block; afterwards it runs again with the same data."""
        family = self._running_family()
        await control_plane.stop_api_server(family=family)
        try:
            yield
        finally:
            enter = network.enter(self.place) if self.place.nodes else []
            await control_plane.start_api_server(self._plane, family=family, enter=enter)

    async def watch(self) -> NoReturn:
        """Wait until a program ends unexpectedly; then raise a `DemoError` with its name and the reason."""
        await self._running_family().watch()

    def _running_family(self) -> processes.Family:
        if self._family is None:
            raise faults.DemoError(f"cluster {self.place.name} is not running; enter it first")
        return self._family

    @contextlib.asynccontextmanager
    async def _running(self) -> AsyncIterator[processes.Family]:
        self._demand_rights()
        with states.lock(self.folder.path, name=removal.LOCK):
            await removal.sweep(self.folder)
            await build.make_missing(nodes=self.place.nodes, report=self._report, kubernetes=self._kubernetes)
            self._demand_free()
            began = time.monotonic()
            self._prepare()
            try:
                async with processes.family(self.folder.logs, grace=_GRACE) as family:
                    await self._start(family)
                    self._report(f"{self._what()} is ready after {time.monotonic() - began:.1f} s")
                    yield family
            finally:
                await asyncio.shield(removal.sweep(self.folder))

    def _demand_rights(self) -> None:
        if self.place.nodes:
            network.demand_rights()
            node.demand_visible(self.folder.path, build.KUBERNETES.path)

    def _demand_free(self) -> None:
        if self.place.nodes:
            if network.exists(self.place) or cgroups.folders(self.place):
                raise faults.DemoError(
                    f"there is a network namespace or control group {self.place.namespace} already; end"
                    " what it belongs to, or give the cluster another --name"
                )
        else:
            addresses = [(self.place.address, port) for port in _PORTS]
            ports.demand_free(addresses, advice="end it, or give the cluster another --name")

    def _prepare(self) -> None:
        """The record is written first, because it lists how to remove what is made after it."""
        shutil.rmtree(self.folder.scratch, ignore_errors=True)
        kept = sysctls.about_to_change() if self.place.nodes else {}
        record.Record(self.place.name, self.place.nodes, os.getpid(), kept).write(self.folder.record)
        self.folder.scratch.mkdir(parents=True)
        certificates.write(self.files, place=self.place, now=datetime.datetime.now(datetime.UTC))
        kubeconfigs.write(self.folder, place=self.place, files=self.files)

    async def _start(self, family: processes.Family) -> None:
        enter: list[str] = []
        if self.place.nodes:
            network.make(self.place)
            enter = network.enter(self.place)
        self._report(f"starting {self._what()}")
        await control_plane.start(self._plane, family=family, enter=enter)
        if self.place.nodes:
            await node.start(node.Node(self.place, self.folder, self.files), family=family)

    @property
    def _plane(self) -> control_plane.ControlPlane:
        return control_plane.ControlPlane(self.place, self.folder, self.files, self._kubernetes.path)

    def _what(self) -> str:
        parts = "control plane and node" if self.place.nodes else "control plane"
        return f"cluster {self.place.name}, Kubernetes {self.version}, {parts}"
