"""A serving certificate that the servers create and renew, behind a real kube-apiserver."""

import asyncio
import base64
import contextlib
import dataclasses
import json
import logging
import logging.handlers
import queue
import re
import shlex
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from cryptography import x509

from apiservice.tls import rotation, secret_store
from demo import wait
from tests.cluster import cluster, replicas

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(3600)]

_WITHIN = 60.0
_SHORT = rotation.CertificatePolicy(
    name=replicas.NAME, hosts=replicas.HOSTS, life=timedelta(seconds=120), use=0.1
)
_BRISK = secret_store.RotationTimes(every=1.0, settle=5.0)
_HINT = re.compile(r"allow it with: (.+)$")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare(control_plane: cluster.Cluster) -> replicas.Site:
    return await replicas.site(control_plane)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(bare: replicas.Site, tmp_path_factory: pytest.TempPathFactory) -> replicas.Site:
    """The account has the rights that the hints of the servers name, and no others."""
    scratch = tmp_path_factory.mktemp("site")
    await bare.apply(scratch, bare.objects())
    await bare.kubectl(
        *("create", "rolebinding", "--namespace=kube-system", "replicas-auth-reader"),
        *("--role=extension-apiserver-authentication-reader", "--serviceaccount=default:replicas"),
    )
    with pytest.raises(secret_store.NoSecret, match=replicas.ACCOUNT) as refusal:
        async with replicas.serve(bare, folder=scratch, pace=secret_store.RotationTimes(patience=0.0)):
            raise AssertionError("it has no certificate")
    await _allow(bare, str(refusal.value))
    with _heard("apiservice.tls.ca_bundle") as warnings:
        async with replicas.serve(bare, folder=scratch, policy=_SHORT):
            assert await _bundle(bare) == b""
    await _allow(bare, warnings.get_nowait().getMessage())
    return bare


@contextlib.contextmanager
def _heard(name: str) -> Iterator["queue.SimpleQueue[logging.LogRecord]"]:
    """Collect the warnings that are logged in the block."""
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    handler = logging.handlers.QueueHandler(records)
    logging.getLogger(name).addHandler(handler)
    try:
        yield records
    finally:
        logging.getLogger(name).removeHandler(handler)


async def _allow(where: replicas.Site, complaint: str) -> None:
    """Run the commands of the hint."""
    hint = _HINT.search(complaint)
    assert hint is not None
    for command in hint[1].split(" && "):
        program, *arguments = shlex.split(command)
        assert program == "kubectl"
        await where.kubectl(*arguments)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(
    site: replicas.Site, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[replicas.Site]:
    """Two servers run, with a short-lived certificate."""
    scratch = tmp_path_factory.mktemp("served")
    async with contextlib.AsyncExitStack() as stack:
        for name in ("a", "b"):
            one = replicas.serve(site, folder=scratch / name, policy=_SHORT, pace=_BRISK)
            await stack.enter_async_context(one)
        await wait.until(site.is_available, what="the aggregated API", within=_WITHIN)
        yield site


@dataclasses.dataclass(slots=True)
class Asked:
    """The results of continuous requests."""

    well: int = 0
    failures: list[str] = dataclasses.field(default_factory=list)


@contextlib.asynccontextmanager
async def _asking(where: replicas.Site) -> AsyncIterator[Asked]:
    """Send requests through the kube-apiserver until the block is left."""
    files, found = where.running.files, Asked()
    tls = ssl.create_default_context(cafile=str(files.certificate("ca")))
    tls.load_cert_chain(files.certificate("admin"), files.key("admin"))
    url = where.running.place.server + replicas.WHO

    async def ask(http: aiohttp.ClientSession) -> None:
        while True:
            async with http.get(url) as response:
                body = await response.text()
            if response.status == 200 and json.loads(body)["user"] == "kubernetes-admin":
                found.well += 1
            else:
                found.failures.append(f"{response.status} {body}")
            await asyncio.sleep(0.02)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as http:
        asking = [asyncio.create_task(ask(http)) for _ in range(2)]
        try:
            yield found
        finally:
            for each in asking:
                each.cancel()
            ended = await asyncio.gather(*asking, return_exceptions=True)
            assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended


async def _secret(where: replicas.Site) -> dict[str, str]:
    found: dict[str, str] = json.loads(
        await where.kubectl("get", "secret", replicas.SECRET, "--output=json")
    ).get("data", {})
    return found


async def _bundle(where: replicas.Site) -> bytes:
    path = "--output=jsonpath={.spec.caBundle}"
    return base64.b64decode(await where.kubectl("get", "apiservice", replicas.API_SERVICE, path))


async def _another_is_used(where: replicas.Site, *, than: str) -> str:
    """Returns once all servers use a certificate that was announced before."""

    async def is_used() -> bool:
        found = (await _secret(where)).get("tls.crt", than)
        return found != than

    await wait.until(is_used, what="another certificate", within=2 * _WITHIN, pause=0.5)
    return (await _secret(where))["tls.crt"]


async def test_renewal_fails_no_request(served: replicas.Site) -> None:
    async with _asking(served) as asked:
        used = [(await _secret(served))["tls.crt"]]
        for _ in range(3):
            used.append(await _another_is_used(served, than=used[-1]))
        enough = asked.well + 50

        async def is_enough() -> bool:
            return asked.well >= enough

        await wait.until(is_enough, what="requests after the last renewal", within=_WITHIN)
    print(f"{asked.well} requests, {len(asked.failures)} failed, through {len(set(used)) - 1} renewals")
    assert asked.failures == []
    assert len(set(used)) == 4
    assert len(x509.load_pem_x509_certificates(await _bundle(served))) >= 2


async def test_an_emptied_secret_is_filled_and_fails_no_request(served: replicas.Site) -> None:
    before = (await _secret(served))["tls.crt"]
    async with _asking(served) as asked:
        await served.kubectl("patch", "secret", replicas.SECRET, "--type=merge", '--patch={"data": null}')
        after = await _another_is_used(served, than=before)
        enough = asked.well + 50

        async def is_enough() -> bool:
            return asked.well >= enough

        await wait.until(is_enough, what="requests after that", within=_WITHIN)
    assert asked.failures == []
    assert after != before


async def test_an_api_service_made_again_is_trusted_again_within_seconds(
    served: replicas.Site, tmp_path: Path
) -> None:
    await served.kubectl("delete", "apiservice", replicas.API_SERVICE)
    await served.apply(tmp_path, served.objects())
    began = time.monotonic()
    await wait.until(served.is_available, what="the aggregated API", within=_WITHIN)
    print(f"answers again {time.monotonic() - began:.1f} s after the APIService was made again")
    assert await _bundle(served)
