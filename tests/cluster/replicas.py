"""Several servers in one place of a cluster, each with a serving certificate from the same Secret.

They say who is asking, and end each connection with its answer: the next one has a TLS handshake of its own.
Connections go to one or the other as the kernel likes.
"""

import contextlib
import dataclasses
import datetime
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from apiservice import (
    admission,
    authentication,
    connecting,
    delegationmap,
    kubeapi,
    livetls,
    registration,
    rotation,
    servingsecret,
)
from demo import faults
from tests.cluster import cluster, commands
from tests.cluster import registration as registering

NAME, GROUP, VERSION = "replicas", "replicas.test", "v1"
API_SERVICE = f"{VERSION}.{GROUP}"
SECRET = "replicas-serving"
WHO = f"/apis/{GROUP}/{VERSION}/whoami"
ACCOUNT = f"system:serviceaccount:{registering.NAMESPACE}:{NAME}"
HOSTS = (f"{NAME}.{registering.NAMESPACE}.svc", "localhost")
LOOKS = 1.0
"""Seconds between two looks at the files of a certificate."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A cluster with an account for the servers."""

    running: cluster.Cluster
    connection: kubeapi.Connection

    async def kubectl(self, *arguments: str) -> str:
        return await commands.kubectl(self.running.kubeconfig, *arguments)

    async def apply(self, scratch: Path, items: Sequence[Any]) -> None:
        manifest = scratch / "objects.json"
        manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        await self.kubectl("apply", f"--filename={manifest}")

    def objects(self) -> Sequence[Any]:
        """The Service, its endpoint, and the APIService without authorities; the Secret without data."""
        made = registering.objects(self.running, name=NAME, group=GROUP, version=VERSION, authority=b"")
        metadata = {"name": SECRET, "namespace": registering.NAMESPACE}
        return [*made, {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata}]

    async def is_available(self) -> bool:
        try:
            user: str = json.loads(await self.kubectl("get", "--raw", WHO))["user"]
        except faults.DemoError:
            return False
        return user == "kubernetes-admin"


async def site(running: cluster.Cluster) -> Site:
    """The account may do nothing yet."""
    await commands.kubectl(running.kubeconfig, "create", "serviceaccount", NAME)
    token = (await commands.kubectl(running.kubeconfig, "create", "token", NAME)).strip()
    admin = await connecting.from_kubeconfig(running.kubeconfig)

    async def authorization() -> str:
        return f"Bearer {token}"

    tls = ssl.create_default_context(cafile=str(running.files.certificate("ca")))
    return Site(
        running=running,
        connection=kubeapi.Connection(url=admin.url, tls=tls, authorization=authorization),
    )


@contextlib.asynccontextmanager
async def serve(
    where: Site,
    *,
    folder: Path,
    policy: rotation.Policy | None = None,
    pace: servingsecret.Pace | None = None,
) -> AsyncIterator[None]:
    """One of the servers, until the block is left."""
    async with (
        kubeapi.connect(where.connection) as api,
        delegationmap.watch(api) as published,
        admission.delegated(api, current=published.current, clock=_now) as admitted,
        servingsecret.kept(
            api,
            place=servingsecret.Place(namespace=registering.NAMESPACE, secret=SECRET, folder=folder),
            registered=registration.Registration(
                api, api_services=[API_SERVICE], namespace=registering.NAMESPACE, service=NAME
            ),
            policy=policy or rotation.Policy(name=NAME, hosts=HOSTS),
            pace=pace or servingsecret.Pace(),
            clock=_now,
        ) as pair,
    ):
        tls = livetls.LiveTls(
            certificate=pair.serving, key=pair.serving, current=published.current, every=LOOKS
        )
        runner = web.AppRunner(_application(admitted.authenticator), access_log=None)
        await runner.setup()
        try:
            host, port = where.running.place.host, registering.PORT
            await web.TCPSite(runner, host, port, ssl_context=tls.context, reuse_port=True).start()
            yield
        finally:
            await runner.cleanup()


def _application(authenticator: authentication.Authenticator) -> web.Application:
    async def whoami(request: web.Request) -> web.Response:
        tls = request.get_extra_info("ssl_object")
        own = tls.getpeercert(binary_form=True)
        user = await authenticator.authenticate(
            authentication.Credentials(headers=request.headers, certificates=(own,) if own else ())
        )
        response = web.json_response({"user": user.name if user else None})
        response.force_close()
        return response

    async def resources(_request: web.Request) -> web.Response:
        listed = {"kind": "APIResourceList", "groupVersion": f"{GROUP}/{VERSION}", "resources": []}
        response = web.json_response({"apiVersion": "v1", **listed})
        response.force_close()
        return response

    application = web.Application()
    application.router.add_get(WHO, whoami)
    application.router.add_get(f"/apis/{GROUP}/{VERSION}", resources)
    return application


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
