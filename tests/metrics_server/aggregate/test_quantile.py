"""The expected values are those of Prometheus' own `promqltest/testdata/histograms.test`."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics_server.aggregate import quantile

INF = math.inf
NAN = math.nan
Buckets = list[tuple[float, float]]


def of(buckets: Buckets, *quantiles: float) -> quantile.Quantiles:
    bounds, counts = zip(*buckets, strict=True)
    return quantile.of(np.array([counts], dtype=float), bounds=np.array(bounds), quantiles=quantiles)


@pytest.mark.parametrize(
    ("buckets", "expected"),
    [
        pytest.param([(0.1, 5), (0.2, 7), (1, 11), (INF, 12)], {0.2: 0.048, 0.5: 0.15, 0.8: 0.72}, id="one"),
        pytest.param(
            [(-0.2, 1), (-0.1, 2), (0.3, 2), (INF, 3)], {0.2: -0.2, 0.5: -0.15, 0.8: 0.3}, id="negative"
        ),
        pytest.param(
            [(0.1, 5), (0.2, 7), (1, 11), (INF, 11)],
            {0: 0, 0.25: 0.055, 0.5: 0.125, 0.75: 0.45, 1: 1},
            id="testhistogram3 positive",
        ),
        pytest.param(
            [(-0.25, 0), (-0.2, 1), (-0.1, 2), (INF, 2)],
            {0: -0.25, 0.25: -0.225, 0.5: -0.2, 0.75: -0.15, 1: -0.1},
            id="testhistogram3 negative",
        ),
        pytest.param(
            [(0.1, 2), (1, 1), (10, 5), (100, 4), (1000, 9), (INF, 8)],
            {0.01: 0.0045, 0.5: 8.5, 0.99: 979.75},
            id="nonmonotonic",
        ),
        pytest.param([(0.1, 10), (0.2, 19), (INF, 25)], {0.3: 0.075, 0.5: 0.1277777777777778}, id="sum"),
        pytest.param([(0.1, 3), (0.2, 8), (INF, 10)], {0.3: 0.1, 0.5: 0.14}, id="job1"),
        pytest.param([(0.1, 7), (0.2, 11), (INF, 15)], {0.3: 0.0642857142857143, 0.5: 0.1125}, id="job2"),
    ],
)
def test_quantiles_are_those_of_prometheus(buckets: Buckets, expected: dict[float, float]) -> None:
    assert of(buckets, *expected).values[0] == pytest.approx(list(expected.values()))


@pytest.mark.parametrize(
    "buckets",
    [
        pytest.param([(1, 0), (2, 0), (INF, 0)], id="nothing counted"),
        pytest.param([(1, 3), (2, 5)], id="no +Inf"),
        pytest.param([(1, 3), (2, 5), (INF, NAN)], id="+Inf not of this layout"),
        pytest.param([(INF, 5)], id="only +Inf"),
        pytest.param([(1, NAN), (INF, 5)], id="only +Inf of this layout"),
        pytest.param([(1, NAN), (2, NAN), (INF, NAN)], id="nothing of this layout"),
    ],
)
def test_a_histogram_that_tells_nothing_has_no_quantile_and_is_not_clamped(buckets: Buckets) -> None:
    result = of(buckets, 0.5, 0.99)
    assert np.isnan(result.values).all()
    assert not result.clamped.any()


def test_without_histograms_there_are_no_rows() -> None:
    result = quantile.of(np.zeros((0, 3)), bounds=np.array([1.0, 2.0, INF]), quantiles=(0.5,))
    assert result.values.shape == result.clamped.shape == (0, 1)


def test_without_bounds_nothing_is_known() -> None:
    assert np.isnan(quantile.of(np.zeros((2, 0)), bounds=np.array([]), quantiles=(0.5,)).values).all()


def test_a_bound_that_is_not_of_this_layout_is_as_if_it_were_not_there() -> None:
    with_gap = of([(1, 2), (2, NAN), (4, 8), (INF, 8)], 0.5)
    without = of([(1, 2), (4, 8), (INF, 8)], 0.5)
    assert with_gap.values.tolist() == without.values.tolist() == [[2.0]]


def test_rows_of_unlike_layouts_do_not_disturb_each_other() -> None:
    counts = np.array([[1, 2, 4, 4], [NAN, 2, 4, 4], [1, NAN, 4, 4], [1, 2, 4, NAN]], dtype=float)
    result = quantile.of(counts, bounds=np.array([1.0, 2.0, 4.0, INF]), quantiles=(0.5,))
    assert result.values[:3, 0].tolist() == [2.0, 2.0, 2.0]
    assert math.isnan(result.values[3, 0])


def test_a_value_beyond_the_last_bound_is_marked_as_a_lower_limit() -> None:
    result = of([(1, 5), (2, 9), (INF, 10)], 0.5, 0.9, 0.99)
    assert result.values[0].tolist() == [1.0, 2.0, 2.0]
    assert result.clamped[0].tolist() == [False, False, True]


def test_the_last_bound_itself_is_no_lower_limit() -> None:
    result = of([(1, 5), (2, 10), (INF, 10)], 1.0)
    assert result.values[0].tolist() == [2.0]
    assert not result.clamped.any()


def test_all_beyond_a_first_bound_that_is_not_positive_is_that_bound() -> None:
    result = of([(-1, 0), (INF, 3)], 0.5)
    assert result.values[0].tolist() == [-1.0]
    assert result.clamped[0].tolist() == [True]


def test_in_the_first_bucket_only_its_bound_is_certain() -> None:
    result = of([(5, 10), (10, 19), (INF, 20)], 0.25, 0.5, 0.9, 0.99)
    assert result.values[0].tolist() == pytest.approx([2.5, 5.0, 9.444444444, 10.0])
    np.testing.assert_array_equal(result.below[0], [5.0, 5.0, NAN, NAN])
    assert result.clamped[0].tolist() == [False, False, False, True]


def test_in_a_sum_the_first_bucket_ends_at_the_first_bound_that_all_have() -> None:
    counts = np.array([[1, 2, 4, 4], [NAN, 3, 4, 4]], dtype=float).sum(axis=0, keepdims=True)
    result = quantile.of(counts, bounds=np.array([1.0, 2.0, 4.0, INF]), quantiles=(0.1, 0.9))
    np.testing.assert_array_equal(result.below[0], [2.0, NAN])


def test_a_bucket_that_begins_at_a_bound_of_0_is_like_a_first_one() -> None:
    result = of([(0, 0), (0.1, 5), (INF, 5)], 0.5)
    assert (result.values[0].tolist(), result.below[0].tolist()) == ([0.05], [0.1])


@pytest.mark.parametrize("buckets", [[(0, 5), (1, 5), (INF, 5)], [(-1, 5), (INF, 5)], [(1, 0), (INF, 5)]])
def test_a_value_that_is_a_bound_has_no_upper_limit(buckets: Buckets) -> None:
    assert np.isnan(of(buckets, 0.5).below).all()


def test_of_a_native_histogram_only_the_zero_bucket_begins_at_0() -> None:
    bounds = np.array([0.0, 0.001, 0.002, 0.004, INF])
    counts = np.array([[0, 4, 8, 9, 9], [0, 0, 8, 9, 9]], dtype=float)
    result = quantile.of(counts, bounds=bounds, quantiles=(0.25,), exponential=np.array([True, True]))
    np.testing.assert_array_equal(result.below[:, 0], [0.001, NAN])


def scalar(buckets: Buckets, q: float) -> float:
    """Return the quantile of one histogram, like `BucketQuantile` in Prometheus' promql/quantile.go."""
    buckets = [(bound, count) for bound, count in buckets if not math.isnan(count)]
    if len(buckets) < 2 or buckets[-1][0] != INF:
        return NAN
    monotone = []
    highest = -INF
    for bound, count in buckets:
        highest = max(highest, count)
        monotone.append((bound, highest))
    total = monotone[-1][1]
    if total == 0:
        return NAN
    rank = q * total
    b = next((i for i, (_, count) in enumerate(monotone[:-1]) if count >= rank), len(monotone) - 1)
    if b == len(monotone) - 1:
        return monotone[-2][0]
    if b == 0 and monotone[0][0] <= 0:
        return monotone[0][0]
    start, count, end = 0.0, monotone[b][1], monotone[b][0]
    if b > 0:
        start = monotone[b - 1][0]
        count -= monotone[b - 1][1]
        rank -= monotone[b - 1][1]
    return start + (end - start) * (rank / count) if count else NAN


COUNTS = st.one_of(st.integers(0, 10_000).map(float), st.just(0.0), st.just(NAN))


@st.composite
def histograms(draw: st.DrawFn) -> tuple[list[float], list[list[float]]]:
    finite = draw(st.lists(st.floats(-10, 1e6, width=32), min_size=0, max_size=8, unique=True))
    bounds = sorted({bound + 0.0 for bound in finite}) + ([INF] if draw(st.booleans()) else [])
    rows = draw(
        st.lists(st.lists(COUNTS, min_size=len(bounds), max_size=len(bounds)), min_size=1, max_size=6)
    )
    return bounds, rows


@settings(deadline=None, max_examples=60)
@given(histograms(), st.tuples(st.floats(0.001, 1), st.floats(0.001, 1)))
def test_any_histogram_agrees_with_a_scalar_port_of_prometheus(
    given_histograms: tuple[list[float], list[list[float]]], quantiles: tuple[float, float]
) -> None:
    bounds, rows = given_histograms
    counts = np.array(rows, dtype=float).reshape(len(rows), len(bounds))
    result = quantile.of(counts, bounds=np.array(bounds, dtype=float), quantiles=quantiles)
    expected = [[scalar(list(zip(bounds, row, strict=True)), q) for q in quantiles] for row in rows]
    np.testing.assert_allclose(result.values, np.array(expected), rtol=1e-9, atol=1e-12)
    limited = ~np.isnan(result.below)
    assert (result.values[limited] <= result.below[limited] * (1 + 1e-9)).all()
    assert not (limited & result.clamped).any()


@settings(deadline=None, max_examples=60)
@given(histograms(), st.floats(0.001, 1), st.sampled_from([0.25, 0.5, 4.0, 1024.0]))
def test_a_quantile_does_not_depend_on_the_scale_of_the_counts(
    given_histograms: tuple[list[float], list[list[float]]], q: float, scale: float
) -> None:
    bounds, rows = given_histograms
    counts = np.array(rows, dtype=float).reshape(len(rows), len(bounds))
    results = [
        quantile.of(counts * by, bounds=np.array(bounds, dtype=float), quantiles=(q,)) for by in (1.0, scale)
    ]
    np.testing.assert_array_equal(results[0].values, results[1].values)
    np.testing.assert_array_equal(results[0].clamped, results[1].clamped)
    np.testing.assert_array_equal(results[0].below, results[1].below)
