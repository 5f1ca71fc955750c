"""Values by key, of which the latest used are kept: as many as a bound allows, and as heavy.

Keys come from requests, so whoever may read could else fill the memory with them. Pure.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """At most so many values, and of more than `least` at most so heavy ones together."""

    def __init__(self, *, most: int, least: int = 1, heaviest: float = math.inf) -> None:
        """`least`: how many stay whatever they weigh. `heaviest`: what all together may weigh."""
        self._most = most
        self._least = least
        self._heaviest = heaviest
        self._values: OrderedDict[K, tuple[V, float]] = OrderedDict()
        """With their weights; the latest used stands last."""
        self._weight = 0.0

    def __len__(self) -> int:
        return len(self._values)

    def items(self) -> list[tuple[K, V]]:
        """Return all keys and values, the latest used last."""
        # Listed at once: another thread may use values meanwhile.
        listed = list(self._values.items())
        return [(key, value) for key, (value, _) in listed]

    def __contains__(self, key: K) -> bool:
        return key in self._values

    def peek(self, key: K) -> V | None:
        """Return a value without calling it used."""
        found = self._values.get(key)
        return None if found is None else found[0]

    def use(self, key: K) -> V | None:
        """Return a value; None if it is not kept."""
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, *, weight: float = 0.0) -> None:
        """Keep a value; those whose use is longest ago make room for it."""
        self.drop(key)
        self._values[key] = value, weight
        self._weight += weight
        while len(self) > self._most or (len(self) > self._least and self._weight > self._heaviest):
            self.drop(next(iter(self._values)))

    def drop(self, key: K) -> None:
        """Let go of a value, if it is kept."""
        _, weight = self._values.pop(key, (None, 0.0))
        self._weight -= weight
