"""The text of a refusal is exactly the same for our resources and for built-in ones."""

import base64
import json
import ssl
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import yaml

from demo import processes, wait
from tests.cluster import aggregated, cluster, commands, registration

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(3600),
]
_OURS, _THEIRS = f"/apis/{aggregated.GROUP}/{aggregated.VERSION}", "/apis/apps/v1"
_LEADING_NOWHERE = "http://127.0.0.1:1"


@dataclass(frozen=True, slots=True)
class Servers:
    """Ours and the kube-apiserver, read directly with the same service account's token."""

    http: aiohttp.ClientSession
    ours: str
    theirs: str
    token: str

    async def refusal(self, url: str, *, token: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        async with self.http.get(url, headers=headers) as response:
            reply = json.loads(await response.read())
            assert reply["code"] == response.status
            return reply


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def servers(
    control_plane: cluster.Cluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Servers]:
    scratch, kubeconfig = tmp_path_factory.mktemp("words"), control_plane.kubeconfig
    ours = f"https://{control_plane.place.host}:{registration.PORT}"
    command = [
        *(sys.executable, "-m", "metrics_server", "serve", f"--prometheus={_LEADING_NOWHERE}"),
        *(
            f"--state={scratch / 'server'}",
            f"--cluster={kubeconfig}",
            f"--listen={ours.removeprefix('https://')}",
        ),
    ]
    await commands.kubectl(kubeconfig, "create", "serviceaccount", "denied")
    token = (await commands.kubectl(kubeconfig, "create", "token", "denied")).strip()
    async with processes.family(scratch) as family:
        await family.start("server", command)
        async with aiohttp.ClientSession() as http:
            await family.guard(wait.until_ok(http, f"{ours}/readyz", what="the server", within=60))
        trusting = ssl.create_default_context(cafile=str(scratch / "server" / "ca.crt"))
        there = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]
        trusting.load_verify_locations(cadata=_authority(there, kubeconfig))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as http:
            yield Servers(http, ours, there["server"], token)


def _authority(there: dict[str, str], kubeconfig: Path) -> str:
    if "certificate-authority" in there:
        return (kubeconfig.parent / there["certificate-authority"]).read_text()
    return base64.b64decode(there["certificate-authority-data"]).decode()


@pytest.mark.parametrize(
    "path",
    [
        "/deployments",
        "/namespaces/shop/deployments",
        "/namespaces/shop/deployments/cart",
        "/namespaces/shop/deployments/cart/edges",
        "/namespaces/shop/deployments?fieldSelector=metadata.name%3Dcart",
        "/namespaces/shop/deployments?watch=true",
        "/watch/namespaces/shop/deployments",
        "/namespaces/shop/deployments/%3Cb%3E%26%22",
        "/namespaces/shop/unheard-of",
        "/namespaces/%3Cb%3E%22%C3%A9/deployments",
    ],
)
async def test_a_resource_is_refused_in_the_words_of_the_built_in_ones(servers: Servers, path: str) -> None:
    theirs = await servers.refusal(servers.theirs + _THEIRS + path.replace("edges", "scale"))
    said = (
        json.dumps(theirs).replace('"apps', f'"{aggregated.GROUP}').replace(".apps", f".{aggregated.GROUP}")
    )
    expected = said.replace('\\"apps', f'\\"{aggregated.GROUP}').replace("/scale", "/edges")
    assert await servers.refusal(servers.ours + _OURS + path) == json.loads(expected)
    assert theirs["code"] == 403


@pytest.mark.parametrize("path", ["/metrics", "/nowhere", "/nowhere/%3Cb%3E", "/logs/?x=y"])
async def test_a_path_that_is_no_resource_is_refused_in_the_same_words(servers: Servers, path: str) -> None:
    theirs = await servers.refusal(servers.theirs + path)
    # Kubernetes writes an empty object here, and omits it elsewhere.
    assert await servers.refusal(servers.ours + path) | {"details": {}} == theirs
    assert theirs["code"] == 403


async def test_a_wrong_token_is_refused_for_the_same_reason(servers: Servers) -> None:
    theirs = await servers.refusal(f"{servers.theirs}/apis", token="wrong")
    ours = await servers.refusal(f"{servers.ours}/apis", token="wrong")
    assert ours | {"message": ""} == theirs | {"message": ""}
    # Ours names the credential.
    assert ours["message"].startswith(theirs["message"])
