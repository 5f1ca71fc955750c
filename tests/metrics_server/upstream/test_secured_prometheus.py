"""A real Prometheus demands each kind of credential; the server presents right and wrong ones."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from metrics_server.check import examination, report
from metrics_server.model import faults
from metrics_server.settings import settings
from metrics_server.upstream import credential_files
from tests.apiservice import pki
from tests.metrics_server import doorman, guarded_prometheus, scenes

FIRST, _ = guarded_prometheus.PASSWORDS
AUTHORITY, NEXT = scenes.AUTHORITY, scenes.NEXT
Scene = scenes.Scene


async def refused(chosen: settings.Settings) -> faults.Unavailable:
    async with scenes.client(chosen) as asking:
        with pytest.raises(faults.Unavailable) as fault:
            await asking.ask(["vector(1)"], at=scenes.now())
    print(fault.value.message, "|", fault.value.detail)
    return fault.value


async def checked(chosen: settings.Settings) -> report.CheckReport:
    found = await asyncio.to_thread(
        examination.run,
        chosen.prometheus,
        profiles=None,
        window="30s",
        namespace=None,
        shown=credential_files.current(chosen)(),
    )
    print("\n".join(found.lines))
    return found


async def accepted(chosen: settings.Settings) -> None:
    async with scenes.client(chosen) as asking:
        (answer,) = await asking.ask(["vector(1)"], at=scenes.now())
        assert len(list(answer)) == 1
    assert "answers queries" in (await checked(chosen)).lines[0]


async def test_a_prometheus_that_its_authority_certifies_is_asked(scene: Scene) -> None:
    await accepted(scene.settings())


@pytest.mark.parametrize("ca", [None, "other.crt"])
async def test_one_that_nobody_we_believe_certifies_is_not(scene: Scene, ca: str | None) -> None:
    other = scene.file(ca, NEXT.pem) if ca else None
    chosen = scene.settings(prometheus_ca=other)
    fault = await refused(chosen)
    assert fault.message == "Prometheus' certificate is not trusted"
    assert "--prometheus-ca" in fault.detail
    if ca:
        assert ca in fault.detail
    assert "--prometheus-ca" in (await checked(chosen)).lines[0]


async def test_one_with_the_certificate_of_another_host_is_not(scene: Scene) -> None:
    scene.guarded.show(AUTHORITY.issue(host="127.0.0.99", usages=(pki.SERVER,)))
    fault = await refused(scene.settings())
    assert fault.message == "Prometheus' certificate is not trusted"
    assert "mismatch" in fault.detail


async def test_the_right_password_is_let_in(scene: Scene) -> None:
    scene.guarded.demand(password=FIRST)
    await accepted(scene.settings(**scene.password(FIRST)))


async def test_a_wrong_password_or_none_is_told_and_never_shown(scene: Scene) -> None:
    scene.guarded.demand(password=FIRST)
    chosen = scene.settings(**scene.password("wrong-password"))
    fault = await refused(chosen)
    assert fault.message == "Prometheus refuses the server's credentials"
    assert (
        f"status 401; client credential sent: user 'reader' with the password in {scene.folder}"
        in fault.detail
    )
    found = await checked(chosen)
    assert not found.healthy
    assert "status 401" in found.lines[0]
    assert "wrong-password" not in f"{fault.detail} {found.lines}"
    assert "client credential sent: none" in (await refused(scene.settings())).detail


async def test_the_right_certificate_is_let_in(scene: Scene) -> None:
    scene.guarded.demand(clients=AUTHORITY.pem)
    await accepted(scene.settings(**scene.pair(AUTHORITY.issue("server"))))


async def test_a_wrong_certificate_or_none_is_told(scene: Scene) -> None:
    scene.guarded.demand(clients=AUTHORITY.pem)
    for given in ({}, scene.pair(NEXT.issue("server"))):
        chosen = scene.settings(**given)
        fault = await refused(chosen)
        assert fault.message == "Prometheus refuses the server's certificate, or its TLS"
        assert "--prometheus-certificate" in fault.detail
        assert not (await checked(chosen)).healthy


async def test_https_where_none_is_spoken_and_http_where_it_is_are_told_apart(scene: Scene) -> None:
    fault = await refused(
        scene.settings(prometheus=scene.guarded.url.replace("https", "http"), prometheus_ca=None)
    )
    assert "give --prometheus https://" in fault.detail
    async with doorman.before(scene.guarded.url, trusting=ssl.create_default_context()) as plain:
        fault = await refused(scene.settings(prometheus=plain.url.replace("http", "https")))
    assert "give --prometheus http://" in fault.detail


async def test_a_token_and_a_tenant_are_shown_to_the_proxy_before_it(scene: Scene) -> None:
    trusting = ssl.create_default_context(cafile=str(scene.ca))
    async with doorman.before(scene.guarded.url, trusting=trusting) as door:
        door.tokens, door.tenants = {"first-token"}, {"shop"}
        token = scene.file("token", "first-token\n")
        headers = scene.file("headers", "# ours\nX-Scope-OrgID: shop\n")
        given = {"prometheus": door.url, "prometheus_ca": None, "prometheus_token": token}
        right = scene.settings(**given, prometheus_headers=headers)
        await accepted(right)
        scene.file("headers", "X-Scope-OrgID: another\n")
        assert "status 403" in (await refused(right)).detail
        scene.file("token", "a-wrong-token")
        fault = await refused(right)
        assert "status 401" in fault.detail
        found = await checked(right)
        assert "status 401" in found.lines[0]
        assert "‹secret›" in found.lines[0]
        assert "a-wrong-token" not in f"{fault.detail} {found.lines}"
