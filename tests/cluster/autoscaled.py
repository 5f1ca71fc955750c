"""Our server with the autoscaler's APIs behind a real kube-apiserver, and autoscalers that read them."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from demo import faults, runner, wait
from tests.cluster import aggregated, cluster, commands, registration

CUSTOM, EXTERNAL = "custom.metrics.k8s.io", "external.metrics.k8s.io"
VERSIONS = ((CUSTOM, "v1beta2"), (CUSTOM, "v1beta1"), (EXTERNAL, "v1beta1"))
_WITHIN = 90.0


@asynccontextmanager
async def serve(running: cluster.Cluster, mesh: runner.Mesh, *, scratch: Path) -> AsyncIterator[None]:
    """Serve as `aggregated` does, with the autoscaler's APIs; the block begins when requests are allowed."""
    async with aggregated.serve(running, mesh, scratch=scratch, options=["--autoscaling"]):
        authority = (scratch / "server" / "ca.crt").read_bytes()
        await apply(
            running,
            [
                registration.api_service(aggregated.NAME, group=group, version=version, authority=authority)
                for group, version in VERSIONS
            ],
            scratch=scratch,
        )

        async def answers() -> bool:
            try:
                for group, version in VERSIONS:
                    await commands.kubectl(running.kubeconfig, "get", "--raw", f"/apis/{group}/{version}")
            except faults.DemoError:
                return False
            return True

        await wait.until(answers, what="the autoscalers' APIs", within=_WITHIN, pause=0.5)
        yield


async def apply(running: cluster.Cluster, objects: Sequence[Mapping[str, Any]], *, scratch: Path) -> None:
    file = scratch / "objects.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    await commands.kubectl(running.kubeconfig, "apply", f"--filename={file}")
