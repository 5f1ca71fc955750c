"""Every kind of credential, right, wrong and replaced, in front of a real Prometheus that demands it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from demo import processes, wait
from metrics_server import check, faults, presenting, prometheus, settings
from tests import loops, serving
from tests.apiservice import pki
from tests.metrics_server import doorman, guarded_prometheus, recording

FIRST, SECOND = guarded_prometheus.PASSWORDS
AUTHORITY, NEXT = pki.authority("first"), pki.authority("second")
replace = guarded_prometheus.replace


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, other_subnet: str
) -> Iterator[guarded_prometheus.Guarded]:
    folder, host = tmp_path_factory.mktemp("guarded"), f"{other_subnet}.77"
    identity = AUTHORITY.issue(host=host, usages=(pki.SERVER,))
    with loops.entered(guarded_prometheus.running(folder, host=host, identity=identity)) as guarded:
        yield guarded


class Scene:
    """The Prometheus, and files of credentials that would be right as long as it demands nothing."""

    def __init__(self, guarded: guarded_prometheus.Guarded, folder: Path) -> None:
        self.guarded = guarded
        self.folder = folder
        self.ca = self.file("ca.crt", AUTHORITY.pem)

    def file(self, name: str, content: bytes | str) -> Path:
        return replace(self.folder / name, content)

    def pair(self, identity: pki.Identity) -> dict[str, Path]:
        return {
            "prometheus_certificate": self.file("tls.crt", identity.pem),
            "prometheus_key": self.file("tls.key", identity.key_pem),
        }

    def password(self, word: str) -> dict[str, Any]:
        return {
            "prometheus_username": guarded_prometheus.USER,
            "prometheus_password": self.file("password", word + "\n"),
        }

    def settings(self, **given: Any) -> settings.Settings:
        given = {"prometheus": self.guarded.url, "prometheus_ca": self.ca} | given
        return settings.load(**given)


@pytest_asyncio.fixture
async def scene(shared: guarded_prometheus.Guarded, tmp_path: Path) -> AsyncIterator[Scene]:
    shared.show(AUTHORITY.issue(host=shared.host, usages=(pki.SERVER,)))
    shared.demand()
    made = Scene(shared, tmp_path)
    async with client(made.settings()) as asking:

        async def answers() -> bool:
            with contextlib.suppress(faults.Unavailable):
                return [list(one) for one in await asking.ask(["envoy_server_uptime"], at=now())] != [[]]
            return False

        await wait.until(answers, what="the guarded Prometheus", within=30)
    yield made


def now() -> float:
    return time.time()


@contextlib.asynccontextmanager
async def client(chosen: settings.Settings) -> AsyncIterator[prometheus.Prometheus]:
    asking = prometheus.Prometheus(
        chosen.prometheus,
        observer=recording.Deaf(),
        presenting=presenting.current(chosen),
        patience=prometheus.Patience(connect=5.0, doubt=20.0, probe=5.0, answer=30.0),
    )
    try:
        yield asking
    finally:
        await asking.close()


async def refused(chosen: settings.Settings) -> faults.Unavailable:
    async with client(chosen) as asking:
        with pytest.raises(faults.Unavailable) as fault:
            await asking.ask(["vector(1)"], at=now())
    print(fault.value.message, "|", fault.value.detail)
    return fault.value


async def checked(chosen: settings.Settings) -> check.Report:
    report = await asyncio.to_thread(
        check.run,
        chosen.prometheus,
        profiles=None,
        window="30s",
        namespace=None,
        shown=presenting.current(chosen)(),
    )
    print("\n".join(report.lines))
    return report


async def accepted(chosen: settings.Settings) -> None:
    async with client(chosen) as asking:
        (answer,) = await asking.ask(["vector(1)"], at=now())
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
    assert f"status 401; presented was user 'reader' with the password in {scene.folder}" in fault.detail
    report = await checked(chosen)
    assert not report.healthy
    assert "status 401" in report.lines[0]
    assert "wrong-password" not in f"{fault.detail} {report.lines}"
    assert "presented was nothing" in (await refused(scene.settings())).detail


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
        report = await checked(right)
        assert "status 401" in report.lines[0]
        assert "‹secret›" in report.lines[0]
        assert "a-wrong-token" not in f"{fault.detail} {report.lines}"


# The server as a process, while what it must present is replaced


class Reading:
    """Reads from a running server without end, and keeps the answers' statuses in their order."""

    def __init__(self, api: serving.Api) -> None:
        self._api = api
        self.statuses: list[int] = []
        self.last: Any = None

    async def for_ever(self) -> None:
        while True:
            status, self.last = await self._api.ask("/namespaces/shop/pods")
            self.statuses.append(status)

    async def more(self, *, status: int = 200, count: int = 3) -> None:
        """Until so many further answers in a row had this status."""
        begin = len(self.statuses)

        async def seen() -> bool:
            assert len(self.statuses) < begin + 1000
            return len(self.statuses) >= begin + count and set(self.statuses[-count:]) == {status}

        await wait.until(seen, what=f"{count} answers with {status}", within=60)


@contextlib.asynccontextmanager
async def reading(folder: Path, **given: Any) -> AsyncIterator[Reading]:
    """A server that asks Prometheus for nearly every answer, read from all the time."""
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
        # As it is done: both are believed before either changes, and the old one goes last.
        scene.file("ca.crt", AUTHORITY.pem + NEXT.pem)
        guarded.demand(clients=AUTHORITY.pem + NEXT.pem)
        await read.more()
        guarded.show(NEXT.issue(host=host, usages=(pki.SERVER,)))
        identity = NEXT.issue("server")
        scene.file("tls.crt", identity.pem)
        await read.more()  # with a certificate and a key that do not belong together
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
    assert f"{scene.folder / 'tls.crt'} and {scene.folder / 'tls.key'} are no certificate in PEM" in said
    assert f"{scene.ca} holds no certificates in PEM, or not all of one" in said


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
    assert "status 401; presented was user 'reader' with the password in" in said
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
    assert "it is empty; it should hold a token" in said
    assert "line 1 has no colon" in said
    assert "market" not in said
    assert "-token" not in said.replace("--prometheus-token", "")
