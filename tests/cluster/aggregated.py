"""Our server behind a real kube-apiserver: registered as an APIService; the cluster's RBAC limits reading."""

import contextlib
import dataclasses
import json
import ssl
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from demo import faults, processes, runner, wait
from tests.cluster import certificates, cluster, commands, registration

GROUP, VERSION = "metrics.smi-spec.io", "v1alpha1"
PATH = f"/apis/{GROUP}/{VERSION}"
NAME = "trafficmetrics"
MASTER = {"X-Remote-User": "kubernetes-admin", "X-Remote-Group": "system:masters"}
"""The front proxy's headers of a user with all rights, for whom no authorization request is necessary."""
_WITHIN = 60.0


def command(
    running: cluster.Cluster, *, prometheus: str, state: Path, inventory: Path | None = None
) -> list[str]:
    """The command that serves at the address of its Service; without inventory it watches the cluster."""
    return [
        *(sys.executable, "-m", "metrics_server", "serve"),
        *(f"--prometheus={prometheus}", f"--state={state}"),
        *(f"--cluster={running.kubeconfig}", f"--service={NAME}.{registration.NAMESPACE}"),
        f"--listen={running.place.host}:{registration.PORT}",
        *([f"--inventory={inventory}"] if inventory else []),
    ]


@contextlib.asynccontextmanager
async def serve(
    running: cluster.Cluster,
    mesh: runner.Mesh,
    *,
    scratch: Path,
    watches: bool = False,
    options: Sequence[str] = (),
) -> AsyncIterator[Path]:
    """Serve until the block is left, from the inventory of the mesh or, if it `watches`, from the cluster's
    objects. The block begins when the server answers; it gets the path of the log. `options` are further
    options of the command.
    """
    state = scratch / "server"
    inventory = None if watches else mesh.inventory
    common = command(running, prometheus=mesh.prometheus_url, state=state, inventory=inventory)
    serving = [*common, *options]

    async def has_certificate() -> bool:
        return (state / "ca.crt").exists()

    async def answers() -> bool:
        try:
            await commands.kubectl(running.kubeconfig, "get", "trafficmetrics", "--all-namespaces")
        except faults.DemoError:
            return False
        return True

    async with processes.family(scratch) as family:
        await family.start("server", serving)
        await family.guard(wait.until(has_certificate, what="the server", within=_WITHIN))
        manifest = scratch / "trafficmetrics.json"
        items = registration.objects(
            running,
            name=NAME,
            group=GROUP,
            version=VERSION,
            authority=(state / "ca.crt").read_bytes(),
        )
        manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        await commands.kubectl(running.kubeconfig, "apply", f"--filename={manifest}")
        await family.guard(wait.until(answers, what="the aggregated API", within=_WITHIN, pause=0.5))
        yield scratch / "server.log"
        if not family.runs("server"):
            raise faults.DemoError(f"the server has ended; its log is {scratch / 'server.log'}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int
    json: Any
    warnings: tuple[str, ...]

    @property
    def names(self) -> set[str]:
        """Return the names of the items of a list."""
        assert self.status == 200, self
        return {item["metadata"]["name"] for item in self.json["items"]}


async def directly(
    running: cluster.Cluster,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    identity: certificates.Files | None = None,
    name: str = "front-proxy",
) -> Reply:
    """Ask the server without the kube-apiserver, with the certificate of this name in `identity`, or with
    none.

    Raises aiohttp.ClientError if TLS ends the connection.
    """
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if identity is not None:
        context.load_cert_chain(identity.certificate(name), identity.key(name))
    url = f"https://{running.place.host}:{registration.PORT}{path}"
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http,
        http.get(url, headers=headers) as response,
    ):
        return Reply(
            status=response.status,
            json=json.loads(await response.read()),
            warnings=tuple(response.headers.getall("Warning", ())),
        )
