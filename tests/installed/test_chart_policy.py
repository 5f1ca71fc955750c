"""The chart with a policy in a ConfigMap of the user's, as docs/install.md describes, over real traffic."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from demo import runner
from tests.cluster import cluster
from tests.fakes import unreliable
from tests.installed import charting, ground, manifests, mistakes
from tests.installed import demo as demos
from tests.installed import site as sites
from tests.truth import span

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.mesh,
    pytest.mark.go,
    pytest.mark.usefixtures("helm"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(900),
]

_QUIET = f"--namespace={manifests.NAMESPACE}"
_POLICY = "trafficmetrics-policy"
_SERVER = "deployment/trafficmetrics"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def source(site: sites.Site, mesh: runner.Mesh) -> AsyncIterator[unreliable.Unreliable]:
    if not isinstance(site.ground, cluster.Cluster | ground.Running):
        pytest.skip("from pods of a cluster of somebody else the mesh on this machine is not reached")
    async with unreliable.standing(mesh.prometheus_url, host=site.ground.place.host) as standing:
        yield standing


async def test_the_chart_reads_a_policy_and_another_one_after_a_restart(
    site: sites.Site, mesh: runner.Mesh, source: unreliable.Unreliable, tmp_path: Path
) -> None:
    file = tmp_path / manifests.POLICY
    make = ("create", "configmap", _POLICY, f"--from-file={file}", _QUIET)
    file.write_text(mistakes.strict("shop"))
    await site.kubectl("create", "namespace", manifests.NAMESPACE)
    await site.kubectl(*make)
    api = demos.Api(site)
    values = {"prometheus.url": source.url, "policy.configMap": _POLICY, "settings.refresh": "0.2"}
    async with charting.installed(site, values), span.quiet(mesh) as over:
        await mistakes.make(mesh)
        await site.until_it_answers()
        await mistakes.until(api, over, shop=mistakes.FAILURES, data=mistakes.SUCCESSES)
        file.write_text(mistakes.strict("data"))
        await site.kubectl("delete", "configmap", _POLICY, _QUIET)
        await site.kubectl(*make)
        await site.kubectl("rollout", "restart", _SERVER, _QUIET)
        await site.kubectl("rollout", "status", _SERVER, _QUIET, "--timeout=120s")
        await mistakes.until(api, over, shop=mistakes.SUCCESSES, data=mistakes.FAILURES)
