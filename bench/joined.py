"""Our server behind a real kube-apiserver, on this machine: the same answers at two addresses.

It runs as it is shipped, except that the owners of the mesh's pods are read from a file, because they are not
in the cluster. A service account reads it, as for most programs; at both addresses the cluster decides about
its rights.
"""

import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import client, cold, site
from demo import wait
from tests.cluster import aggregated, cluster, commands, control_plane, places, registration

PEOPLE = "people"
"""A group that may read."""
_READER = "bench-reader"
_WITHIN = 60.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    place: site.Site
    cluster: cluster.Cluster
    direct: client.Server
    through: client.Server

    @property
    def apiserver_pid(self) -> int:
        return self.cluster.pid(control_plane.API_SERVER)


@contextlib.asynccontextmanager
async def running(place: site.Site, kubernetes: cluster.Cluster) -> AsyncIterator[Joined]:
    """Serve until the end of the block, which starts when both answer. Raises demo.faults.DemoError."""
    state = place.where.folder / "server"
    address = (kubernetes.place.host, registration.PORT)
    command = aggregated.command(
        kubernetes, prometheus=place.where.prometheus_url, state=state, inventory=place.where.inventory
    )
    await place.family.start("server", command)
    try:
        url = f"https://{address[0]}:{address[1]}/readyz"
        ready = wait.until_ok(place.http, url, what="the server", within=_WITHIN)
        await place.family.guard(ready)
        authority = state / "ca.crt"
        offered = registration.objects(
            kubernetes,
            name=aggregated.NAME,
            group=aggregated.GROUP,
            version=aggregated.VERSION,
            authority=authority.read_bytes(),
        )
        await apply(kubernetes, offered, scratch=state)
        token = await reader(kubernetes, scratch=state)
        pid = place.family.pid("server")
        direct = client.Server(pid=pid, address=address, authority=authority, token=token)
        joined = Joined(
            place=place, cluster=kubernetes, direct=direct, through=front(kubernetes, pid=pid, token=token)
        )
        for door in (joined.direct, joined.through):
            await place.family.guard(until_read(door, f"{cold.PATHS}/trafficmetrics"))
        yield joined
    finally:
        if place.family.runs("server"):
            await place.family.stop("server")


def front(kubernetes: cluster.Cluster, *, pid: int, token: str) -> client.Server:
    """The kube-apiserver as the address of the server with this id."""
    return client.Server(
        pid=pid,
        address=(kubernetes.place.address, places.API_PORT),
        authority=kubernetes.files.certificate("ca"),
        token=token,
    )


async def reader(kubernetes: cluster.Cluster, *, scratch: Path) -> str:
    """The token of an account that may read all that is measured, as itself or as one of the `PEOPLE`."""
    await apply(kubernetes, _reading(), scratch=scratch)
    asked = ("create", "token", _READER, f"--namespace={registration.NAMESPACE}")
    return (await commands.kubectl(kubernetes.kubeconfig, *asked)).strip()


async def apply(kubernetes: cluster.Cluster, objects: Sequence[Mapping[str, Any]], *, scratch: Path) -> None:
    file = scratch / "objects.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))
    await commands.kubectl(kubernetes.kubeconfig, "apply", f"--filename={file}")


async def until_read(door: client.Server, path: str) -> None:
    """Wait for a 200: aggregation and rights take effect with a delay."""

    async def answers() -> bool:
        try:
            connection = await client.Connection.open(door)
        except OSError:
            return False
        try:
            status, _ = await connection.get(path)
        finally:
            await connection.aclose()
        return status == 200

    await wait.until(answers, what=path, within=_WITHIN, pause=0.25)


def _reading() -> list[Mapping[str, Any]]:
    rbac = "rbac.authorization.k8s.io"
    metadata = {"name": _READER, "namespace": registration.NAMESPACE}
    groups = [aggregated.GROUP, "custom.metrics.k8s.io"]
    being = {"apiGroups": [""], "resources": ["users", "groups"], "verbs": ["impersonate"]}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": _READER},
            "rules": [{"apiGroups": groups, "resources": ["*"], "verbs": ["get", "list"]}, being],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": _READER},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": _READER},
            "subjects": [
                {"kind": "ServiceAccount", **metadata},
                {"kind": "Group", "apiGroup": rbac, "name": PEOPLE},
            ],
        },
    ]
