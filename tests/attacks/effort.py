"""How many inputs an attack tries: a bounded number in every test run, and more on demand.

`make test` tries the small number. `make test-attacks` sets TESTS_ATTACKS=long.
"""

import dataclasses
import os
import random


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How many inputs an attack may send, and the seed that generates them."""

    seed: int
    factor: int

    def times(self, short: int) -> int:
        """The number of inputs; `short` is enough for an ordinary test run."""
        return short * self.factor

    def dice(self, name: str) -> random.Random:
        """A source of random inputs that is the same in every run with this seed and name."""
        return random.Random(f"{self.seed}/{name}")


def chosen() -> Effort:
    """The effort by the variables TESTS_ATTACKS (`long`) and TESTS_ATTACKS_SEED (an integer)."""
    is_long = os.environ.get("TESTS_ATTACKS") == "long"
    return Effort(seed=int(os.environ.get("TESTS_ATTACKS_SEED", "1")), factor=20 if is_long else 1)
