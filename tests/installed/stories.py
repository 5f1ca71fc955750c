"""What an autoscaler on mesh traffic can do, as stories that a test runs and a person can watch.

Each returns its result in one sentence, and raises a `DemoError` if the result is another one.
"""

from collections.abc import Callable

from demo import faults, kiosk
from tests.installed import autoscalers, timeline
from tests.installed import kiosk as kiosks

PER_POD = 9.5
"""Requests a second. One pod is enough for 8.5, three for 24.5, including random differences."""
TOLERANCE = 1.1
"""An autoscaler does not react within a tenth of its target."""
SOON = 90.0
"""Seconds; an idle machine needs a third of it."""
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
    """(c) The requests of one caller alone decide."""
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
    """The autoscaler reads its metrics, and keeps this number of pods."""
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
