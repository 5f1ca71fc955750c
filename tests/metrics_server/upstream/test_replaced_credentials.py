"""The server process keeps serving while the credentials for Prometheus are replaced."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from demo import processes, wait
from tests import serving
from tests.apiservice import pki
from tests.metrics_server import doorman, guarded_prometheus, scenes

FIRST, SECOND = guarded_prometheus.PASSWORDS
AUTHORITY, NEXT = scenes.AUTHORITY, scenes.NEXT
Scene = scenes.Scene


class Reading:
    """Reads from a running server again and again, and records the statuses in order."""

    def __init__(self, api: serving.Api) -> None:
        self._api = api
        self.statuses: list[int] = []
        self.last: Any = None

    async def for_ever(self) -> None:
        while True:
            status, self.last = await self._api.ask("/namespaces/shop/pods")
            self.statuses.append(status)

    async def more(self, *, status: int = 200, count: int = 3) -> None:
        """Wait until the last `count` of the further answers have this status."""
        begin = len(self.statuses)

        async def seen() -> bool:
            assert len(self.statuses) < begin + 1000
            return len(self.statuses) >= begin + count and set(self.statuses[-count:]) == {status}

        await wait.until(seen, what=f"{count} answers with {status}", within=60)


@contextlib.asynccontextmanager
async def reading(folder: Path, **given: Any) -> AsyncIterator[Reading]:
    """Run a server that queries Prometheus for nearly every answer, and read from it all the time."""
    options = {name.replace("_", "-"): str(value) for name, value in given.items() if name != "prometheus"}
    options |= {"refresh": "0.01"}
    async with serving.server(folder, prometheus=given["prometheus"], options=options) as api:
        made = Reading(api)
        task = asyncio.create_task(made.for_ever())
        try:
            await made.more()
            yield made
            if task.done():
                task.result()
        finally:
            await processes.cancelled(task)


def logged(folder: Path) -> str:
    return (folder / "server.log").read_text()


async def test_authorities_and_certificates_are_replaced_without_a_failed_read(scene: Scene) -> None:
    host, guarded = scene.guarded.host, scene.guarded
    guarded.demand(clients=AUTHORITY.pem)
    given = {"prometheus": guarded.url, "prometheus_ca": scene.ca}
    async with reading(scene.folder, **given, **scene.pair(AUTHORITY.issue("server"))) as read:
        # The usual order: first trust both authorities, then replace the certificates, then drop the old one.
        scene.file("ca.crt", AUTHORITY.pem + NEXT.pem)
        guarded.demand(clients=AUTHORITY.pem + NEXT.pem)
        await read.more()
        guarded.show(NEXT.issue(host=host, usages=(pki.SERVER,)))
        identity = NEXT.issue("server")
        scene.file("tls.crt", identity.pem)
        await read.more()  # now the certificate and the key do not match
        scene.file("tls.key", identity.key_pem)
        await read.more()
        scene.file("ca.crt", NEXT.pem)
        guarded.demand(clients=NEXT.pem)
        await read.more()
        scene.file("ca.crt", NEXT.pem[: len(NEXT.pem) // 2])
        await read.more()
        assert set(read.statuses) == {200}
    said = logged(scene.folder)
    assert said.count("changed and is used from now on") >= 3
    assert f"{scene.folder / 'tls.crt'}: the key in {scene.folder / 'tls.key'} is not its own" in said
    assert f"{scene.ca}: it holds no PEM certificate, or an incomplete one" in said


async def test_a_replaced_password_is_used_with_the_next_read(scene: Scene) -> None:
    scene.guarded.demand(password=FIRST)
    given = {"prometheus": scene.guarded.url, "prometheus_ca": scene.ca}
    async with reading(scene.folder, **given, **scene.password(FIRST)) as read:
        assert set(read.statuses) == {200}
        scene.guarded.demand(password=SECOND)
        await read.more(status=503)
        assert read.last["message"] == "Prometheus refuses the server's credentials"
        scene.password(SECOND)
        await read.more()
        failed = [index for index, status in enumerate(read.statuses) if status != 200]
        assert failed == list(range(failed[0], failed[0] + len(failed))), "one gap, while it was refused"
    said = logged(scene.folder)
    assert "status 401; client credential sent: user 'reader' with the password in" in said
    assert FIRST not in said
    assert SECOND not in said


async def test_a_replaced_token_and_tenant_are_used_without_a_failed_read(scene: Scene) -> None:
    trusting = ssl.create_default_context(cafile=str(scene.ca))
    async with doorman.before(scene.guarded.url, trusting=trusting) as door:
        door.tokens, door.tenants = {"first-token"}, {"shop"}
        token, headers = scene.file("token", "first-token"), scene.file("headers", "X-Scope-OrgID: shop")
        given = {"prometheus_token": token, "prometheus_headers": headers}
        async with reading(scene.folder, prometheus=door.url, **given) as read:
            door.tokens, door.tenants = {"first-token", "second-token"}, {"shop", "market"}
            scene.file("token", "second-token")
            scene.file("headers", "X-Scope-OrgID: market")
            await read.more()
            door.tokens, door.tenants = {"second-token"}, {"market"}
            await read.more()
            scene.file("token", "")
            scene.file("headers", "X-Scope-OrgID market-secret")
            await read.more()
            assert set(read.statuses) == {200}
    said = logged(scene.folder)
    assert "--prometheus-token: " in said
    assert "it is empty; write the token into it" in said
    assert "line 1 has no colon" in said
    assert "market" not in said
    assert "-token" not in said.replace("--prometheus-token", "")
