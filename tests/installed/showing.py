"""A cluster with everything in it, to look at: our server, its dashboard, and the demo mesh."""

from collections.abc import Callable
from pathlib import Path

from tests.installed import demo, site

_COMPONENTS = ("dashboard",)


async def run(folder: Path, *, name: str, report: Callable[[str], None]) -> None:
    """Until it is cancelled; then all of it is removed."""
    scratch = folder / "demo"
    scratch.mkdir(parents=True, exist_ok=True)
    async with site.made(state=folder, scratch=scratch, name=name, report=report) as here:
        report("installing the server, its dashboard and the demo")
        async with demo.running(here, scratch=scratch, components=_COMPONENTS):
            report(welcome(here.kubeconfig))
            await here.ground.watch()


def welcome(kubeconfig: Path) -> str:
    """The three things to try."""
    kubectl = f"kubectl --kubeconfig {kubeconfig}"
    return f"""
Try:
    {kubectl} get trafficmetrics -A
    {kubectl} -n trafficmetrics port-forward service/trafficmetrics-dashboard 8050
        and open http://127.0.0.1:8050/ with the token of
        {kubectl} -n trafficmetrics-demo create token visitor
    python -m demo scenario failing --kubeconfig {kubeconfig}

Ctrl-C ends it all."""
