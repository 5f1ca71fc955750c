"""A user of the API, through the kube-apiserver: with a service account's token and the rights of its
RBAC.
"""

import asyncio
import base64
import contextlib
import dataclasses
import json
import ssl
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import yaml

from demo import processes
from tests.installed import site as sites

GROUP = "/apis/metrics.smi-spec.io/v1alpha1"
AWAY = 0
"""In place of a status if there was no answer."""
_ACCOUNT = "reader"
_LONGEST = 40.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    began: float
    """Monotonic time, in seconds."""
    asked: float
    """The same moment in Unix time."""
    seconds: float
    status: int
    body: bytes
    warnings: tuple[str, ...] = ()
    audit: str = ""
    """The audit id in the logs of the kube-apiserver and of the server behind it."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """The message of a Status; else the whole text."""
        try:
            return str(self.json["message"])
        except (ValueError, KeyError, TypeError):
            return self.body.decode(errors="replace")

    @property
    def items(self) -> list[dict[str, Any]]:
        assert self.status == 200, (self.status, self.body[:300])
        items: list[dict[str, Any]] = self.json["items"]
        return items


@dataclasses.dataclass(frozen=True, slots=True)
class Reader:
    http: aiohttp.ClientSession
    server: str

    async def get(self, path: str, *, server: str | None = None, **parameters: str) -> Answer:
        """Return the answer for a path below the group; `server` replaces the kube-apiserver."""
        return await self.anything(GROUP + path, server=server, **parameters)

    async def anything(self, path: str, *, server: str | None = None, **parameters: str) -> Answer:
        """Return the answer for a path of any group."""
        began, asked = time.monotonic(), time.time()
        try:
            async with self.http.get((server or self.server) + path, params=parameters) as response:
                status, body = response.status, await response.read()
                warnings = tuple(response.headers.getall("Warning", ()))
                audit = response.headers.get("Audit-Id", "")
        except (aiohttp.ClientError, TimeoutError) as error:
            status, body, warnings, audit = AWAY, repr(error).encode(), (), ""
        return Answer(
            began=began,
            asked=asked,
            seconds=time.monotonic() - began,
            status=status,
            body=body,
            warnings=warnings,
            audit=audit,
        )

    @contextlib.asynccontextmanager
    async def all_the_while(self, path: str, *, every: float) -> AsyncIterator[list[Answer]]:
        """Send a request every so many seconds until the block is left, also while an answer is pending."""
        answers: list[Answer] = []
        asking: set[asyncio.Task[None]] = set()

        async def ask() -> None:
            answers.append(await self.get(path))

        async def go_on() -> None:
            while True:
                task = asyncio.create_task(ask())
                asking.add(task)
                task.add_done_callback(asking.discard)
                await asyncio.sleep(every)

        going = asyncio.create_task(go_on())
        try:
            yield answers
        finally:
            await processes.cancelled(going)
            await asyncio.gather(*asking)


@contextlib.asynccontextmanager
async def reader(site: sites.Site, *, namespace: str) -> AsyncIterator[Reader]:
    """A user who may view everything, by the roles in our manifests."""
    quiet = (f"--namespace={namespace}",)
    await site.kubectl("create", "serviceaccount", _ACCOUNT, *quiet)
    subject = f"--serviceaccount={namespace}:{_ACCOUNT}"
    await site.kubectl("create", "clusterrolebinding", _ACCOUNT, "--clusterrole=view", subject)
    try:
        token = (await site.kubectl("create", "token", _ACCOUNT, *quiet)).strip()
        cluster = yaml.safe_load(site.kubeconfig.read_text())["clusters"][0]["cluster"]
        async with aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {token}"},
            timeout=aiohttp.ClientTimeout(total=_LONGEST),
            connector=aiohttp.TCPConnector(ssl=_trusting(cluster)),
        ) as http:
            yield Reader(http, cluster["server"])
    finally:
        await site.kubectl("delete", "clusterrolebinding", _ACCOUNT, "--ignore-not-found")
        await site.kubectl("delete", "serviceaccount", _ACCOUNT, "--ignore-not-found", *quiet)


def _trusting(cluster: dict[str, Any]) -> ssl.SSLContext:
    if data := cluster.get("certificate-authority-data"):
        return ssl.create_default_context(cadata=base64.b64decode(data).decode())
    return ssl.create_default_context(cafile=cluster["certificate-authority"])
