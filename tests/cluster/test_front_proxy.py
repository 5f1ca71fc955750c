"""The front proxy's authority is replaced: the kube-apiserver restarts with another one, and is trusted.

The new authority has the name of the old one, as most have; the kube-apiserver publishes both for a while.
"""

import datetime
import logging
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from demo import wait
from tests.cluster import certificates, cluster, replicas

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(3600)]

_WITHIN = 90.0
_REFUSED = "TLS ended with a client whose certificate was refused"
_PRESENTED = "presented: subject 'CN=front-proxy-client', issuer 'CN=front-proxy-ca'"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(
    control_plane: cluster.Cluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[replicas.Site]:
    scratch = tmp_path_factory.mktemp("served")
    where = await replicas.site(control_plane)
    await where.kubectl(
        *("create", "clusterrolebinding", "replicas", "--clusterrole=cluster-admin"),
        "--serviceaccount=default:replicas",
    )
    await where.apply(scratch, where.objects())
    async with replicas.serve(where, folder=scratch):
        await wait.until(where.is_available, what="the aggregated API", within=_WITHIN)
        yield where


def _others(where: replicas.Site, folder: Path) -> certificates.Files:
    made = certificates.Files(folder)
    certificates.write(made, place=where.running.place, now=datetime.datetime.now(datetime.UTC))
    return made


def _take(where: replicas.Site, others: certificates.Files, name: str) -> None:
    for found in (others.certificate(name), others.key(name)):
        shutil.copyfile(found, where.running.files.folder / found.name)


async def test_a_stranger_is_refused_by_name_until_its_authority_is_published(
    served: replicas.Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    others = _others(served, tmp_path / "pki")
    async with served.running.without_api_server():
        _take(served, others, "front-proxy")

    async def is_refused() -> bool:
        return not await served.is_available() and _PRESENTED in caplog.text

    await wait.until(is_refused, what="the refusal", within=_WITHIN)
    assert _REFUSED in caplog.text
    assert "the front proxy is certified by CN=front-proxy-ca" in caplog.text
    caplog.clear()

    async with served.running.without_api_server():
        _take(served, others, "front-proxy-ca")
    began = time.monotonic()
    await wait.until(served.is_available, what="the aggregated API", within=_WITHIN)
    print(f"answers again {time.monotonic() - began:.1f} s after the kube-apiserver was ready")
