"""The demo as pods in the same cluster as our server, and how a test reads both."""

import contextlib
import dataclasses
import datetime
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from urllib import parse

from demo import blueprint, faults, shop, wait
from demo.pods import identity, printing, reach, secrets
from tests.installed import site as sites

PROMETHEUS = f"http://{identity.PROMETHEUS.name}.{identity.NAMESPACE}.svc:{identity.PROMETHEUS_PORT}"
_GROUP = "/apis/metrics.smi-spec.io/v1alpha1"
_DESK = f"/api/v1/namespaces/{identity.NAMESPACE}/services/{identity.DESK.name}:{identity.DESK_PORT}/proxy"
_READY_WITHIN = 300.0
"""Seconds; an idle machine needs a fraction of it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Api:
    """Our API, read through the kube-apiserver as kubectl does."""

    site: sites.Site

    async def items(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        query = f"?{parse.urlencode(parameters)}" if parameters else ""
        answer = json.loads(await self.site.kubectl("get", "--raw", f"{_GROUP}{path}{query}"))
        items: list[dict[str, Any]] = answer["items"]
        return items


@contextlib.asynccontextmanager
async def running(
    site: sites.Site,
    *,
    scratch: Path,
    components: Sequence[str] = (),
    policy: str | None = None,
    **settings: str,
) -> AsyncIterator[reach.Mesh]:
    """Run the demo until the block is left; the block begins when the load has begun."""
    await give_identities(site, shop.SHOP, scratch=scratch)
    parts = ("demo", *components)
    async with site.installed(components=parts, prometheus=PROMETHEUS, policy=policy, **settings):
        await until_ready(site)
        async with reach.Mesh(site.kubeconfig) as mesh:
            yield mesh


async def give_identities(site: sites.Site, plan: blueprint.Blueprint, *, scratch: Path) -> None:
    identities = scratch / "identities.yaml"
    identities.touch(mode=0o600)
    identities.write_text(printing.as_yaml(secrets.objects(plan, now=datetime.datetime.now(datetime.UTC))))
    await site.kubectl("apply", f"--filename={identities}")


async def until_ready(site: sites.Site) -> None:
    """Wait until all pods are ready and scraped, and the load has begun."""

    async def ready() -> bool:
        try:
            await site.kubectl("get", "--raw", f"{_DESK}/ready")
        except faults.DemoError:
            return False
        return True

    await wait.until(ready, what="the demo in the cluster", within=_READY_WITHIN, pause=0.5)
