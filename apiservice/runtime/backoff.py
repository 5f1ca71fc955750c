"""Exponential back-off with jitter: pauses between attempts at the same operation."""

import dataclasses
import random
from collections.abc import Iterator


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Growing pauses in seconds. Jitter keeps clients that failed together from retrying together."""

    first: float = 0.5
    factor: float = 1.5
    jitter: float = 0.2
    longest: float = 30.0

    def pauses(self) -> Iterator[float]:
        """Pauses in seconds, without end."""
        pause = self.first
        while True:
            yield pause * random.uniform(1.0, 1.0 + self.jitter)  # noqa: S311 - jitter is no secret
            pause = min(pause * self.factor, self.longest)
