"""The text that a proxy exposes: counters, gauges and classic histograms."""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Iterable, Mapping, Sequence

Labels = Mapping[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    name: str
    labels: Labels
    value: float
    grows: bool = True
    """True for a counter; False for a gauge, which keeps its value when the same traffic happens again."""


def quantiles(
    name: str, labels: Labels, durations: Sequence[float], *, label: str, reply: Mapping[str, float]
) -> list[Sample]:
    """Quantiles that a process computes itself; `reply` maps the value of the label to the quantile."""
    return [
        Sample(name, {**labels, label: value}, quantile(durations, one), False)
        for value, one in reply.items()
        if durations
    ]


def quantile(durations: Sequence[float], one: float) -> float:
    """Return the smallest duration such that this share of all durations is not longer."""
    ordered = sorted(durations)
    return ordered[min(len(ordered) - 1, int(one * len(ordered)))]


def histogram(
    name: str, labels: Labels, durations: Sequence[float], *, bounds: Sequence[float]
) -> list[Sample]:
    """Durations and bounds have the same unit."""
    buckets = [
        Sample(f"{name}_bucket", {**labels, "le": _bound(bound)}, sum(one <= bound for one in durations))
        for bound in (*bounds, math.inf)
    ]
    return [
        *buckets,
        Sample(f"{name}_sum", labels, sum(durations)),
        Sample(f"{name}_count", labels, len(durations)),
    ]


def added(samples: Iterable[Sample]) -> list[Sample]:
    """Return one sample for each series: the sum of the samples with the same name and labels."""
    totals: dict[tuple[str, tuple[tuple[str, str], ...]], Sample] = {}
    for sample in samples:
        key = (sample.name, tuple(sorted(sample.labels.items())))
        before = totals[key].value if key in totals else 0.0
        totals[key] = dataclasses.replace(sample, value=before + sample.value)
    return list(totals.values())


def text(samples: Iterable[Sample], *, fixed: Labels = types.MappingProxyType({})) -> str:
    """Return all samples as text, each with the fixed labels in addition to its own."""
    return "".join(f"{one.name}{_labels({**fixed, **one.labels})} {one.value:.15g}\n" for one in samples)


def _labels(labels: Labels) -> str:
    reply = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{reply}}}" if reply else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _bound(bound: float) -> str:
    return "+Inf" if math.isinf(bound) else f"{bound:g}"
