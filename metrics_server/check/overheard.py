"""Keeps the labels and the times of the raw samples that a collector reads, so that they can be examined.

Values are not kept: a big mesh has millions of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from metrics_server.upstream import requests_prometheus


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSeries:
    """One series: its labels, and when it was sampled (Unix seconds)."""

    labels: Mapping[str, str]
    first: float
    last: float
    samples: int

    @property
    def name(self) -> str:
        """The name of its metric."""
        return self.labels.get("__name__", "")

    @property
    def interval(self) -> float | None:
        """The mean time between two samples in seconds; None with one sample."""
        return (self.last - self.first) / (self.samples - 1) if self.samples > 1 else None

    def first_of(self, names: Sequence[str]) -> str:
        """Return the value of the first of these labels that is set; an empty text if none is."""
        return next((self.labels[name] for name in names if self.labels.get(name)), "")


class Overhearing:
    """A client of Prometheus that keeps what the answers with raw samples say about their series."""

    def __init__(self, client: requests_prometheus.RecordingClient) -> None:
        self._client = client
        self._kept: dict[frozenset[tuple[str, str]], RawSeries] = {}

    @property
    def series(self) -> list[RawSeries]:
        """The series since the last `forget`, each once."""
        return list(self._kept.values())

    def forget(self) -> None:
        """Forget what was kept."""
        self._kept.clear()

    async def ask(self, queries: Sequence[str], *, at: float | None) -> list[requests_prometheus.Series]:
        """Return the results, in order. Raises faults.Unavailable."""
        answers = await self._client.ask(queries, at=at)
        for answer in answers:
            for one in answer:
                if one.get("values"):
                    self._keep(one["metric"], one["values"])
        return answers

    def _keep(self, labels: Mapping[str, str], values: Sequence[Sequence[float]]) -> None:
        key = frozenset(labels.items())
        before = self._kept.get(key)
        if before is None or before.samples < len(values):
            self._kept[key] = RawSeries(
                labels=labels, first=values[0][0], last=values[-1][0], samples=len(values)
            )
