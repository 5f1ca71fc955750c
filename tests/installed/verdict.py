"""Whether what is answered while something is broken is true, or no figure at all."""

import datetime
import sys
from collections.abc import Sequence

from demo import wait
from metrics_server import quantity
from tests.cluster import cluster, commands
from tests.installed import manifests, reading
from tests.installed import site as sites

LIST = "/namespaces/shop/trafficmetrics"
QUIET = f"--namespace={manifests.NAMESPACE}"
PODS = ("pods", QUIET, "--selector=app.kubernetes.io/name=trafficmetrics")
_RATE = 25.0
"""Requests a second that come to the gateway of the mesh; on a busy machine it falls behind."""
_STALE = 90.0
UNDECIDED = frozenset({403, 500})
"""A kube-apiserver that has just begun knows no roles yet; one that is away cannot say who may."""


def is_true(answer: reading.Answer) -> bool:
    """Whether it is the steady traffic of the mesh: fresh, and as many requests as there were."""
    if answer.status != 200:
        return False
    items = {item["metadata"]["name"]: item for item in answer.items}
    if not {"deployment.gateway", "deployment.frontend", "deployment.payments"} <= items.keys():
        return False
    gateway = items["deployment.gateway"]
    told = {one["name"]: quantity.parse(one["value"]) for one in gateway["metrics"]}
    rate = float(told["success_count"] + told["failure_count"]) / quantity.duration(gateway["window"])
    scraped = datetime.datetime.fromisoformat(gateway["timestamp"])
    age = (datetime.datetime.now(datetime.UTC) - scraped).total_seconds()
    return 0.2 < rate / _RATE < 2.5 and age < _STALE


async def until_true(reader: reading.Reader, *, within: float) -> None:
    async def answers_truly() -> bool:
        return is_true(await reader.get(LIST))

    await wait.until(answers_truly, what="a true answer", within=within, pause=0.5)


def never_wrong(answers: Sequence[reading.Answer], *, also: frozenset[int] = frozenset()) -> None:
    """Each was true, or no figures at all; `also` are statuses that are no figures either."""
    assert answers
    wrong = [answer for answer in answers if answer.status == 200 and not is_true(answer)]
    assert not wrong, wrong[0].body[:500]
    strange = {answer.status for answer in answers} - {200, 503, 504, reading.AWAY} - also
    assert not strange, next(answer for answer in answers if answer.status in strange)


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


async def directly(whole: cluster.Cluster, address: str, headers: dict[str, str]) -> int:
    """The status that a pod answers to one who comes past the kube-apiserver."""
    url = f"https://{address}:8443{reading.GROUP}{LIST}"
    told = await commands.output(
        *("nsenter", f"--target={whole.pid('containerd')}", "--net", "--"),
        *(sys.executable, "-m", "tests.installed.knocking", url),
        *(f"{name}={value}" for name, value in headers.items()),
    )
    return int(told)
