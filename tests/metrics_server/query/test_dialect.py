"""Every query of the server can be narrowed by matchers, and can name its metrics one by one."""

from __future__ import annotations

import time
from collections.abc import Iterator

import promql_parser
import pytest

from metrics_server.collect import detection
from metrics_server.model import label_matchers
from metrics_server.profiles import loading, schema
from metrics_server.query import dialect, plan, promql
from metrics_server.query import reach as query_reach
from tests.metrics_server import recording

HOSTILE = label_matchers.parse(r'cluster="e\"u}{",env!~"test|d\\.v"')
SELECTOR = promql.selector(["a", "b.c"], [promql.Matcher("x", "=", 'y"}{')])


def queries(mesh: schema.Profile) -> Iterator[str]:
    for namespace in (None, "shop"):
        times = query_reach.Times(window=30.0, before=30.0, interval=15.0)
        slow = query_reach.Slow(
            jobs=("gateway",), times=query_reach.Times(window=120.0, before=120.0, interval=60.0)
        )
        made = plan.make(
            mesh,
            scope=plan.QueryScope(namespace=namespace),
            window=30.0,
            reach=query_reach.Reach(usual=times, slow=slow),
        )
        yield from made.counters
        if made.buckets:
            yield made.buckets
    yield from detection.signs(mesh)
    yield promql.sample(mesh.sign, 20)
    yield promql.newest(promql.selector(mesh.sign))
    yield plan.targets_by_job(mesh)
    yield plan.scrapes(mesh, ["gateway"], 600.0)
    yield promql.count(promql.last(promql.selector(mesh.sign), 30.0))
    yield promql.either(promql.marked(promql.count(sign), "l", "v") for sign in detection.signs(mesh))


@pytest.mark.parametrize("mesh", loading.shipped(), ids=lambda mesh: mesh.name)
def test_every_selector_of_every_query_gets_the_matchers(mesh: schema.Profile) -> None:
    added = [(one.label, one.value) for one in HOSTILE]
    for query in queries(mesh):
        (narrowed,) = dialect.adapted(query, dialect.Dialect(always=HOSTILE))
        found = list(_selectors(promql_parser.parse(narrowed)))
        assert found
        for one in found:
            assert [(m.name, m.value) for m in one.matchers.matchers][-len(added) :] == added
        assert len(found) == len(list(_selectors(promql_parser.parse(query))))


@pytest.mark.parametrize("mesh", loading.shipped(), ids=lambda mesh: mesh.name)
def test_every_query_can_name_its_metrics_exactly(mesh: schema.Profile) -> None:
    for query in queries(mesh):
        for part in dialect.adapted(query, dialect.Dialect(always=HOSTILE, exact_names=True)):
            assert not dialect.names_a_pattern(part)
            for one in _selectors(promql_parser.parse(part)):
                names = [m for m in one.matchers.matchers if m.name == "__name__"]
                assert [m.op for m in names] == [promql_parser.MatchOp.Equal]


def test_exact_names_find_the_same_series() -> None:
    now = time.time()
    shop = recording.shop(taken=now)
    (mesh,) = [one for one in loading.shipped() if one.name == "envoy"]
    exact = dialect.Dialect(exact_names=True)
    for query in queries(mesh):
        apart = [one for part in dialect.adapted(query, exact) for one in shop.ask(part, at=now)]
        whole = shop.ask(query, at=now)
        assert sorted(map(str, apart)) == sorted(map(str, whole))
        assert whole or "shop" in query or "rq_time" in query or "gateway" in query


def mark(expression: str, metric: str) -> str:
    return promql.marked(expression, "trafficmetrics_metric", metric)


def test_series_that_differ_in_the_metric_only_are_all_counted() -> None:
    twins = [recording.series(name, [(995.0, value)], x="1") for name, value in (("a", 1), ("b", 2))]
    held = recording.Recording(twins)
    selector = promql.selector(["a", "b"])
    for query in (promql.count(selector), promql.sum_by(["x"], selector)):
        (exact,) = dialect.adapted(query, dialect.Dialect(exact_names=True))
        assert held.ask(exact, at=1000.0) == held.ask(query, at=1000.0) != []


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        (promql.over(SELECTOR, 30), ("A[30s]", "B[30s]")),
        (promql.rate(SELECTOR, 30), ("(rate(A[30s]) or rate(B[30s]))",)),
        (promql.count(SELECTOR), (f"count(({mark('A', 'a')} or {mark('B', 'b.c')}))",)),
        (f"topk(3, {SELECTOR})", ("topk(3, (A or B))",)),
        (f"quantile_over_time(0.9, {SELECTOR}[5m]) > 1",
         ("(quantile_over_time(0.9, A[5m]) or quantile_over_time(0.9, B[5m])) > 1",)),
        (f"max by (x) (timestamp({SELECTOR}))",
         (f"max by (x) (({mark('timestamp(A)', 'a')} or {mark('timestamp(B)', 'b.c')}))",)),
        (SELECTOR, ("(A or B)",)),
        (promql.PROBE, (promql.PROBE,)),
        (f"{SELECTOR} or {SELECTOR}", ("(A or B) or (A or B)",)),
    ],
)  # fmt: skip
def test_functions_and_ranges_are_divided_where_promql_allows_it(query: str, sent: tuple[str, ...]) -> None:
    found = dialect.adapted(query, dialect.Dialect(exact_names=True))
    one = promql.selector(["a"], [promql.Matcher("x", "=", 'y"}{')])
    other = promql.selector(["b.c"], [promql.Matcher("x", "=", 'y"}{')])
    assert tuple(part.replace(one, "A").replace(other, "B") for part in found) == sent


def test_without_anything_to_adapt_a_query_is_sent_as_it_is() -> None:
    assert dialect.adapted(promql.rate(SELECTOR, 30), dialect.Dialect()) == (promql.rate(SELECTOR, 30),)


def _selectors(expression: object) -> Iterator[promql_parser.VectorSelector]:
    match expression:
        case promql_parser.VectorSelector():
            yield expression
        case promql_parser.MatrixSelector():
            yield expression.vector_selector
        case promql_parser.BinaryExpr():
            yield from _selectors(expression.lhs)
            yield from _selectors(expression.rhs)
        case promql_parser.Call():
            for one in expression.args:
                yield from _selectors(one)
        case promql_parser.AggregateExpr() | promql_parser.ParenExpr():
            yield from _selectors(expression.expr)
