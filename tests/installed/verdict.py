"""How the pods of the server fare while something is broken, and whom they let in."""

import dataclasses
import sys

from demo import wait
from tests.cluster import cluster, commands
from tests.installed import judge, manifests, reading
from tests.installed import site as sites

QUIET = f"--namespace={manifests.NAMESPACE}"
PODS = ("pods", QUIET, "--selector=app.kubernetes.io/name=trafficmetrics")
UNDECIDED = frozenset({403, 500})
"""A kube-apiserver that has just begun knows no roles yet; one that is away cannot say who may."""
NOBODY: tuple[dict[str, str], ...] = (
    {},
    {"Authorization": "Bearer made-up"},
    {"X-Remote-User": "system:admin"},
)
"""The headers of those who have no credential, a wrong one, and one that is not theirs to claim."""


@dataclasses.dataclass(frozen=True, slots=True)
class Knocked:
    status: int
    """`reading.AWAY` where nobody opens."""
    serial: int
    """Of the certificate that was presented."""


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
    """Of the pods."""
    return [pod["status"]["podIP"] for pod in await site.objects(*PODS)]


async def knock(whole: cluster.Cluster, address: str, headers: dict[str, str]) -> Knocked:
    """What a pod answers to one who comes past the kube-apiserver."""
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
