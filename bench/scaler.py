"""Our server as the APIs that autoscalers read, behind a real kube-apiserver on this machine.

It runs as it is shipped, except that the owners of pods are read from a file, because the pods are not in the
cluster. A service account reads it, and at both addresses the cluster decides about its rights.
"""

import contextlib
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import client, hpas, joined, site
from demo import wait
from tests.cluster import cluster, commands, registration

NAME = "trafficmetrics"
_READER = "bench-autoscaler"
_SERVED = (
    ("custom.metrics.k8s.io", "v1beta1"),
    ("custom.metrics.k8s.io", "v1beta2"),
    ("external.metrics.k8s.io", "v1beta1"),
)
_WITHIN = 120.0


@contextlib.asynccontextmanager
async def serving(
    place: site.Site, kubernetes: cluster.Cluster, *, token: str, refresh: float
) -> AsyncIterator[joined.Joined]:
    """Serve until the end of the block, which starts when both addresses answer. `refresh` in seconds.

    Raises demo.faults.DemoError.
    """
    family, state = place.family, place.where.folder / NAME
    host, port = kubernetes.place.host, registration.PORT
    place.where.inventory.write_text(json.dumps(hpas.inventory(place.cluster)), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "metrics_server", "serve", "--autoscaling"),
        *(f"--prometheus={place.where.prometheus_url}", f"--inventory={place.where.inventory}"),
        *(f"--cluster={kubernetes.kubeconfig}", f"--service={NAME}.{registration.NAMESPACE}"),
        *(f"--state={state}", f"--listen={host}:{port}", f"--refresh={refresh:g}"),
    ]
    await family.start(NAME, command)
    try:
        ready = wait.until_ok(place.http, f"https://{host}:{port}/readyz", what="the server", within=_WITHIN)
        await family.guard(ready)
        authority = state / "ca.crt"
        offered = [
            one
            for group, version in _SERVED
            for one in registration.objects(
                kubernetes, name=NAME, group=group, version=version, authority=authority.read_bytes()
            )
        ]
        await register(kubernetes, offered, scratch=state)
        pid = family.pid(NAME)
        direct = client.Server(pid=pid, address=(host, port), authority=authority, token=token)
        through = joined.front(kubernetes, pid=pid, token=token)
        for door in (direct, through):
            for path in hpas.asked(place.cluster, count=1, latency=False)[0]:
                await family.guard(joined.until_read(door, path))
        yield joined.Joined(place=place, cluster=kubernetes, direct=direct, through=through)
    finally:
        if family.runs(NAME):
            await family.stop(NAME)


async def reader(kubernetes: cluster.Cluster, *, scratch: Path) -> str:
    """The token of an account that may read all that is measured; requested before anything is aggregated.

    Raises demo.faults.DemoError.
    """
    token = await joined.reader(kubernetes, scratch=scratch)
    await apply(kubernetes, _rights(), scratch=scratch)
    return token


async def register(
    kubernetes: cluster.Cluster, objects: Sequence[Mapping[str, Any]], *, scratch: Path
) -> None:
    """Create the APIServices anew: a kube-apiserver checks an unavailable one less and less often.

    Raises demo.faults.DemoError.
    """
    names = [one["metadata"]["name"] for one in objects if one["kind"] == "APIService"]
    await commands.kubectl(kubernetes.kubeconfig, "delete", "apiservice", "--ignore-not-found", *names)
    await apply(kubernetes, objects, scratch=scratch)


async def apply(kubernetes: cluster.Cluster, objects: Sequence[Mapping[str, Any]], *, scratch: Path) -> None:
    """Apply without validation, for which kubectl would read every server, even one that does not run.

    Raises demo.faults.DemoError.
    """
    file = scratch / "objects.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))
    await commands.kubectl(kubernetes.kubeconfig, "apply", "--validate=false", f"--filename={file}")


def _rights() -> list[Mapping[str, Any]]:
    """What the service accounts of the namespace may read."""
    rbac = "rbac.authorization.k8s.io"
    groups = sorted({group for group, _ in _SERVED})
    everybody = f"system:serviceaccounts:{registration.NAMESPACE}"
    return [
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": _READER},
            "rules": [
                {"apiGroups": groups, "resources": ["*"], "verbs": ["get", "list"]},
                {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
            ],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": _READER},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": _READER},
            "subjects": [{"kind": "Group", "apiGroup": rbac, "name": everybody}],
        },
    ]
