"""The state of the server's pods while a part of the cluster is broken, and the clients that they accept."""

import dataclasses
import sys

from demo import wait
from tests.cluster import cluster, commands
from tests.installed import judge, manifests, reading
from tests.installed import site as sites

QUIET = f"--namespace={manifests.NAMESPACE}"
PODS = ("pods", QUIET, "--selector=app.kubernetes.io/name=trafficmetrics")
UNDECIDED = frozenset({403, 500})
"""A kube-apiserver that has just started has no roles yet; without one, rights cannot be decided."""
NOT_ADMITTED: tuple[dict[str, str], ...] = (
    {},
    {"Authorization": "Bearer made-up"},
    {"X-Remote-User": "system:admin"},
)
"""The headers of a client without credential, with a wrong one, and with a false claim."""


@dataclasses.dataclass(frozen=True, slots=True)
class Knocked:
    status: int
    """`reading.AWAY` if there is no answer."""
    serial: int
    """The serial number of the certificate that was presented."""


async def restarts(site: sites.Site) -> int:
    statuses = [status for pod in await site.objects(*PODS) for status in pod["status"]["containerStatuses"]]
    return sum(status["restartCount"] for status in statuses)


async def ready(site: sites.Site, *, replicas: int) -> None:
    async def are_ready() -> bool:
        pods = await site.objects(*PODS)
        conditions = [
            one["status"]
            for pod in pods
            for one in pod["status"].get("conditions", ())
            if one["type"] == "Ready"
        ]
        return len(pods) == replicas and conditions == ["True"] * replicas

    await wait.until(are_ready, what=f"{replicas} ready pods", within=90, pause=0.5)


async def addresses(site: sites.Site) -> list[str]:
    """The addresses of the pods."""
    return [pod["status"]["podIP"] for pod in await site.objects(*PODS)]


async def knock(whole: cluster.Cluster, address: str, headers: dict[str, str]) -> Knocked:
    """Return a pod's answer to a client that does not come through the kube-apiserver."""
    url = f"https://{address}:8443{reading.GROUP}{judge.LIST}"
    reply = await commands.output(
        *("nsenter", f"--target={whole.pid('containerd')}", "--net", "--"),
        *(sys.executable, "-m", "tests.installed.knocking", url),
        *(f"{name}={value}" for name, value in headers.items()),
    )
    status, serial = map(int, reply.split())
    return Knocked(status, serial)


async def presented(site: sites.Site, whole: cluster.Cluster) -> dict[str, int]:
    """The serial number of the certificate that each pod presents, by its address."""
    return {address: (await knock(whole, address, {})).serial for address in await addresses(site)}
