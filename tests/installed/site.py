"""A cluster that has our images, and how to install into it."""

import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from demo import faults, wait
from tests.cluster import commands
from tests.installed import ground, images, manifests

API_SERVICE = "v1alpha1.metrics.smi-spec.io"
_TRAFFIC = "/apis/metrics.smi-spec.io/v1alpha1"
_WITHIN = 60.0
"""Seconds until what is installed answers."""
_NO_PROMETHEUS = "http://prometheus.nowhere.svc:9090"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    ground: ground.Ground
    scratch: Path

    @property
    def kubeconfig(self) -> Path:
        return self.ground.kubeconfig

    @property
    def _overlay(self) -> Path:
        return self.scratch / "overlay"

    async def kubectl(self, *arguments: str) -> str:
        """Return the output; raise a `DemoError` with the end of the error output."""
        return await commands.kubectl(self.kubeconfig, *arguments)

    async def objects(self, *arguments: str) -> list[Mapping[str, Any]]:
        """The items of `kubectl get …`."""
        listed = json.loads(await self.kubectl("get", *arguments, "--output=json"))
        items: list[Mapping[str, Any]] = listed["items"]
        return items

    @contextlib.asynccontextmanager
    async def installed(
        self,
        *,
        components: Sequence[str] = (),
        prometheus: str = _NO_PROMETHEUS,
        policy: str | None = None,
        **settings: str,
    ) -> AsyncIterator[None]:
        """Install our manifests until the block is left; it begins once the API answers. `settings`:
        TRAFFIC_…
        """
        given = {"TRAFFIC_PROMETHEUS": prometheus, **settings}
        folder = manifests.overlay(self._overlay, components=components, settings=given, policy=policy)
        try:
            await self.kubectl("apply", f"--kustomize={folder}")
            await self.until_it_answers()
            yield
        finally:
            await self.kubectl("delete", "--ignore-not-found", "--wait", f"--kustomize={folder}")

    async def decide(self, policy: str) -> None:
        """Apply the same manifests again with this policy. The pods read it some time later."""
        (self._overlay / manifests.POLICY).write_text(policy)
        await self.kubectl("apply", f"--kustomize={self._overlay}")

    async def until_it_answers(self, group: str = _TRAFFIC, *, within: float = _WITHIN) -> None:
        """Wait until an API of ours answers through the kube-apiserver. Available does not show it: its probe
        does not verify TLS. `within` in seconds.
        """

        async def answers() -> bool:
            try:
                await self.kubectl("get", "--raw", group)
            except faults.DemoError:
                return False
            return True

        await wait.until(answers, what=f"{group} in the cluster", within=within, pause=0.25)


@contextlib.asynccontextmanager
async def made(
    *, state: Path, scratch: Path, name: str, report: Callable[[str], None]
) -> AsyncIterator[Site]:
    """A cluster with our images until the block is left."""
    async with ground.found(state=state, name=name, report=report) as here:
        for image in images.OURS:
            await here.import_image(await images.archive(image, report=report))
        yield Site(ground=here, scratch=scratch)
