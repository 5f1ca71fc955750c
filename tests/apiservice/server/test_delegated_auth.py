"""A whole extension server over TLS, called by a kube-apiserver, by users and by unknown clients."""

import asyncio
import contextlib
import dataclasses
import pathlib
import ssl
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import prometheus_client
import pytest

from apiservice.authn import delegated_config_watch
from apiservice.kube import client
from apiservice.observe import health
from apiservice.server import delegated_auth, sockets
from apiservice.tls import dynamic_context
from tests.apiservice import cluster, fruits, pki

FRUITS = f"/apis/{fruits.GROUP_VERSION}/namespaces/north/fruits"
DISCOVERY = f"/apis/{fruits.GROUP_VERSION}"
SERVING = pki.authority("serving-ca")
PROXY = cluster.PROXIES.issue("front-proxy-client")
MASTER = {"X-Remote-User": "system:kube-aggregator", "X-Remote-Group": "system:masters"}
SUE = {"X-Remote-User": "sue", "X-Remote-Group": "dev"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """The toy API, which delegates authentication and authorization to a fake cluster."""

    kube: cluster.Cluster
    known: delegated_config_watch.DelegationMap
    url: str
    directory: pathlib.Path

    @contextlib.asynccontextmanager
    async def connected(self, client: pki.Identity | None = None) -> AsyncIterator[aiohttp.ClientSession]:
        """Open a session that uses one connection for all requests."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=SERVING.pem.decode())
        if client is not None:
            path = self.directory / "client.pem"
            path.write_bytes(client.key_pem + client.pem)
            context.load_cert_chain(path)
        connector = aiohttp.TCPConnector(ssl=context, limit=1)
        async with aiohttp.ClientSession(self.url, connector=connector) as session:
            yield session

    async def ask(
        self, path: str, client: pki.Identity | None = None, *, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        async with self.connected(client) as session:
            return await reply(session, path, headers=headers)

    @property
    def reviewed(self) -> list[dict[str, Any]]:
        """The specs of the SubjectAccessReviews that the server sent."""
        return [body["spec"] for path, body in self.kube.asked if path == cluster.ACCESS_REVIEWS]


async def reply(
    session: aiohttp.ClientSession, path: str, *, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    async with session.get(path, headers=headers) as response:
        assert response.content_type == "application/json"
        return response.status, await response.json()


@pytest.fixture
async def extension(
    kube: cluster.Cluster, kube_api: client.KubeApi, tmp_path: pathlib.Path
) -> AsyncIterator[Extension]:
    kube.config_map = cluster.published()
    serving = SERVING.issue("traffic.mesh.svc", usages=[pki.SERVER], host=cluster.HOST)
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    certificate.write_bytes(serving.pem)
    key.write_bytes(serving.key_pem)
    async with (
        delegated_config_watch.watch(kube_api, pauses=cluster.IMPATIENT) as known,
        delegated_auth.delegated(
            kube_api, current=known.current, clock=lambda: datetime.now(UTC)
        ) as admitted,
    ):
        api = sockets.build(
            [fruits.group_version(fruits.Orchard())],
            authenticator=admitted.authenticator,
            authorizer=admitted.authorizer,
            checks=health.HealthChecks(),
            registry=prometheus_client.CollectorRegistry(),
            clock=lambda: fruits.NOW,
            title="Fruits",
            release="1.2.3",
        )
        live = dynamic_context.LiveTls(certificate=certificate, key=key, current=known.current)
        async with sockets.serve(api, host=cluster.HOST, port=0, tls=live.context, drain=0.1) as bound:
            yield Extension(kube=kube, known=known, url=bound.url, directory=tmp_path)


async def test_a_user_of_the_front_proxy_is_asked_about_and_served(extension: Extension) -> None:
    status, found = await extension.ask(FRUITS, PROXY, headers={**SUE, "X-Remote-Extra-a%2fb": "c"})
    assert (status, found["kind"]) == (200, "FruitList")
    (spec,) = extension.reviewed
    assert (spec["user"], spec["groups"]) == ("sue", ["dev", "system:authenticated"])
    assert spec["extra"] == {"a/b": ["c"]}
    assert spec["resourceAttributes"]["namespace"] == "north"


async def test_a_user_with_a_client_certificate_is_asked_about_under_its_own_name(
    extension: Extension,
) -> None:
    status, _ = await extension.ask(
        FRUITS, cluster.CLIENTS.issue("bob", organizations=["ops"]), headers=MASTER
    )
    assert status == 200
    (spec,) = extension.reviewed
    assert (spec["user"], spec["groups"]) == ("bob", ["ops", "system:authenticated"])


async def test_a_user_with_a_token_is_asked_about_under_the_name_of_its_review(extension: Extension) -> None:
    extension.kube.tokens["t0ken"] = {"authenticated": True, "user": {"username": "eve"}}
    status, _ = await extension.ask(FRUITS, headers={**MASTER, "Authorization": "Bearer t0ken"})
    assert status == 200
    assert [spec["user"] for spec in extension.reviewed] == ["eve"]


async def test_forged_headers_make_nobody_anybody(extension: Extension) -> None:
    extension.kube.may = lambda spec: {"allowed": False}
    status, refusal = await extension.ask(FRUITS, headers=MASTER)
    assert status == 403
    assert refusal["message"].startswith(
        'fruits.fruits.example.com is forbidden: User "system:anonymous" cannot list resource "fruits"'
    )
    (spec,) = extension.reviewed
    assert spec["groups"] == ["system:unauthenticated"]


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        pytest.param(None, {"Authorization": "Bearer wrong"}, id="a wrong token"),
        pytest.param(cluster.PROXIES.issue("impostor"), MASTER, id="not the proxy's name"),
        pytest.param(PROXY, {}, id="the proxy, naming nobody"),
    ],
)
async def test_a_wrong_credential_is_a_401(
    extension: Extension, client: pki.Identity | None, headers: dict[str, str]
) -> None:
    status, refusal = await extension.ask(DISCOVERY, client, headers=headers)
    assert (status, refusal["reason"]) == (401, "Unauthorized")
    assert extension.reviewed == []


async def test_a_connection_outlives_the_authority_of_its_certificate_but_its_power_does_not(
    extension: Extension, caplog: pytest.LogCaptureFixture
) -> None:
    successor = pki.authority("front-proxy-ca-2")
    async with extension.connected(PROXY) as session:
        assert (await reply(session, DISCOVERY, headers=MASTER))[0] == 200
        await cluster.until(lambda: len(extension.kube.watching) == 1, what="watched")
        extension.kube.change(cluster.published(requestheader_client_ca_file=successor.pem.decode()))
        await cluster.until(
            lambda: successor.der in extension.known.current().authorities, what="the new authority"
        )
        assert (await reply(session, DISCOVERY, headers=MASTER))[0] == 401
    assert "issuer 'CN=front-proxy-ca' (key not named); expected issuer: CN=front-proxy-ca-2 (" in caplog.text
    renewed = successor.issue("front-proxy-client")
    assert (await extension.ask(DISCOVERY, renewed, headers=MASTER))[0] == 200


async def test_a_stranger_gets_no_connection(extension: Extension) -> None:
    with pytest.raises(aiohttp.ClientError):
        await extension.ask("/livez", pki.authority("front-proxy-ca").issue("front-proxy-client"))
    assert extension.reviewed == []


async def test_discovery_works_for_the_aggregator_while_the_kube_apiserver_is_away(
    extension: Extension,
) -> None:
    extension.kube.away = True
    extension.kube.tell(None)
    assert (await extension.ask(DISCOVERY, PROXY, headers=MASTER))[0] == 200
    assert (await extension.ask(FRUITS, PROXY, headers=MASTER))[0] == 200
    status, refusal = await extension.ask(FRUITS, PROXY, headers=SUE)
    assert (status, refusal["reason"]) == (500, "InternalError")
    status, refusal = await extension.ask(FRUITS, headers={"Authorization": "Bearer t0ken"})
    assert (status, refusal["reason"]) == (503, "ServiceUnavailable")


async def test_health_is_for_everybody_and_asks_nobody(extension: Extension) -> None:
    async with extension.connected() as session, session.get("/readyz") as response:
        assert (response.status, await response.text()) == (200, "ok")
    assert extension.reviewed == []


async def kubectl(extension: Extension, client: pki.Identity, *arguments: str) -> tuple[str, str]:
    """Run kubectl with a client certificate; return what it printed to stdout and to stderr."""
    authority, certificate, key = (extension.directory / name for name in ("ca.crt", "own.crt", "own.key"))
    authority.write_bytes(SERVING.pem)
    certificate.write_bytes(client.pem)
    key.write_bytes(client.key_pem)
    process = await asyncio.create_subprocess_exec(
        pathlib.Path(sys.executable).with_name("kubectl"),
        "--kubeconfig=/dev/null",
        f"--server={extension.url}",
        f"--certificate-authority={authority}",
        f"--client-certificate={certificate}",
        f"--client-key={key}",
        f"--cache-dir={extension.directory / 'cache'}",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), 30.0)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return out.decode(), err.decode()


@pytest.mark.packaged
async def test_kubectl_presents_its_certificate_and_is_served_or_not(
    extension: Extension, caplog: pytest.LogCaptureFixture
) -> None:
    out, err = await kubectl(
        extension, cluster.CLIENTS.issue("sue"), "get", "fruits", "-n", "north", "-o", "name"
    )
    assert err == ""
    assert out.split() == [f"fruit.fruits.example.com/{name}" for name in ("apple", "cherry", "lime")]
    assert {spec["user"] for spec in extension.reviewed} == {"sue"}
    out, err = await kubectl(extension, pki.authority("stranger").issue("sue"), "get", "--raw", DISCOVERY)
    assert out == ""
    # Go reports either the TLS alert or the end of the connection, whichever it reads first.
    assert err != ""
    assert "TLS ended with a client whose certificate was refused" in caplog.text
