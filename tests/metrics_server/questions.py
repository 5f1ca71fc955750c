"""Helpers that query a Prometheus with our client, and check that a fault does not reveal the backend."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from metrics_server.model import faults
from metrics_server.upstream import prometheus, response

CALM = prometheus.Patience(connect=5.0, doubt=20.0, probe=5.0, answer=30.0)
DOUBTING = prometheus.Patience(connect=5.0, doubt=0.1, probe=5.0, answer=30.0)
QUERY = '{__name__="secret_metric"}'
NOW = 1000.0


class Heard:
    """An observer that records the outcome of each query."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def query_done(self, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.outcomes.append(outcome)


@contextlib.asynccontextmanager
async def client(
    url: str, *, heard: Heard | None = None, patience: prometheus.Patience | None = CALM
) -> AsyncIterator[prometheus.Prometheus]:
    asking = prometheus.Prometheus(url, observer=heard or Heard(), patience=patience)
    try:
        yield asking
    finally:
        await asking.close()


async def read(asking: prometheus.Prometheus, queries: list[str]) -> list[list[response.Series]]:
    return [list(answer) for answer in await asking.ask(queries, at=NOW)]


def says_nothing_of_the_backend(fault: faults.Fault, url: str) -> bool:
    reply = (url.removeprefix("http://"), "127.0.0.1", "localhost", "secret_metric", "secret words")
    return not any(word in fault.message for word in reply)
