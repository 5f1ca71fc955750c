"""Types that say what a number is the number of, so that mypy finds one in place of another. At run time each
is an int.

numpy's types do not tell such numbers apart: the names of the arrays are for readers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NewType, TypeVar, cast

import numpy as np
import numpy.typing as npt

N = TypeVar("N", bound=int)
ReporterNumber = NewType("ReporterNumber", int)
"""Index into `Snapshot.reporters`."""
PeerNumber = NewType("PeerNumber", int)
"""Index into `Snapshot.peers`, or `NO_PEER`."""
TargetNumber = NewType("TargetNumber", int)
"""Index of a scrape target among the proxies of one mesh, in the order of `ScrapeTargets.found`."""
RowNumber = NewType("RowNumber", int)
"""Index into the arrays of `Calls`."""
GroupNumber = NewType("GroupNumber", int)
"""Index of a group of rows that are summed, such as those of one resource or edge."""

NO_PEER: Final = PeerNumber(-1)
"""The peer of a series or a row that names none. As an index it selects the last entry of a list."""

ReporterNumbers = npt.NDArray[np.int64]
"""Int64, one dimension: reporter numbers."""
PeerNumbers = npt.NDArray[np.int64]
"""Int64, one dimension: peer numbers, `NO_PEER` among them."""
TargetNumbers = npt.NDArray[np.int64]
"""Int64, one dimension: target numbers."""
RowNumbers = npt.NDArray[np.int64]
"""Int64, one dimension: row numbers."""
GroupNumbers = npt.NDArray[np.int64]
"""Int64, one dimension: group numbers."""


def all_of(kind: Callable[[int], N], count: int) -> Sequence[N]:
    """Return the numbers from 0 to `count` - 1 as those of a kind, such as `RowNumber`, without a call for
    each.
    """
    return cast("Sequence[N]", range(count))
