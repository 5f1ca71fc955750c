"""Limits how many fetches from Prometheus run at once, and decides which of the waiting ones is next.

A fetch uses time of Prometheus and memory of this server, and any viewer can cause many, as every other
window is another fetch. So there is a limit for each user and one for all users together. A free place goes
to the user with the fewest running fetches and, among these, to the one whose last fetch began first. So many
requests of one user delay the first request of another by one fetch at most.

Urgent fetches, such as those for autoscalers, go first. They leave one place to the other fetches, and these
leave one to them. If several users want the same fetch, it waits in the queue of each, and begins when the
first of them gets a place.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from dataclasses import dataclass, field

from metrics_server.model import faults


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """How many fetches may run and wait."""

    at_once: int = 8
    """Running fetches of all users; at least 2."""
    each: int = 4
    """Running fetches of one user."""
    waiting: int = 64
    """Waiting fetches of one user."""
    waiting_in_all: int = 1024
    """Waiting fetches of all users."""
    patience: float = 20.0
    """Seconds that a fetch waits for a place."""


def limits(at_once: int, *, patience: float) -> FetchLimits:
    """Return the limits for `at_once` running fetches, of which one user has at most half."""
    return FetchLimits(at_once=at_once, each=at_once // 2, patience=patience)


class Ticket:
    """One fetch in the queue: it waits for a place, or runs."""

    def __init__(self) -> None:
        self._turn = asyncio.Event()
        """Set when the fetch gets a place."""
        self._places: list[tuple[_Lane, str]] = []
        """The lanes and users in whose queues it waits."""
        self._holder: tuple[_Lane, str] | None = None
        """The lane and user for which it counts while it runs."""

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for a place."""
        return bool(self._places)


Queue = dict[Ticket, None]
"""Waiting fetches, the first to come first."""


@dataclass(slots=True, eq=False)
class _Lane:
    """The fetches of one priority: urgent or usual."""

    queues: dict[str, Queue] = field(default_factory=dict)
    """The waiting fetches by user."""
    under_way: int = 0
    """How many fetches of this lane run."""


class FetchQueue:
    """Gives a limited number of places to fetches. Whoever calls `wait` for a ticket must call `end`."""

    def __init__(self, limits: FetchLimits | None = None) -> None:
        self._limits = limits or FetchLimits()
        self._urgent, self._usual = _Lane(), _Lane()
        self._under_way: Counter[str] = Counter()
        """Running fetches by user."""
        self._waiting: Counter[str] = Counter()
        """Waiting fetches by user."""
        self._turns = itertools.count(1)
        self._latest: dict[str, int] = {}
        """When the latest fetch of a user began, as a running number; only of users with fetches."""

    @property
    def under_way(self) -> int:
        """How many fetches run."""
        return self._under_way.total()

    def wait(self, ticket: Ticket, *, user: str, urgent: bool = False) -> None:
        """Put a fetch into the queue of a user; it may get a place at once. Raises faults.Busy if too many
        fetches wait.
        """
        if self._waiting[user] >= self._limits.waiting:
            raise faults.Busy(
                f"{self._limits.waiting} questions of this user wait for figures already, and each needs a "
                "fetch of its own: ask for fewer different windows and namespaces at a time"
            )
        if self._waiting.total() >= self._limits.waiting_in_all:
            raise faults.Busy(
                f"{self._limits.waiting_in_all} questions wait for figures already, and each needs a fetch "
                "of its own: this server is asked for more than it can fetch"
            )
        lane = self._urgent if urgent else self._usual
        queue = lane.queues.setdefault(user, Queue())
        if ticket not in queue:
            queue[ticket] = None
            ticket._places.append((lane, user))
            self._waiting[user] += 1
        self._give()

    def join(self, ticket: Ticket, *, user: str, urgent: bool = False) -> None:
        """Put a waiting fetch into the queue of a further user, if that has room."""
        if ticket.is_waiting:
            with contextlib.suppress(faults.Busy):
                self.wait(ticket, user=user, urgent=urgent)

    async def turn(self, ticket: Ticket) -> None:
        """Wait until a fetch gets a place. Raises faults.Busy after `patience`; then call `end`."""
        try:
            async with asyncio.timeout(self._limits.patience):
                await ticket._turn.wait()
        except TimeoutError as error:
            raise faults.Busy(
                f"The question waited {self._limits.patience:.0f} s for its turn while others were fetched, "
                "and was given up before Prometheus was asked"
            ) from error

    def end(self, ticket: Ticket) -> None:
        """Remove a fetch that has ended or is no longer wanted, and give its place to the next."""
        self._leave(ticket)
        if ticket._holder is not None:
            lane, user = ticket._holder
            ticket._holder = None
            lane.under_way -= 1
            self._less(self._under_way, user)
        self._give()

    def _give(self) -> None:
        """Give the free places to the next fetches."""
        while self.under_way < self._limits.at_once and (chosen := self._next()):
            lane, user = chosen
            ticket = next(iter(lane.queues[user]))
            self._leave(ticket)
            ticket._holder = chosen
            lane.under_way += 1
            self._under_way[user] += 1
            self._latest[user] = next(self._turns)
            ticket._turn.set()

    def _next(self) -> tuple[_Lane, str] | None:
        """Return the lane and user that get the next place; None if no fetch may begin."""
        for lane in (self._urgent, self._usual):
            if lane.under_way < self._limits.at_once - 1:
                user = min(lane.queues, key=self._had, default=None)
                if user is not None and self._under_way[user] < self._limits.each:
                    return lane, user
        return None

    def _had(self, user: str) -> tuple[int, int]:
        """Return how many fetches of a user run, and when the latest began (as a running number)."""
        return self._under_way[user], self._latest.get(user, 0)

    def _leave(self, ticket: Ticket) -> None:
        """Remove a fetch from all queues in which it waits."""
        for lane, user in ticket._places:
            del lane.queues[user][ticket]
            if not lane.queues[user]:
                del lane.queues[user]
            self._less(self._waiting, user)
        ticket._places.clear()

    def _less(self, counted: Counter[str], user: str) -> None:
        """Subtract one, and drop users without fetches, so that the counters do not grow."""
        counted[user] -= 1
        if not counted[user]:
            del counted[user]
        if user not in self._under_way and user not in self._waiting:
            self._latest.pop(user, None)
