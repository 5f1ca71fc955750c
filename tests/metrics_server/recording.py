"""Recorded samples of a mesh, and an evaluator of the PromQL that the server uses; `promql_parser` parses it.

It knows selectors, ranges, `rate`, `last_over_time`, `sum by`, `count`, `topk`, `or`, `vector`, added labels
and multiples. Everything else is an error, so that a test notices an unexpected query.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import promql_parser

from metrics_server.inventory import file_source, objects

Labels = Mapping[str, str]
Sample = tuple[float, str]
_RECORDED = Path(__file__).parent.parent / "recorded"
_LOOKBACK = 300.0
"""The time in seconds that an instant selector looks back, as in Prometheus."""


@dataclasses.dataclass(frozen=True, slots=True)
class Series:
    """One series with all its samples, oldest first."""

    labels: Labels
    samples: Sequence[Sample]

    def until(self, at: float) -> list[Sample]:
        return [sample for sample in self.samples if sample[0] <= at]


def series(name: str, samples: Iterable[tuple[float, float]], **labels: str) -> Series:
    """Return a series of these samples, with values formatted like those of Prometheus."""
    return Series({"__name__": name, **labels}, [(time, f"{value:g}") for time, value in samples])


@dataclasses.dataclass(frozen=True, slots=True)
class Recording:
    """All series of a mesh."""

    series: Sequence[Series]

    def moved(self, seconds: float) -> Recording:
        """Return the same recording, moved later by so many seconds."""
        return Recording(
            [Series(one.labels, [(time + seconds, v) for time, v in one.samples]) for one in self.series]
        )

    def without(self, name: str) -> Recording:
        """Return the same recording without one metric."""
        return Recording([one for one in self.series if one.labels["__name__"] != name])

    def ask(self, query: str, *, at: float) -> list[dict[str, Any]]:
        """Return the result of a query at a time, in the format of the query API."""
        return self._evaluate(promql_parser.parse(query), at)

    def _evaluate(self, expression: Any, at: float) -> list[dict[str, Any]]:
        match expression:
            case promql_parser.ParenExpr():
                return self._evaluate(expression.expr, at)
            case promql_parser.MatrixSelector():
                return self._range(expression, at)
            case promql_parser.VectorSelector():
                return [
                    {"metric": dict(one.labels), "value": list(one.until(at)[-1])}
                    for one in self._select(expression)
                    if one.until(at) and one.until(at)[-1][0] > at - _LOOKBACK
                ]
            case promql_parser.BinaryExpr() if str(expression.op) == "or":
                return self._either(self._evaluate(expression.lhs, at), self._evaluate(expression.rhs, at))
            case promql_parser.BinaryExpr() if str(expression.op) == "*":
                return _multiple(self._evaluate(expression.lhs, at), float(str(expression.rhs)))
            case promql_parser.AggregateExpr():
                return self._aggregate(expression, at)
            case promql_parser.Call():
                return self._call(expression, at)
        raise AssertionError(f"not expected in a query: {expression}")

    def _select(self, selector: Any) -> list[Series]:
        matchers = [(matcher.name, matcher.op, matcher.value) for matcher in selector.matchers.matchers]
        if selector.name:
            matchers.append(("__name__", promql_parser.MatchOp.Equal, selector.name))
        return [one for one in self.series if all(_matches(one.labels, matcher) for matcher in matchers)]

    def _range(self, expression: Any, at: float) -> list[dict[str, Any]]:
        length = expression.range.total_seconds()
        found = []
        for one in self._select(expression.vector_selector):
            values = [list(sample) for sample in one.until(at) if sample[0] > at - length]
            if values:
                found.append({"metric": dict(one.labels), "values": values})
        return found

    def _either(self, left: list[dict[str, Any]], right: list[dict[str, Any]]) -> list[dict[str, Any]]:
        there = [one["metric"] for one in left]
        return left + [one for one in right if one["metric"] not in there]

    def _aggregate(self, expression: Any, at: float) -> list[dict[str, Any]]:
        inner = self._evaluate(expression.expr, at)
        if str(expression.op) == "topk":
            return sorted(inner, key=lambda one: -float(one["value"][1]))[: int(expression.param.val)]
        if str(expression.op) == "count":
            return [{"metric": {}, "value": [at, str(len(inner))]}] if inner else []
        assert str(expression.op) == "sum"
        total: dict[tuple[tuple[str, str], ...], float] = {}
        for one in inner:
            kept = ((label, one["metric"].get(label, "")) for label in expression.modifier.labels)
            key = tuple((label, value) for label, value in kept if value)
            total[key] = total.get(key, 0.0) + float(one["value"][1])
        return [{"metric": dict(key), "value": [at, f"{value:.10g}"]} for key, value in total.items()]

    def _call(self, expression: Any, at: float) -> list[dict[str, Any]]:
        if expression.func.name == "vector":
            (given,) = expression.args
            value = f"{at!r}" if isinstance(given, promql_parser.Call) else f"{given.val:g}"
            return [{"metric": {}, "value": [at, value]}]
        if expression.func.name == "label_replace":
            label, value = (argument.val for argument in expression.args[1:3])
            inner = self._evaluate(expression.args[0], at)
            return [{**one, "metric": one["metric"] | {label: value}} for one in inner]
        if expression.func.name == "last_over_time":
            return [
                {"metric": one["metric"], "value": [at, one["values"][-1][1]]}
                for one in self._range(expression.args[0], at)
            ]
        assert expression.func.name == "rate"
        selector = expression.args[0]
        window = selector.range.total_seconds()
        return [
            {
                "metric": {k: v for k, v in one.labels.items() if k != "__name__"},
                "value": [at, f"{(_at(one, at) - _at(one, at - window)) / window!r}"],
            }
            for one in self._select(selector.vector_selector)
            if one.until(at)
        ]


def _multiple(vector: list[dict[str, Any]], factor: float) -> list[dict[str, Any]]:
    return [{**one, "value": [one["value"][0], f"{float(one['value'][1]) * factor:.10g}"]} for one in vector]


def _at(one: Series, moment: float) -> float:
    """Return the value at a time, or the first value if the series begins later."""
    before = one.until(moment)
    return float((before[-1] if before else one.samples[0])[1])


def _matches(labels: Labels, matcher: tuple[str, Any, str]) -> bool:
    name, operator, value = matcher
    has = labels.get(name, "")
    if operator == promql_parser.MatchOp.Equal:
        return has == value
    if operator == promql_parser.MatchOp.NotEqual:
        return has != value
    found = re.fullmatch(value, has) is not None
    return found if operator == promql_parser.MatchOp.Re else not found


def shop(*, taken: float) -> Recording:
    """Return one minute of the demo mesh, moved so that the recording ends at `taken`."""
    recorded = json.loads((_RECORDED / "shop.json").read_text(encoding="utf-8"))
    found = [
        Series(one["metric"], [(taken + time, value) for time, value in one["values"]])
        for one in recorded["series"]
    ]
    for histogram in recorded["histograms"]:
        times = [taken + time for time in histogram["times"]]
        found += [
            Series(histogram["metric"] | {"le": le}, list(zip(times, values, strict=True)))
            for le, values in histogram["le"].items()
        ]
    return Recording(found)


def shop_inventory() -> objects.Inventory:
    """Return the inventory of the recorded mesh."""
    path = inventory_file()
    return file_source.read(path.read_text(encoding="utf-8"), source=path.name)


def inventory_file() -> Path:
    """Return the path of the inventory file of the recorded mesh."""
    return _RECORDED / "shop.yaml"


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """A `taking.Answer`."""

    series: Sequence[dict[str, Any]]
    warnings: Sequence[str] = ()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.series)

    def among(self, metrics: Collection[str]) -> Iterator[dict[str, Any]]:
        return (one for one in self.series if not metrics or one["metric"]["__name__"] in metrics)


@dataclasses.dataclass(slots=True)
class Backend:
    """A `taking.Backend` without a network: it answers from a recording and records the queries."""

    recording: Recording
    asked: list[str] = dataclasses.field(default_factory=list)
    warnings: tuple[str, ...] = ()

    async def ask(self, queries: Sequence[str], *, at: float) -> list[Answer]:
        self.asked += queries
        return [Answer(self.recording.ask(query, at=at), self.warnings) for query in queries]

    @property
    def ranges(self) -> list[float]:
        """The range of each query for raw samples, in seconds."""
        parsed = (promql_parser.parse(query) for query in self.asked)
        return [one.range.total_seconds() for one in parsed if isinstance(one, promql_parser.MatrixSelector)]


@dataclasses.dataclass(slots=True)
class Clock:
    """A clock that stands still until a test sets it."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Deaf:
    """An observer that only checks the measurements and does not keep them."""

    def snapshot_taken(self, *, seconds: float, age: float) -> None:
        assert math.isfinite(seconds + age)

    def query_done(self, outcome: str, seconds: float) -> None:
        assert outcome
        assert math.isfinite(seconds)
