"""What a collector needs of its backend, and of those that watch it."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from metrics_server.model import validation


class Clock(Protocol):
    """The present time of the backend, Unix seconds. Raises faults.Unavailable."""

    async def read(self) -> float: ...


class QueryResult(Protocol):
    """The series in an answer, and the warnings of the backend."""

    @property
    def warnings(self) -> Sequence[str]: ...

    def __iter__(self) -> Iterator[dict[str, Any]]: ...

    def among(self, metrics: Collection[str]) -> Iterator[dict[str, Any]]:
        """Return at least the series of these metrics; without a metric, all."""
        ...


class QueryBackend(Protocol):
    """Evaluates PromQL at an instant. Raises faults.Unavailable."""

    async def ask(self, queries: Sequence[str], *, at: float) -> Sequence[QueryResult]: ...


class CollectionObserver(Protocol):
    """Gets the duration of decoding, and the age and the lag of each snapshot, in seconds."""

    def snapshot_taken(self, *, seconds: float, age: float, lag: float) -> None: ...


@dataclass(frozen=True, slots=True)
class AllAnswers:
    """The series of several answers, decoded again by each reader: kept decoded, those of a big mesh would
    need most of the memory for a snapshot.
    """

    answers: Sequence[QueryResult]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.among(())

    def among(self, metrics: Collection[str]) -> Iterator[dict[str, Any]]:
        found = (answer.among(metrics) for answer in self.answers)
        return itertools.chain.from_iterable(found) if metrics else validation.distinct(found)
