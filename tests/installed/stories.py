"""What an autoscaler on mesh traffic is for, as stories that a test demands and a person can watch.

Each returns what it has shown, in one sentence, and raises a `DemoError` where something else came.
"""

from collections.abc import Callable

from demo import faults, kiosk
from tests.installed import autoscalers, timeline
from tests.installed import kiosk as kiosks

PER_POD = 9.5
"""Requests a second. 8.5 are one pod's work, 24.5 that of three, whatever chance adds to either."""
TOLERANCE = 1.1
"""An autoscaler leaves what is within a tenth of its target."""
SOON = 90.0
"""Seconds; on an idle machine it takes a third."""
RPS = autoscalers.per_pod("requests_per_second", average=f"{PER_POD * 1000:.0f}m")
EDGE = autoscalers.external(
    "requests_per_second",
    average=f"{PER_POD * 1000:.0f}m",
    **{"from": kiosk.FRONTEND.name, "to": kiosk.CHECKOUT.name},
)


async def pods(stage: kiosks.Stage, *, report: Callable[[str], None]) -> str:
    """(a) As many pods as their requests need, and no more."""
    name = kiosk.CHECKOUT.name
    async with (
        stage.autoscaled(autoscalers.autoscaler([RPS])),
        timeline.recorded(stage, name, letter="a", report=report) as line,
    ):
        await settled(line, replicas=1)
        line.mark("surge: three times the requests from outside")
        await stage.turn("surge")
        await line.until(lambda row: row.seen.desired >= 3, what="a third pod wanted", within=SOON)
        enough = await line.until(
            lambda row: row.seen.ready >= 3 and at_most(row.value, PER_POD * TOLERANCE),
            what="each pod's rate at its target",
            within=SOON,
        )
        line.mark("quiet: no requests at all")
        await stage.turn("quiet")
        await line.until(
            lambda row: (row.seen.desired, row.seen.ready) == (1, 1), what="one pod", within=SOON
        )
    return f"1 pod → {enough.seen.ready} with {enough.value:.1f} requests/s each → 1 pod"


async def edge(stage: kiosks.Stage, *, report: Callable[[str], None]) -> str:
    """(c) What one caller asks decides alone."""
    name = kiosk.CHECKOUT.name
    async with (
        stage.autoscaled(autoscalers.autoscaler([EDGE])),
        timeline.recorded(stage, name, letter="c", report=report) as line,
    ):
        await settled(line, replicas=1)
        begin = line.mark("reports: the other caller asks twenty times as often")
        await stage.turn("reports")
        await line.until(
            lambda row: row.load[kiosk.REPORT.name] > 7, what="the other caller's load", within=SOON
        )
        await stage.until_told(lambda rate: rate > 15, what="all requests to checkout in the API")
        await stage.looked_at()
        others = line.rows[begin:]
        if {row.seen.desired for row in others} != {1}:
            raise faults.DemoError(f"the other caller's load changed the number of pods:\n{line.text()}")
        line.mark("surge: three times the requests from outside, through frontend")
        await stage.turn("surge")
        more = await line.until(
            lambda row: row.seen.desired >= 3 and row.seen.ready >= 3, what="three pods", within=SOON
        )
    total = max(sum(row.load.values()) for row in others)
    return (
        f"1 pod at {total:.0f} requests/s, since frontend sent 8 of them; {more.seen.ready} when it sent 24"
    )


async def settled(line: timeline.Timeline, *, replicas: int) -> None:
    """The autoscaler reads its metrics, and is content with so many pods."""
    await line.until(
        lambda row: (
            not row.seen.trouble
            and bool(row.seen.values)
            and (row.seen.desired, row.seen.ready) == (replicas, replicas)
        ),
        what=f"an autoscaler content with {replicas}",
        within=SOON,
    )


def at_most(value: float | None, most: float) -> bool:
    return value is not None and value <= most
