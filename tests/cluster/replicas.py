"""Several servers in one place of a cluster, each with a serving certificate from the same Secret.

They return the user of the request and close each connection after its answer, so that the next one has a
new TLS handshake. The kernel distributes the connections among them.
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

from apiservice.authn import authenticator as authn_authenticator
from apiservice.authn import delegated_config_watch
from apiservice.kube import client, config
from apiservice.server import delegated_auth
from apiservice.tls import ca_bundle, dynamic_context, rotation, secret_store
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
"""Seconds between two reads of the certificate's files."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A cluster with an account for the servers."""

    running: cluster.Cluster
    connection: client.ConnectionConfig

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
    """The account has no rights yet."""
    await commands.kubectl(running.kubeconfig, "create", "serviceaccount", NAME)
    token = (await commands.kubectl(running.kubeconfig, "create", "token", NAME)).strip()
    admin = await config.from_kubeconfig(running.kubeconfig)

    async def authorization() -> str:
        return f"Bearer {token}"

    tls = ssl.create_default_context(cafile=str(running.files.certificate("ca")))
    return Site(
        running=running,
        connection=client.ConnectionConfig(url=admin.url, tls=tls, authorization=authorization),
    )


@contextlib.asynccontextmanager
async def serve(
    where: Site,
    *,
    folder: Path,
    policy: rotation.CertificatePolicy | None = None,
    pace: secret_store.RotationTimes | None = None,
) -> AsyncIterator[None]:
    """Run one of the servers until the block is left."""
    async with (
        client.connect(where.connection) as api,
        delegated_config_watch.watch(api) as published,
        delegated_auth.delegated(api, current=published.current, clock=_now) as admitted,
        secret_store.kept(
            api,
            place=secret_store.SecretLocation(namespace=registering.NAMESPACE, secret=SECRET, folder=folder),
            registered=ca_bundle.ApiServices(
                api, api_services=[API_SERVICE], namespace=registering.NAMESPACE, service=NAME
            ),
            policy=policy or rotation.CertificatePolicy(name=NAME, hosts=HOSTS),
            pace=pace or secret_store.RotationTimes(),
            clock=_now,
        ) as pair,
    ):
        tls = dynamic_context.LiveTls(
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


def _application(authenticator: authn_authenticator.Authenticator) -> web.Application:
    async def whoami(request: web.Request) -> web.Response:
        tls = request.get_extra_info("ssl_object")
        own = tls.getpeercert(binary_form=True)
        user = await authenticator.authenticate(
            authn_authenticator.Credentials(headers=request.headers, certificates=(own,) if own else ())
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
