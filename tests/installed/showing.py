"""A whole cluster to look at: our server, its dashboard, and the demo mesh."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from demo.pods import reach
from tests.installed import demo, manifests, site

_COMPONENTS = ("dashboard",)
_DASHBOARD_WITHIN = "120s"


async def run(folder: Path, *, name: str, report: Callable[[str], None]) -> None:
    """Runs until it is cancelled; then everything is removed."""
    scratch = folder / "demo"
    scratch.mkdir(parents=True, exist_ok=True)
    async with (
        site.made(state=folder, scratch=scratch, name=name, report=report) as here,
        everything(here, scratch=scratch, report=report),
    ):
        await here.ground.watch()


@contextlib.asynccontextmanager
async def everything(
    here: site.Site,
    *,
    scratch: Path,
    report: Callable[[str], None],
    components: Sequence[str] = (),
    policy: str | None = None,
    **settings: str,
) -> AsyncIterator[reach.Mesh]:
    """Everything in an existing cluster, until the block is left; the block begins when it can be used.

    `components` are additional ones, `settings` the server's: TRAFFIC_…
    """
    report("installing the server, its dashboard and the demo")
    parts = (*_COMPONENTS, *components)
    async with demo.running(here, scratch=scratch, components=parts, policy=policy, **settings) as mesh:
        there = ("rollout", "status", "deployment/trafficmetrics-dashboard")
        await here.kubectl(*there, f"--namespace={manifests.NAMESPACE}", f"--timeout={_DASHBOARD_WITHIN}")
        report(welcome(here.kubeconfig))
        yield mesh


def welcome(kubeconfig: Path) -> str:
    """The text with three commands to try."""
    kubectl = f"kubectl --kubeconfig {kubeconfig}"
    return f"""
Try:
    {kubectl} get trafficmetrics -A
    {kubectl} -n trafficmetrics port-forward service/trafficmetrics-dashboard 8050
        and open http://127.0.0.1:8050/ with the token of
        {kubectl} -n trafficmetrics-demo create token visitor
    python -m demo scenario failing --kubeconfig {kubeconfig}

Ctrl-C ends it all."""
