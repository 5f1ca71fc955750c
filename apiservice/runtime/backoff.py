"""How long to wait between attempts at the same thing."""

import dataclasses
import random
from collections.abc import Iterator


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Growing pauses in seconds, spread so that those who failed together do not try again together."""

    first: float = 0.5
    factor: float = 1.5
    jitter: float = 0.2
    longest: float = 30.0

    def pauses(self) -> Iterator[float]:
        """Without end."""
        pause = self.first
        while True:
            # The spread is no secret.
            yield pause * random.uniform(1.0, 1.0 + self.jitter)  # noqa: S311
            pause = min(pause * self.factor, self.longest)
