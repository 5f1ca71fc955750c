"""Numbers distinct values from 0, in the order in which they are first seen. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)
N = TypeVar("N", bound=int)


class Numbering(Generic[T, N]):
    """Distinct values, numbered from 0 in the order in which they were first seen. `N`: the type of their
    numbers, which is int at run time.
    """

    def __init__(self) -> None:
        self._numbers: dict[T, N] = {}

    def number(self, value: T) -> N:
        """Return the number of a value; a new value gets the next number."""
        return self._numbers.setdefault(value, len(self._numbers))  # type: ignore[arg-type]

    @property
    def numbers(self) -> Iterable[N]:
        """All numbers, from 0."""
        return self._numbers.values()

    def __contains__(self, value: object) -> bool:
        return value in self._numbers

    def __iter__(self) -> Iterator[T]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)
