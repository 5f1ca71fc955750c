"""For all restarts and failed scrapes, no request is invented and no request that a scrape saw is lost.

The simulator knows the true number of requests. A count covers the time from the last scrape at or
before the start of the window to the newest scrape in it. It may lack requests that no scrape saw, but
never has more.
"""

from __future__ import annotations

import dataclasses
import itertools
import math

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.metrics_server import counters

START, END = counters.START, counters.END
Target = counters.Target
count = counters.count
every = counters.every


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The times of requests, of process starts and of scrapes, in seconds."""

    events: list[float]
    births: list[float]
    scrapes: list[float]
    flush: float

    def process(self, time: float) -> float:
        """Return the start time of the process that runs at this time."""
        return max(birth for birth in self.births if birth <= time)

    def age(self, time: float) -> float:
        return time - self.process(time)

    def restarts_show(self) -> bool:
        """Return whether the first scrape after each restart has a lower age than the scrape before it."""
        return all(
            self.process(earlier) == self.process(later) or self.age(later) < self.age(earlier)
            for earlier, later in itertools.pairwise(self.scrapes)
        )

    def truth(self, after: float, until: float) -> int:
        return sum(after < event <= until for event in self.events)

    def scraped(self) -> Target:
        values = [(time, float(self.truth(self.process(time), time))) for time in self.scrapes]
        ages = []
        for time, _ in values:
            age = self.age(time)
            ages.append((time, float(age if not self.flush else age // self.flush * self.flush)))
        return Target(
            ages=ages,
            scraped=min(self.scrapes, default=math.inf),
            series=[[(time, value) for time, value in values if value]],
        )


@st.composite
def worlds(draw: st.DrawFn, *, restarts: bool, gaps: bool, flush: float, begins: float = 900.0) -> World:
    interval = draw(st.sampled_from([1.0, 5.0, 10.0]))
    offset = interval * draw(st.floats(0, 0.99))
    births = [begins]
    if restarts:
        births += sorted(draw(st.lists(st.floats(970, 1029), min_size=1, max_size=2, unique=True)))
    # Raw samples reach back to two intervals before the window.
    scrapes = [t + offset for t in every(interval, START - 2 * interval, END) if t + offset <= END]
    if gaps and scrapes:
        first = draw(st.just(0) | st.integers(0, len(scrapes)))
        del scrapes[first : first + draw(st.integers(0, len(scrapes) - 1))]
    events = sorted(draw(st.lists(st.floats(begins, 1030, exclude_min=True), max_size=60)))
    return World(events=events, births=births, scrapes=[t for t in scrapes if t > births[0]], flush=flush)


@settings(deadline=None, max_examples=60)
@given(worlds(restarts=False, gaps=False, flush=0.0))
def test_without_restarts_and_gaps_the_count_is_the_truth_between_scrapes(world: World) -> None:
    (counted,) = count(world.scraped())
    before = max(time for time in world.scrapes if time <= START)
    if math.isnan(counted):
        assert world.truth(0, world.scrapes[-1]) == 0
    else:
        assert counted == world.truth(before, world.scrapes[-1])


@settings(deadline=None, max_examples=80)
@given(worlds(restarts=True, gaps=True, flush=0.0))
def test_nothing_is_invented_whatever_restarts_and_gaps_there_are(world: World) -> None:
    (counted,) = count(world.scraped())
    inside = [time for time in world.scrapes if START < time <= END]
    if math.isnan(counted):
        return
    before = max((time for time in world.scrapes if time <= START), default=START)
    assert 0 <= counted <= world.truth(before, inside[-1])


@settings(deadline=None, max_examples=60)
@given(worlds(restarts=True, gaps=True, flush=5.0))
def test_nothing_is_invented_when_the_age_lags_by_a_flush_interval(world: World) -> None:
    (counted,) = count(world.scraped())
    inside = [time for time in world.scrapes if START < time <= END]
    if math.isnan(counted):
        return
    before = max((time for time in world.scrapes if time <= START), default=START - world.flush)
    assert 0 <= counted <= world.truth(before, inside[-1])


@settings(deadline=None, max_examples=200)
@given(worlds(restarts=False, gaps=True, flush=0.0))
def test_with_gaps_all_is_counted_that_two_scrapes_saw_happen_and_nothing_else(world: World) -> None:
    """This includes worlds in which the first scrape failed or a series appeared later."""
    (counted,) = count(world.scraped())
    if not math.isnan(counted):
        begin = max((time for time in world.scrapes if time <= START), default=world.scrapes[0])
        assert counted == world.truth(begin, world.scrapes[-1])


@settings(deadline=None, max_examples=60)
@given(worlds(restarts=True, gaps=False, flush=0.0))
def test_a_restart_loses_only_what_no_scrape_saw(world: World) -> None:
    """Worlds in which the age hides a restart are left out: two restarts about one interval apart."""
    assume(world.restarts_show())
    (counted,) = count(world.scraped())
    before = max(time for time in world.scrapes if time <= START)
    edges = [before, *(time for time in world.scrapes if time > before)]
    unseen = sum(
        world.truth(earlier, birth)
        for birth in world.births[1:]
        for earlier in [max((time for time in edges if time < birth), default=birth)]
        if earlier < birth <= edges[-1]
    )
    truth = world.truth(before, edges[-1])
    assert truth - unseen <= (0.0 if math.isnan(counted) else counted) <= truth


@settings(deadline=None, max_examples=60)
@given(worlds(restarts=False, gaps=False, flush=0.0, begins=1003.0))
def test_a_new_pod_counts_everything_up_to_its_newest_scrape(world: World) -> None:
    if not world.scrapes:
        return
    (counted,) = count(world.scraped())
    assert (0.0 if math.isnan(counted) else counted) == world.truth(0, world.scrapes[-1])
