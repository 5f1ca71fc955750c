"""The smallest server that can be aggregated: it returns the user that the front proxy reports."""

import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import trustme
from aiohttp import web

from demo import faults, wait
from tests.cluster import cluster, commands, registration

_GROUP, _VERSION = "cluster.test", "v1"
_SERVICE = "extension"
_PATH = f"/apis/{_GROUP}/{_VERSION}/whoami"
_ANSWERS_WITHIN = 30.0


@contextlib.asynccontextmanager
async def serve(running: cluster.Cluster, *, scratch: Path) -> AsyncIterator[None]:
    """Serve, aggregated, on this machine, at the address of its Service in the cluster.

    It accepts no client without a certificate of the front proxy.
    """
    authority = trustme.CA()
    context = ssl.create_default_context(
        ssl.Purpose.CLIENT_AUTH, cafile=str(running.files.certificate("front-proxy-ca"))
    )
    context.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert(f"{_SERVICE}.default.svc").configure_cert(context)
    application = web.Application()
    application.router.add_get(_PATH, _whoami)
    application.router.add_get(f"/apis/{_GROUP}/{_VERSION}", _resources)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, running.place.host, registration.PORT, ssl_context=context).start()
        manifest = scratch / "extension.json"
        items = registration.objects(
            running, name=_SERVICE, group=_GROUP, version=_VERSION, authority=authority.cert_pem.bytes()
        )
        manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        await commands.kubectl(running.kubeconfig, "apply", f"--filename={manifest}")
        yield
    finally:
        await runner.cleanup()


async def ask_for_user(running: cluster.Cluster) -> str:
    """Return our user as the extension sees it. At first it has no answer: the API server probes it later."""
    users: list[str] = []

    async def answers() -> bool:
        try:
            answer = json.loads(await commands.kubectl(running.kubeconfig, "get", "--raw", _PATH))
        except faults.DemoError:
            return False
        users.append(answer["user"])
        return True

    await wait.until(answers, what="the aggregated API", within=_ANSWERS_WITHIN)
    return users[0]


async def _whoami(request: web.Request) -> web.Response:
    return web.json_response({"user": request.headers["X-Remote-User"]})


async def _resources(_request: web.Request) -> web.Response:
    group_version = f"{_GROUP}/{_VERSION}"
    return web.json_response(
        {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": []}
    )
