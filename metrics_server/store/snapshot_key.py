"""What distinguishes two snapshots, and which snapshots answer or replace which."""

from __future__ import annotations

import functools
import itertools
from typing import NamedTuple

from metrics_server.model import kinds

_MOST_REMEMBERED = 512
"""Keys kept at most with the keys that answer them."""
_SOME_SIDES = [
    frozenset(some)
    for count in range(len(kinds.Side) + 1)
    for some in itertools.combinations(kinds.Side, count)
]
"""All sets of sides, small ones first."""


class Key(NamedTuple):
    """What distinguishes two snapshots."""

    namespace: str | None
    """None: the whole mesh."""
    window: float
    """Seconds."""
    latency: frozenset[kinds.Side]
    """The sides for which it has histograms."""


@functools.lru_cache(maxsize=_MOST_REMEMBERED)
def answering(key: Key) -> tuple[Key, ...]:
    """Return the keys whose snapshots answer a request: also of the whole mesh, or with more latencies."""
    keys = (
        other._replace(namespace=namespace) for other in wider(key) for namespace in (key.namespace, None)
    )
    return tuple(dict.fromkeys(keys))


def followed(key: Key) -> list[Key]:
    """Return the keys whose snapshots a new one replaces: its own, and those with fewer latencies."""
    return [key._replace(latency=sides) for sides in _SOME_SIDES if sides <= key.latency]


def wider(key: Key) -> list[Key]:
    """Return the key, followed by those with more latencies."""
    return [key._replace(latency=sides) for sides in _SOME_SIDES if sides >= key.latency]
