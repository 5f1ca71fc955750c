"""The kiosk as pods, with our server for the autoscaler's APIs, and the controls of its load and size.

async with kiosk.running(site, scratch=folder) as stage, stage.autoscaled(autoscalers.autoscaler([…])):
    await stage.turn("surge")
"""

import asyncio
import contextlib
import dataclasses
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from demo import faults, kiosk, meshes, runner, wait
from demo.pods import identity, printing, reach
from metrics_server.model import quantity
from tests.installed import autoscalers, demo, manifests, reading, timeline
from tests.installed import site as sites

MESH = "kiosk"
NAMESPACE = kiosk.CHECKOUT.namespace
QUIET = f"--namespace={NAMESPACE}"
CHECKOUT = f"deployment/{kiosk.CHECKOUT.name}"
RATE = 8.0
"""Requests a second from outside in scenario `steady`; `surge` has three times as many. Reports add half a
one.
"""
QUICK = {"TRAFFIC_REFRESH": "1", "TRAFFIC_WINDOW": "15"}
"""A window of three scrapes, and a new snapshot each second."""
SYNC = 2.0
"""Seconds between two syncs of an autoscaler, in our cluster."""
_CALLERS = (kiosk.FRONTEND, kiosk.REPORT)
_RATES = {"steady": (6.0, 12.0), "surge": (20.0, 40.0)}
"""The range of requests a second to checkout in each scenario."""
_LASTING = 6.0
"""Seconds, more than a scrape interval: the load must stay in the range, not only pass through it."""
_LOOK_BACK = 5.0
_WITHIN = 60.0


@dataclasses.dataclass(frozen=True, slots=True)
class Stage:
    site: sites.Site
    mesh: reach.Mesh
    reader: reading.Reader

    async def load(self) -> Mapping[str, float]:
        """How many answers a second each caller recently had from checkout, by its own ledger."""
        until = time.time()
        asked = [("since", repr(until - _LOOK_BACK)), *(("by", str(name)) for name in _CALLERS)]
        truth = await runner.ask(self.mesh.control_url, "GET", "/truth", params=asked)
        sent = {name.name: 0 for name in _CALLERS}
        for edge in truth["edges"]:
            if edge["chosen"]["name"] == kiosk.CHECKOUT.name:
                sent[edge["from"]["name"]] += sum(edge["counts"].values())
        return {name: count / _LOOK_BACK for name, count in sent.items()}

    async def seen(self, autoscaler: str) -> timeline.Seen:
        found = await self._object(f"{autoscalers.PATH}/{autoscaler}")
        target = found["spec"]["scaleTargetRef"]["name"]
        deployment = await self._object(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{target}")
        return timeline.read(found, deployment)

    async def turn(self, scenario: str) -> None:
        await self.mesh.scenario(scenario)

    async def pods(self) -> list[Mapping[str, Any]]:
        """The pods of checkout that are not being deleted."""
        pods = await self.site.objects("pods", QUIET, f"--selector=app={kiosk.CHECKOUT.name}")
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    async def until_told(self, holds: Callable[[float], bool], *, what: str, lasting: float = 0.0) -> None:
        """Wait until `holds` is true for `lasting` seconds of checkout's requests a second in our API."""
        path = f"/namespaces/{NAMESPACE}/trafficmetrics/{CHECKOUT.replace('/', '.')}"
        since = math.inf

        async def reply() -> bool:
            nonlocal since
            answer = await self.reader.get(path)
            held = answer.status == 200 and holds(_rate(answer.json))
            since = min(since, time.monotonic()) if held else math.inf
            return time.monotonic() - since >= lasting

        await wait.until(reply, what=what, within=_WITHIN, pause=0.5)

    async def looked_at(self) -> None:
        """Wait for three syncs of an autoscaler from now on."""
        await asyncio.sleep(3 * SYNC)

    @contextlib.asynccontextmanager
    async def autoscaled(
        self, *autoscaler: Mapping[str, Any], replicas: int = 1, scenario: str = "steady"
    ) -> AsyncIterator[None]:
        """Run the autoscalers until the block is left; it begins with this number of pods of checkout, and
        when our figures show this load.
        """
        await self.turn(scenario)
        await self.site.kubectl("scale", CHECKOUT, QUIET, f"--replicas={replicas}")
        await self._until_there_are(replicas)
        least, most = _RATES[scenario]
        await self.until_told(
            lambda rate: least < rate < most, what=f"the load of {scenario} in the API", lasting=_LASTING
        )
        file = self.site.scratch / "autoscalers.json"
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(autoscaler)}))
        try:
            await self.site.kubectl("apply", f"--filename={file}")
            yield
        finally:
            await self.site.kubectl("delete", "--ignore-not-found", "--wait", f"--filename={file}")

    async def prometheus(self, *, replicas: int) -> None:
        name = f"deployment/{identity.PROMETHEUS.name}"
        quiet = f"--namespace={identity.PROMETHEUS.namespace}"
        await self.site.kubectl("scale", name, quiet, f"--replicas={replicas}")
        await self.site.kubectl("rollout", "status", name, quiet, f"--timeout={_WITHIN:g}s")

    async def _until_there_are(self, replicas: int) -> None:
        async def there_are() -> bool:
            pods = await self.pods()
            return len(pods) == replicas and all(map(_is_ready, pods))

        await wait.until(there_are, what=f"{replicas} pods of checkout", within=_WITHIN, pause=0.5)

    async def _object(self, path: str) -> Mapping[str, Any]:
        answer = await self.reader.anything(path)
        if answer.status != 200:
            raise faults.DemoError(f"{path}: {answer.status} {answer.message}")
        found: Mapping[str, Any] = answer.json
        return found


@contextlib.asynccontextmanager
async def running(
    site: sites.Site, *, scratch: Path, settings: Mapping[str, str] = QUICK, scrape_interval: float = 5.0
) -> AsyncIterator[Stage]:
    """Run it until the block is left; the block begins when the load has begun. `scrape_interval` in
    seconds.
    """
    await demo.give_identities(site, meshes.MESHES[MESH], scratch=scratch)
    file = scratch / "kiosk.yaml"
    objects = printing.everything(mesh=MESH, rate=RATE, scrape_interval=scrape_interval)
    file.write_text(printing.as_yaml(objects))
    given = {"TRAFFIC_AUTOSCALING": "true", **settings}
    try:
        await site.kubectl("apply", f"--filename={file}")
        async with site.installed(components=("autoscaling-apis",), prometheus=demo.PROMETHEUS, **given):
            await demo.until_ready(site)
            async with (
                reach.Mesh(site.kubeconfig) as mesh,
                reading.reader(site, namespace=manifests.NAMESPACE) as reader,
            ):
                yield Stage(site, mesh, reader)
    finally:
        await site.kubectl("delete", "--ignore-not-found", "--wait", f"--filename={file}")


def _rate(item: Mapping[str, Any]) -> float:
    reply = {one["name"]: quantity.parse(one["value"]) for one in item["metrics"]}
    return float(reply["success_count"] + reply["failure_count"]) / quantity.duration(item["window"])


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True"
