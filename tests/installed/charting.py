"""Our chart, installed by the real helm."""

import contextlib
from collections.abc import AsyncIterator, Mapping

from tests.cluster import commands
from tests.deploy import rendering
from tests.installed import manifests
from tests.installed import site as sites

_RELEASE = "trafficmetrics"


@contextlib.asynccontextmanager
async def installed(site: sites.Site, values: Mapping[str, str]) -> AsyncIterator[None]:
    """Install the chart until the block is left; then its namespace is deleted, too."""
    await _helm(site, "install", str(rendering.CHART), "--create-namespace", *_set(values))
    try:
        yield
    finally:
        await _helm(site, "uninstall", "--wait")
        await site.kubectl("delete", "namespace", manifests.NAMESPACE, "--wait")


async def upgrade(site: sites.Site, values: Mapping[str, str]) -> None:
    """With these values and no others."""
    await _helm(site, "upgrade", str(rendering.CHART), *_set(values))


async def _helm(site: sites.Site, verb: str, *more: str) -> None:
    where = (f"--kubeconfig={site.kubeconfig}", f"--namespace={manifests.NAMESPACE}")
    await commands.output(str(rendering.HELM), verb, _RELEASE, *more, *where)


def _set(values: Mapping[str, str]) -> list[str]:
    return [f"--set={name}={value}" for name, value in values.items()]
