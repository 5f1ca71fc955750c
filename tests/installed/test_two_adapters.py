"""Installed together with the adapter that autoscalers used before: our server forwards its metrics."""

import json
from pathlib import Path

import pytest

from demo import faults, wait
from tests.apiservice import pki
from tests.installed import manifests, previous
from tests.installed import site as sites

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.long,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(900),
]

_THEIRS = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/default/{previous.METRIC}"
_LOST = _THEIRS.replace(previous.METRIC, "orders_lost")
_OURS = _THEIRS.replace(previous.METRIC, "requests_per_second?labelSelector=name%3Dcart")
_WITHIN = 120.0


async def _said(site: sites.Site, path: str) -> str:
    """Return the answer, or the reason why there is none."""
    try:
        return await site.kubectl("get", "--raw", path)
    except faults.DemoError as error:
        return str(error)


async def test_what_the_other_knows_is_had_through_us_until_it_goes_and_again_when_it_is_believed(
    site: sites.Site, tmp_path: Path
) -> None:
    authority, renewed = pki.authority("orders"), pki.authority("orders, renewed")
    trusted_cas = tmp_path / "ca.crt"
    trusted_cas.write_bytes(authority.pem)
    # The manifests contain the namespace; the user creates the ConfigMap before installing.
    await site.kubectl("create", "namespace", manifests.NAMESPACE)
    make = ("create", "configmap", "trafficmetrics-fallback", f"--namespace={manifests.NAMESPACE}")
    await site.kubectl(*make, f"--from-file={trusted_cas}")
    async with (
        previous.running(site, tmp_path / "other", authority=authority),
        site.installed(
            components=["autoscaling-fallback", "autoscaling-apis", "network-policy"],
            TRAFFIC_AUTOSCALING_FALLBACK=f"{previous.NAME}.{previous.NAMESPACE}",
        ),
    ):

        async def is_answered() -> bool:
            return "ExternalMetricValueList" in await _said(site, _THEIRS)

        await wait.until(is_answered, what="the other's metric through us", within=_WITHIN, pause=1)
        answer = json.loads(await _said(site, _THEIRS))
        assert answer["account"] == "system:serviceaccount:trafficmetrics:trafficmetrics-fallback"
        assert "orders knows nothing of" in await _said(site, _LOST)
        assert "Prometheus cannot be reached" in await _said(site, _OURS)

        # It has another authority now, which is not configured yet.
        async with previous.running(site, tmp_path / "other", authority=renewed):
            await site.kubectl("rollout", "restart", f"deployment/{previous.NAME}", "--namespace=queues")

            async def is_distrusted() -> bool:
                return "shows a certificate that is not trusted" in await _said(site, _THEIRS)

            await wait.until(is_distrusted, what="distrust", within=_WITHIN, pause=1)
            trusted_cas.write_bytes(renewed.pem)
            await site.kubectl("delete", *make[1:])
            await site.kubectl(*make, f"--from-file={trusted_cas}")
            # The kubelet takes up to a minute; the server reads it at once, without a restart.
            await wait.until(is_answered, what="trust in the renewed authority", within=_WITHIN, pause=1)
        reply = await _said(site, _THEIRS)
        assert f"Service {previous.NAMESPACE}/{previous.NAME}" in reply
        assert "cannot be reached" in reply
        assert "Prometheus cannot be reached" in await _said(site, _OURS)
