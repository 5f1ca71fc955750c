"""Checks that an answer of Prometheus must pass before figures are computed from it. Pure.

A defective backend, a proxy that mixes answers up or a cache that holds another answer must never change a
figure. Refused are: anything that is not a series of samples, values that no counter can have, timestamps
that do not increase, a series that occurs twice, and a series that was not asked for. The reason quotes
nothing of the answer, because every user may read it.

Big answers are checked while they are decoded, by whole arrays and by label sets instead of series by series.
Small answers are checked by `checked`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from metrics_server.model import faults

Series = dict[str, Any]
SENSELESS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""The exceptions that reading an answer of an unexpected shape can raise."""
GREATEST = float(2**63)
"""No counter has a greater value."""
_LONGEST = 1 << 20
"""Characters in all label values of one series."""
_ALIKE = 1e-6
"""Relative overlap of bounds that is tolerated: the query API writes them as rounded decimals."""
_NO_SERIES = "a part of it is not a series of samples"
_TWICE = "it contains the same series twice"
_FOREIGN = "it contains a series that was not asked for"


def refused(reason: str, *, detail: str = "") -> faults.BackendRefused:
    """Return the fault for an invalid answer. `reason` must not quote the answer; `detail` may."""
    return faults.BackendRefused(f"Prometheus' answer is not valid: {reason}", detail=detail)


def senseless(error: BaseException) -> faults.BackendRefused:
    """Return the fault for an answer that could not be read; its detail says where reading failed."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code if trace is not None else None
    where = (
        f" in {code.co_qualname}, line {trace.tb_lineno}" if code is not None and trace is not None else ""
    )
    return refused(_NO_SERIES, detail=f"{type(error).__name__}{where}: {str(error)[:200]!r}")


def checked(series: Iterable[Any], *, again: bool = False) -> list[Series]:
    """Return the series after all checks. With `again` a series may occur twice, as where several queries
    select it. Raises faults.BackendRefused.
    """
    twins, found, lengths = UniqueLabelSets(), list(series), [0]
    times: list[float] = []
    values: list[float] = []
    try:
        for one in found:
            (labels if again else twins.see)(one["metric"])
            if "values" not in one and "value" not in one:
                histogram(one["histogram"][1])
                continue
            its_times, its_values = columns(one["values"] if "values" in one else [one["value"]])
            times.extend(its_times)
            values.extend(map(float, its_values))
            lengths.append(len(its_times))
        counters(np.array(times) + 0.0, np.array(values), np.cumsum(lengths))
    except SENSELESS as error:
        raise senseless(error) from None
    return found


def labels(found: Any) -> None:
    """Check a label set. Raises faults.BackendRefused or one of `SENSELESS`."""
    if not isinstance(found, dict):
        raise refused(_NO_SERIES)
    if len("".join(found.values())) > _LONGEST:
        raise refused("the labels of a series are too long")


def distinct(answers: Iterable[Iterable[Series]]) -> Iterator[Series]:
    """Return the series of several answers, each once: two queries may select the same series, but one answer
    must not have it twice. Raises faults.BackendRefused or one of `SENSELESS`.
    """
    before: set[int] = set()
    for answer in answers:
        twins = UniqueLabelSets()
        for one in answer:
            if twins.see(one["metric"]) not in before:
                yield one
        before |= twins.seen


class UniqueLabelSets:
    """The label sets of one answer; each may occur once."""

    __slots__ = ("seen",)

    def __init__(self) -> None:
        self.seen: set[int] = set()

    def see(self, found: Mapping[str, str]) -> int:
        """Add a label set and return its hash. Raises faults.BackendRefused for one that was added before, or
        one of `SENSELESS`.
        """
        labels(found)
        key = hash(frozenset(found.items()))
        if key in self.seen:
            raise refused(_TWICE)
        self.seen.add(key)
        return key


def asked(found: Collection[str], wanted: Collection[str]) -> None:
    """Check that all names found are wanted. Raises faults.BackendRefused."""
    if not set(found) <= set(wanted):
        raise refused(_FOREIGN)


def samples(values: Sequence[Any]) -> None:
    """Check the samples of one series. Raises faults.BackendRefused or one of `SENSELESS`."""
    times, texts = columns(values)
    counters(np.array(times) + 0.0, np.array([float(one) for one in texts]), np.array([0, len(times)]))


def columns(values: Sequence[Any]) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Return the times (Unix seconds) and the values (as text) of samples. Raises one of `SENSELESS`."""
    times, texts = zip(*values, strict=True)
    "".join(texts)  # raises TypeError unless all are texts
    return times, texts


def counters(times: npt.NDArray[Any], values: npt.NDArray[Any], first: npt.NDArray[Any]) -> None:
    """Check samples in flat arrays, float64[S], series after series. `first`, int64[number of series + 1],
    holds where each series begins and, last, S. A NaN value is unknown and allowed. Raises
    faults.BackendRefused.
    """
    if not np.isfinite(times).all():
        raise refused("a timestamp is not a number")
    passed = np.diff(times)
    passed[first[1:-1] - 1] = 1.0
    # A backend may store a sample twice, but not with different values.
    if (passed < 0).any() or (values[1:] != values[:-1])[passed == 0].any():
        raise refused("the timestamps of a series do not increase")
    if (values < 0).any():
        raise refused("a value is negative")
    if (values > GREATEST).any():
        raise refused("a value is greater than any counter can be")


def figures(values: npt.NDArray[Any]) -> None:
    """Check the counts in buckets, or quantiles. Values that are not finite are unknown. Raises
    faults.BackendRefused.
    """
    known = values[np.isfinite(values)]
    counters(np.arange(len(known)), known, np.array([0, len(known)]))


def once(*places: npt.NDArray[Any]) -> None:
    """Check that no two values have the same place, such as (line, column). Raises faults.BackendRefused."""
    if not len(places[0]):
        return
    place = np.ravel_multi_index(places, [int(each.max()) + 1 for each in places])
    if np.bincount(place).max() > 1:
        raise refused(_TWICE)


def histogram(native: Any) -> None:
    """Check a native histogram of the query API. Raises faults.BackendRefused or one of `SENSELESS`."""
    buckets = sorted((float(low), float(high), float(n)) for _, low, high, n in native.get("buckets") or ())
    total = float(native["count"])
    if any(math.isnan(low) or math.isnan(high) or low > high for low, high, _ in buckets):
        raise refused("a bucket of a histogram has no valid bounds")
    if any(after[0] < one[1] - _ALIKE * abs(one[1]) for one, after in itertools.pairwise(buckets)):
        raise refused("the buckets of a histogram overlap")
    counts = np.array([total, *(n for _, _, n in buckets)])
    if not ((counts >= 0) & (counts <= GREATEST)).all():
        raise refused("a count is negative, or greater than any counter can be")
    if counts[1:].sum() > total * (1 + _ALIKE) + _ALIKE:
        raise refused("the buckets of a histogram hold more than its count")
