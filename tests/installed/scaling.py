"""The autoscaler's loop, to watch: a whole cluster, two stories, and a verdict."""

from collections.abc import Callable
from pathlib import Path

from demo import faults
from tests.installed import kiosk, site, stories

_STORIES = (stories.pods, stories.edge)


async def run(folder: Path, *, name: str, report: Callable[[str], None]) -> None:
    """Raises a `DemoError` if a story did not succeed. At the end, everything is removed."""
    scratch = folder / "autoscale"
    scratch.mkdir(parents=True, exist_ok=True)
    shown: list[str] = []
    async with site.made(state=folder, scratch=scratch, name=name, report=report) as here:
        report("installing the server, its autoscaling APIs, and a mesh to scale")
        async with kiosk.running(here, scratch=scratch) as stage:
            for story in _STORIES:
                title = str(story.__doc__)
                report(f"\n{title}")
                try:
                    shown.append(f"{title}  TRUE: {await story(stage, report=report)}")
                except faults.DemoError as error:
                    raise faults.DemoError(f"{title}  NOT TRUE: {error}") from error
            report("\n" + "\n".join(shown) + "\nThe timelines are in .artifacts/autoscaling/.\n")
