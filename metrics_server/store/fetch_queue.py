"""Whose fetch is next: few are under way at once, and those who wait take turns.

A fetch costs Prometheus and this server's memory, and anybody who may read can ask for many: another window
is another fetch. So there is a limit for each user and one for all. A free place goes to the user with the
fewest fetches under way, among these to the one who has waited longest since the last turn: many questions
of one user delay the first of another by one fetch at most.

Urgent fetches, such as those for autoscalers, go first. They leave one place to the others, and the others
leave one to them. Who wants a fetch that another's question is waiting for, waits for it in both names:
it begins with whichever turn comes first.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from dataclasses import dataclass, field

from metrics_server.model import faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many fetches there may be."""

    at_once: int = 8
    """Under way; at least 2."""
    each: int = 4
    """Of them for one user."""
    waiting: int = 64
    """For one user, beside those under way."""
    waiting_in_all: int = 1024
    patience: float = 20.0
    """Seconds to wait for a turn."""


def limits(at_once: int, *, patience: float) -> Limits:
    """Return the limits of so many fetches at once, of which one user has half at most."""
    return Limits(at_once=at_once, each=at_once // 2, patience=patience)


class Ticket:
    """A fetch that waits for its turn, or has it."""

    def __init__(self) -> None:
        self._turn = asyncio.Event()
        self._places: list[tuple[_Lane, str]] = []
        """Where it waits, and in whose name."""
        self._holder: tuple[_Lane, str] | None = None
        """Where it counts while it is under way, and for whom."""

    @property
    def is_waiting(self) -> bool:
        """Whether it has not begun."""
        return bool(self._places)


Queue = dict[Ticket, None]
"""In the order of their coming."""


@dataclass(slots=True, eq=False)
class _Lane:
    """Those who wait for the same kind of place."""

    queues: dict[str, Queue] = field(default_factory=dict)
    """By user."""
    under_way: int = 0


class Turns:
    """Gives turns."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._urgent, self._usual = _Lane(), _Lane()
        self._under_way: Counter[str] = Counter()
        """By user."""
        self._waiting: Counter[str] = Counter()
        self._turns = itertools.count(1)
        self._latest: dict[str, int] = {}
        """The number of the latest turn of those who have fetches under way or waiting."""

    @property
    def under_way(self) -> int:
        """How many fetches have their turn."""
        return self._under_way.total()

    def wait(self, ticket: Ticket, *, user: str, urgent: bool = False) -> None:
        """Have a fetch wait in the name of a user; it may have its turn at once. Raises faults.Busy."""
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
        """Have a fetch that waits already wait in the name of a further user, too, if there is room."""
        if ticket.is_waiting:
            with contextlib.suppress(faults.Busy):
                self.wait(ticket, user=user, urgent=urgent)

    async def turn(self, ticket: Ticket) -> None:
        """Wait until it is a fetch's turn. Raises faults.Busy; whoever has waited ends the ticket."""
        try:
            async with asyncio.timeout(self._limits.patience):
                await ticket._turn.wait()
        except TimeoutError as error:
            raise faults.Busy(
                f"The question waited {self._limits.patience:.0f} s for its turn while others were fetched, "
                "and was given up before Prometheus was asked"
            ) from error

    def end(self, ticket: Ticket) -> None:
        """Give the place of a fetch to the next: it is over, or is not wanted any more."""
        self._leave(ticket)
        if ticket._holder is not None:
            lane, user = ticket._holder
            ticket._holder = None
            lane.under_way -= 1
            self._less(self._under_way, user)
        self._give()

    def _give(self) -> None:
        """Give the free places to those whose turn it is."""
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
        """Return whose turn it is; None if nobody may begin."""
        for lane in (self._urgent, self._usual):
            if lane.under_way < self._limits.at_once - 1:
                user = min(lane.queues, key=self._had, default=None)
                if user is not None and self._under_way[user] < self._limits.each:
                    return lane, user
        return None

    def _had(self, user: str) -> tuple[int, int]:
        """Return how many fetches of a user are under way, and when the latest began."""
        return self._under_way[user], self._latest.get(user, 0)

    def _leave(self, ticket: Ticket) -> None:
        """Have a fetch wait no more."""
        for lane, user in ticket._places:
            del lane.queues[user][ticket]
            if not lane.queues[user]:
                del lane.queues[user]
            self._less(self._waiting, user)
        ticket._places.clear()

    def _less(self, counted: Counter[str], user: str) -> None:
        """Count one less, and forget who has nothing left."""
        counted[user] -= 1
        if not counted[user]:
            del counted[user]
        if user not in self._under_way and user not in self._waiting:
            self._latest.pop(user, None)
