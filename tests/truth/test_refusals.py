"""A request that cannot be answered is refused with a Status that names the remedy."""

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest

from demo import runner
from tests import serving

pytestmark = [pytest.mark.mesh, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(
    ("path", "parameters", "code", "says"),
    [
        ("/namespaces/shop/fruits", {}, 404, "could not find"),
        ("/namespaces/shop/trafficmetrics/deployment.carts", {}, 404, "deployment.cart"),
        ("/namespaces/shop/deployments/carts", {}, 404, "cart"),
        ("/namespaces/shop/deployments/carts/edges", {}, 404, "cart"),
        ("/namespaces/shopp/trafficmetrics", {}, 404, "did you mean shop?"),
        ("/namespaces/shopp", {}, 404, "shop"),
        ("/nodes/node-x", {}, 404, "node-"),
        ("/namespaces/shop/trafficedges/deployment.cart:nobody", {}, 404, "not found"),
        ("/trafficmetrics", {"window": "5x"}, 400, "duration"),
        ("/trafficmetrics", {"window": "2h"}, 400, "1s to 1h"),
        ("/trafficmetrics", {"window": "30s", "t": "1m"}, 400, "same"),
        ("/trafficmetrics", {"labelSelector": "a in ("}, 400, "selector"),
        ("/trafficmetrics", {"fieldSelector": "spec.x=1"}, 400, "field label not supported"),
        ("/trafficmetrics", {"fieldSelector": "resource.kind=Fruit"}, 400, "Deployment"),
        ("/trafficmetrics", {"watch": "true"}, 405, "watch is not supported"),
        ("/trafficmetrics", {"limit": "many"}, 400, "limit"),
    ],
)
async def test_is_refused(
    api: serving.Api, path: str, parameters: dict[str, str], code: int, says: str
) -> None:
    status, answer = await api.ask(path, **parameters)
    assert (status, answer["kind"], answer["code"]) == (code, "Status", code), answer
    assert says in answer["message"]


async def test_an_unacceptable_representation_is_refused(api: serving.Api) -> None:
    status, answer = await api.ask("/trafficmetrics", accept="application/vnd.kubernetes.protobuf")
    assert (status, answer["reason"]) == (406, "NotAcceptable")


@pytest.mark.parametrize("token", ["", "wrong"])
@pytest.mark.parametrize("path", ["/trafficmetrics", "//apis", "//metrics", "//openapi/v2"])
async def test_without_the_token_nothing_is_told(api: serving.Api, token: str, path: str) -> None:
    status, answer = await api.ask(path, token=token)
    assert (status, answer["kind"], answer["reason"]) == (401, "Status", "Unauthorized")


async def test_secrets_are_for_their_owner_only(api: serving.Api) -> None:
    for secret in (api.kubeconfig, api.authority.with_name("token"), api.authority.with_name("serving.pem")):
        assert secret.stat().st_mode & 0o777 == 0o600, secret.name


async def _refused_by(tmp_path: Path, prometheus: str) -> tuple[float, dict[str, object], str]:
    """Return the seconds until a refusal, the Status and the Retry-After header of a server with this
    backend.
    """
    async with serving.server(tmp_path, prometheus=prometheus, options={}) as api:
        begun = time.monotonic()
        status, answer = await api.ask("/trafficmetrics")
        seconds = time.monotonic() - begun
        assert status == 503
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as http,
            http.get(
                f"{api.url}{serving.GROUP}/trafficmetrics", headers={"Authorization": f"Bearer {api.token}"}
            ) as response,
        ):
            retry = response.headers.get("Retry-After", "")
        status, _ = await api.ask("//apis")
        assert status == 200
        return seconds, answer, retry


async def test_prometheus_down_is_said_at_once_and_without_its_address(tmp_path: Path) -> None:
    seconds, answer, retry = await _refused_by(tmp_path, "http://127.0.0.1:1")
    assert seconds < 3
    assert answer["message"] == "Prometheus cannot be reached"
    assert retry == ""


async def test_prometheus_hung_is_said_within_three_seconds(tmp_path: Path) -> None:
    over = asyncio.Event()

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as hung:
        port = hung.sockets[0].getsockname()[1]
        seconds, answer, retry = await _refused_by(tmp_path, f"http://127.0.0.1:{port}")
        over.set()
    assert seconds < 3.5
    assert "does not answer" in str(answer["message"])
    assert retry == ""


@pytest.fixture
def unknown_mesh(tmp_path: Path) -> Path:
    """A profile of a mesh that does not exist."""
    profile = tmp_path / "other.yaml"
    shipped = Path("metrics_server/profiles/envoy.yaml").read_text()
    profile.write_text(shipped.replace("envoy_server_uptime", "nobody_uptime"))
    return profile


async def test_a_prometheus_without_a_mesh_says_what_was_looked_for(
    mesh: runner.Mesh, unknown_mesh: Path, tmp_path: Path
) -> None:
    options = {"profile": str(unknown_mesh)}
    async with serving.server(tmp_path, prometheus=mesh.prometheus_url, options=options) as api:
        status, answer = await api.ask("/trafficmetrics")
    assert status == 503
    assert "'nobody_uptime'" in answer["message"]
