"""Which answers are right for pods that are replaced, given the times of their scrapes.

The rule. An object has a time (`timestamp`, the newest scrape that was used) and a
window. A pod's count must be exactly what it counted between two of its scrapes: one of the last few
before the timestamp, and one of the last few before the window began; of a pod that is younger than that,
from zero. Several pairs of scrapes qualify, because a scrape that is under way may be known or not, if the
time between them is the window, plus or minus one scrape interval. Each pair gives a known whole number, and
no other number is right. The count of several pods must be between the sums of their least and greatest
counts.

A rate is such a count divided by the seconds between the two scrapes, plus or minus one: scrapes are stored
with the time at which they began, and a proxy reports its start time in whole seconds. If a proxy was
restarted within the window, its rate may cover the time since then only.

While Prometheus was down within the window a count may be lower, as nothing is made up after a gap; it may
never be higher.
"""

import bisect
import dataclasses
from collections.abc import Iterable, Sequence

from bench import churn

_LATE = 2.5
"""Seconds by which what is known at a time may differ: a scrape under way, a timestamp without fractions."""
_SOME = 3
"""Scrapes that may be the last before a moment: failed ones are not known here."""
_SECONDS = 1.1
"""The possible error of the seconds between two scrapes: see above."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The time and the window of an object's figures."""

    timestamp: float
    window: float

    @property
    def since(self) -> float:
        return self.timestamp - self.window


class Oracle:
    """Knows the scrapes of every pod. `down` are the times when Prometheus was down, with a margin."""

    def __init__(self, churning: churn.Churn) -> None:
        self._churning = churning
        self._scrapes: dict[tuple[int, int], list[float]] = {}
        self.down: list[tuple[float, float]] = []

    def scraped(self, scrapes: Iterable[tuple[int, int, float]]) -> None:
        for number, nth, at in scrapes:
            self._scrapes.setdefault((number, nth), []).append(at)

    def forget(self, before: float) -> None:
        """Forget pods that were not scraped since."""
        for key in [key for key, times in self._scrapes.items() if times[-1] < before]:
            del self._scrapes[key]

    def covered(self, life: churn.Life, stream: int, reply: churn.Counts, of: Answer) -> float | None:
        """Return over how many seconds a pod counted the reported number; None if it is wrong."""
        may = self._may(life, stream, of)
        right = [seconds for counts, seconds in may if counts == reply]
        if not right and self._had_a_gap(of):
            right = [seconds for (good, bad), seconds in may if reply[0] <= good and reply[1] <= bad]
        return min(right, key=lambda seconds: abs(seconds - of.window), default=None)

    def was_there(self, life: churn.Life, of: Answer) -> bool:
        """Whether a pod was scraped before the window, and is scraped to its end."""
        times = self._times(life)
        return bool(times) and times[0] < of.since - _LATE and times[-1] > of.timestamp

    def rate_is_right(self, life: churn.Life, stream: int, reply: float, of: Answer) -> bool:
        may = [*self._may(life, stream, of), *self._since_restart(life, stream, of)]
        gap = self._had_a_gap(of)
        for counts, seconds in may:
            if seconds <= 0:
                continue
            least, most = (sum(counts) / max(0.1, seconds + some) for some in (_SECONDS, -_SECONDS))
            if (gap or least <= reply) and reply <= most:
                return True
        return False

    def _since_restart(self, life: churn.Life, stream: int, of: Answer) -> list[tuple[churn.Counts, float]]:
        """Return what a proxy that was restarted within the window has counted since."""
        times = [at for at in self._times(life) if at <= of.timestamp + _LATE][-_SOME:]
        begun = [(at, churn.process(life, at)) for at in times]
        return [
            (churn.counted(life, stream, at), at - since) for at, since in begun if since > of.since - _LATE
        ]

    def sum_is_right(self, lives: Iterable[churn.Life], stream: int, reply: churn.Counts, of: Answer) -> bool:
        """Whether the sum of several pods is right; each may count from one scrape or the other."""
        least, most = [0, 0], [0, 0]
        for life in lives:
            may = [counts for counts, _ in self._may(life, stream, of)]
            for kind in (0, 1):
                every = [counts[kind] for counts in may]
                least[kind] += min(every, default=0)
                most[kind] += max(every, default=0)
        gap = self._had_a_gap(of)
        return all((gap or least[kind] <= reply[kind]) and reply[kind] <= most[kind] for kind in (0, 1))

    def expected(self, life: churn.Life, stream: int, of: Answer) -> str:
        """Return for a message what a pod may have counted, and when it was scraped."""
        may = [f"{counts} in {seconds:.1f} s" for counts, seconds in self._may(life, stream, of)]
        scraped = [f"{at - of.timestamp:+.1f}" for at in self._times(life)[-12:]]
        begun = [f"{at - of.timestamp:+.1f}" for at in life.processes]
        return (
            f"{', '.join(may) or 'nothing'} (scraped {' '.join(scraped)}; processes since {' '.join(begun)})"
        )

    def must_be_there(self, life: churn.Life, of: Answer) -> bool:
        """Whether a pod was scraped so often within the window that every list must have it."""
        inside = [at for at in self._times(life) if of.since + _LATE < at < of.timestamp - _LATE]
        return len(inside) >= _SOME - 1 and not self._had_a_gap(of)

    def may_be_there(self, life: churn.Life, of: Answer, *, without_figures: bool) -> bool:
        """Whether a pod may be listed; a pod that ended before the window must have no figures."""
        back = 2 * churn.SCRAPE_INTERVAL if without_figures else 0.0
        return any(of.since - back - _LATE <= at <= of.timestamp + _LATE for at in self._times(life))

    def lives_of(self, number: int, of: Answer) -> list[churn.Life]:
        """Return the pods of a place within a window, and a little before."""
        return list(
            self._churning.between(number, of.since - 2 * churn.SCRAPE_INTERVAL, of.timestamp + _LATE)
        )

    def _had_a_gap(self, of: Answer) -> bool:
        begun = of.since - 2 * churn.SCRAPE_INTERVAL
        return any(since <= of.timestamp + _LATE and begun <= until for since, until in self.down)

    def _times(self, life: churn.Life) -> Sequence[float]:
        return self._scrapes.get((life.number, life.nth), ())

    def _may(self, life: churn.Life, stream: int, of: Answer) -> list[tuple[churn.Counts, float]]:
        """Return what a pod may have counted, and over how many seconds."""
        times = self._times(life)
        last, before = (bisect.bisect(times, at + _LATE) - 1 for at in (of.timestamp, of.since))
        found = []
        for end in range(max(0, last - _SOME + 1), last + 1):
            if times[end] < of.since - _LATE:
                # No sample within the window: such a pod is not known.
                continue
            first = -1 if churn.process(life, times[0]) > of.since - _LATE else 0
            earliest, latest = max(first, before - _SOME + 1), min(end, max(before, 0))
            pairs = [_between(life, stream, times, begin, end) for begin in range(earliest, latest + 1)]
            # As long as the window, plus or minus one scrape interval; for a younger pod, its age.
            span = min(times[last], of.timestamp) - of.since
            found += [
                one for one in pairs if before < 0 or abs(one[1] - span) <= churn.SCRAPE_INTERVAL + _LATE
            ]
        return found


def _between(
    life: churn.Life, stream: int, times: Sequence[float], begin: int, end: int
) -> tuple[churn.Counts, float]:
    """Return what was counted from one scrape (-1: from zero) to another, and the seconds between them."""
    since = times[begin] if begin >= 0 else churn.process(life, times[0])
    before = churn.counted(life, stream, since) if begin >= 0 else (0, 0)
    good = bad = 0
    for at in times[begin + 1 : end + 1]:
        now = churn.counted(life, stream, at)
        new = churn.process(life, at) != churn.process(life, since)
        good += now[0] - (0 if new else before[0])
        bad += now[1] - (0 if new else before[1])
        before, since = now, at
    start = times[begin] if begin >= 0 else churn.process(life, times[0])
    return (good, bad), times[end] - start
