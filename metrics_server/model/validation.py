"""What an answer of Prometheus must be like before a figure is made of it. Pure.

A backend that is ill, a proxy that mixes answers up or a cache with another's answer must never become a
figure. Refused are what is no series of samples, numbers that no counter has, times that do not go on, a
series that comes twice, and one that was not asked for. The reason is in words that repeat nothing of the
answer: a reader may be anybody.

Big answers are looked at while they are decoded, by whole arrays and by label sets rather than by series;
what is in few series, by `checked`.
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
"""What is raised by looking for something in an answer that is not what it should be."""
GREATEST = float(2**63)
"""No counter counts further."""
_LONGEST = 1 << 20
"""Characters in the labels of one series."""
_ALIKE = 1e-6
"""By which share bounds may overlap: they are told in decimals."""
_NO_SERIES = "something in it is no series of samples"
_TWICE = "the same series is in it twice"
_FOREIGN = "something is in it that was not asked for"


def refused(reason: str, *, detail: str = "") -> faults.BackendRefused:
    """Return the fault for an answer that is none, for a reason without words of the answer."""
    return faults.BackendRefused(f"Prometheus' answer makes no sense: {reason}", detail=detail)


def senseless(error: BaseException) -> faults.BackendRefused:
    """Return the fault for what could not even be read; the detail says where that was."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code if trace is not None else None
    where = (
        f" in {code.co_qualname}, line {trace.tb_lineno}" if code is not None and trace is not None else ""
    )
    return refused(_NO_SERIES, detail=f"{type(error).__name__}{where}: {str(error)[:200]!r}")


def checked(series: Iterable[Any], *, again: bool = False) -> list[Series]:
    """Return series, looked at from all sides; `again`: one may come twice, where several queries ask for
    it. Raises faults.BackendRefused.
    """
    twins, found, lengths = Twins(), list(series), [0]
    times: list[float] = []
    values: list[float] = []
    try:
        for one in found:
            (labels if again else twins.see)(one["metric"])
            if "values" not in one and "value" not in one:
                histogram(one["histogram"][1])
                continue
            moments, told = columns(one["values"] if "values" in one else [one["value"]])
            times.extend(moments)
            values.extend(map(float, told))
            lengths.append(len(moments))
        counters(np.array(times) + 0.0, np.array(values), np.cumsum(lengths))
    except SENSELESS as error:
        raise senseless(error) from None
    return found


def labels(found: Any) -> None:
    """Look at a label set. Raises faults.BackendRefused, or what `SENSELESS` says."""
    if not isinstance(found, dict):
        raise refused(_NO_SERIES)
    if len("".join(found.values())) > _LONGEST:
        raise refused("the labels of a series are longer than any name")


def distinct(answers: Iterable[Iterable[Series]]) -> Iterator[Series]:
    """Return the series of several answers, each once: two queries may ask for the same series, but no answer
    has it twice. Raises faults.BackendRefused, or what `SENSELESS` says.
    """
    before: set[int] = set()
    for answer in answers:
        twins = Twins()
        for one in answer:
            if twins.see(one["metric"]) not in before:
                yield one
        before |= twins.seen


class Twins:
    """The label sets of an answer, each of which may come once."""

    __slots__ = ("seen",)

    def __init__(self) -> None:
        self.seen: set[int] = set()

    def see(self, found: Mapping[str, str]) -> int:
        """Look at a label set, too, and return what stands for it. Raises faults.BackendRefused, or what
        `SENSELESS` says.
        """
        labels(found)
        key = hash(frozenset(found.items()))
        if key in self.seen:
            raise refused(_TWICE)
        self.seen.add(key)
        return key


def asked(found: Collection[str], wanted: Collection[str]) -> None:
    """Raises faults.BackendRefused if some names found are not among those that were asked for."""
    if not set(found) <= set(wanted):
        raise refused(_FOREIGN)


def samples(values: Sequence[Any]) -> None:
    """Look at the samples of one series. Raises faults.BackendRefused, or what `SENSELESS` says."""
    times, told = columns(values)
    counters(np.array(times) + 0.0, np.array([float(one) for one in told]), np.array([0, len(times)]))


def columns(values: Sequence[Any]) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Return the times and the values of samples, apart. Raises faults.BackendRefused, or what `SENSELESS`
    says.
    """
    times, told = zip(*values, strict=True)
    "".join(told)  # words all of them, or a TypeError
    return times, told


def counters(times: npt.NDArray[Any], values: npt.NDArray[Any], first: npt.NDArray[Any]) -> None:
    """Look at flat arrays of samples, series after series; `first` holds where each begins, and the end. A
    NaN is not known, and no fault. Raises faults.BackendRefused.
    """
    if not np.isfinite(times).all():
        raise refused("the time of a sample is none")
    passed = np.diff(times)
    passed[first[1:-1] - 1] = 1.0
    # A sample may be kept twice, but not with two values.
    if (passed < 0).any() or (values[1:] != values[:-1])[passed == 0].any():
        raise refused("the times of samples do not go on")
    if (values < 0).any():
        raise refused("a number in it is negative")
    if (values > GREATEST).any():
        raise refused("a number in it is greater than any counter's")


def figures(values: npt.NDArray[Any]) -> None:
    """Look at counts in buckets; one that is not finite is not known. Raises faults.BackendRefused."""
    known = values[np.isfinite(values)]
    counters(np.arange(len(known)), known, np.array([0, len(known)]))


def once(*places: npt.NDArray[Any]) -> None:
    """Look at where figures belong: line, column. Raises faults.BackendRefused if two have one place."""
    if not len(places[0]):
        return
    place = np.ravel_multi_index(places, [int(each.max()) + 1 for each in places])
    if np.bincount(place).max() > 1:
        raise refused(_TWICE)


def histogram(told: Any) -> None:
    """Look at a native histogram. Raises faults.BackendRefused, or what `SENSELESS` says."""
    buckets = sorted((float(low), float(high), float(n)) for _, low, high, n in told.get("buckets") or ())
    total = float(told["count"])
    if any(math.isnan(low) or math.isnan(high) or low > high for low, high, _ in buckets):
        raise refused("a bucket of a histogram has no bounds")
    if any(after[0] < one[1] - _ALIKE * abs(one[1]) for one, after in itertools.pairwise(buckets)):
        raise refused("the buckets of a histogram overlap")
    counts = np.array([total, *(n for _, _, n in buckets)])
    if not ((counts >= 0) & (counts <= GREATEST)).all():
        raise refused("a number in it is negative, or greater than any counter's")
    if counts[1:].sum() > total * (1 + _ALIKE) + _ALIKE:
        raise refused("the buckets of a histogram hold more than it counts")
