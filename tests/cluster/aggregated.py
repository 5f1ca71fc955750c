"""Our server behind a real kube-apiserver: as its APIService, with the cluster saying who may read."""

import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from demo import faults, processes, runner, wait
from tests.cluster import cluster, commands, registration

GROUP, VERSION = "metrics.smi-spec.io", "v1alpha1"
_NAME = "trafficmetrics"
_WITHIN = 60.0


@contextlib.asynccontextmanager
async def serve(running: cluster.Cluster, mesh: runner.Mesh, *, scratch: Path) -> AsyncIterator[None]:
    """Serve on the address of a Service of the cluster until the block is left; ready once it answers."""
    state = scratch / "server"
    command = [
        *(sys.executable, "-m", "metrics_server", "serve"),
        *(f"--prometheus={mesh.prometheus_url}", f"--inventory={mesh.inventory}", f"--state={state}"),
        *(f"--cluster={running.kubeconfig}", f"--service={_NAME}.{registration.NAMESPACE}"),
        f"--listen={running.place.host}:{registration.PORT}",
    ]

    async def has_certificate() -> bool:
        return (state / "ca.crt").exists()

    async def answers() -> bool:
        try:
            await commands.kubectl(running.kubeconfig, "get", "trafficmetrics", "--all-namespaces")
        except faults.DemoError:
            return False
        return True

    async with processes.family(scratch) as family:
        await family.start("server", command)
        await family.guard(wait.until(has_certificate, what="the server", within=_WITHIN))
        manifest = scratch / "trafficmetrics.json"
        items = registration.objects(
            running,
            name=_NAME,
            group=GROUP,
            version=VERSION,
            authority=(state / "ca.crt").read_bytes(),
        )
        manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        await commands.kubectl(running.kubeconfig, "apply", f"--filename={manifest}")
        await family.guard(wait.until(answers, what="the aggregated API", within=_WITHIN, pause=0.5))
        yield
