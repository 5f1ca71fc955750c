"""A cache with a bound on the number of its values and on their total weight; the least recently used are
dropped first. Pure.

Keys come from requests: without a bound, any viewer could fill the memory with them.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """At most `most` values by key and, if there are more than `least`, of at most `heaviest` total weight.

    One thread may change it while another reads `items`.
    """

    def __init__(self, *, most: int, least: int = 1, heaviest: float = math.inf) -> None:
        """`most`, `least`: numbers of values; `least` of them stay whatever their weight. `heaviest`: the
        bound of the total weight, in the unit of `put`.
        """
        self._most = most
        self._least = least
        self._heaviest = heaviest
        self._values: OrderedDict[K, tuple[V, float]] = OrderedDict()
        """Each value with its weight; the most recently used is the last."""
        self._weight = 0.0

    def __len__(self) -> int:
        return len(self._values)

    def items(self) -> list[tuple[K, V]]:
        """Return all keys and values, the most recently used last."""
        # list() copies in one step: another thread may reorder the values during a slower loop.
        listed = list(self._values.items())
        return [(key, value) for key, (value, _) in listed]

    def __contains__(self, key: K) -> bool:
        return key in self._values

    def peek(self, key: K) -> V | None:
        """Return a value without counting it as used; None if it is not kept."""
        found = self._values.get(key)
        return None if found is None else found[0]

    def use(self, key: K) -> V | None:
        """Return a value and count it as used; None if it is not kept."""
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, *, weight: float = 0.0) -> None:
        """Keep a value, and drop the least recently used ones until the bounds hold."""
        self.drop(key)
        self._values[key] = value, weight
        self._weight += weight
        while len(self) > self._most or (len(self) > self._least and self._weight > self._heaviest):
            self.drop(next(iter(self._values)))

    def drop(self, key: K) -> None:
        """Remove a value, if it is kept."""
        _, weight = self._values.pop(key, (None, 0.0))
        self._weight -= weight
