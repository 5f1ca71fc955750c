"""Which test covers each trap in the metrics of meshes: this list must be complete and correct."""

from __future__ import annotations

from pathlib import Path

import pytest

_TESTS = Path(__file__).resolve().parents[1]
_HERE = (
    "dialects/test_traps_in_ends.py",
    "dialects/test_traps_in_names.py",
    "dialects/test_traps_in_figures.py",
    "dialects/test_traps_in_probes.py",
)
_ELSEWHERE = {
    2: ("metrics_server/decode/test_decoder.py", "test_the_same_process_scraped_by_two_jobs_counts_once"),
    11: ("metrics_server/aggregate/test_quantile.py", "test_a_histogram_that_tells_nothing_has_no_quantile"),
    12: ("metrics_server/decode/test_counters.py", "test_rule_2_a_counter_that_fell_counts_from_zero_again"),
    14: ("metrics_server/query/test_promql.py", "test_any_text_is_one_value_of_one_selector"),
    15: ("metrics_server/collect/test_collector.py", "test_a_prometheus_without_the_mesh_is_told"),
}
TRAPS = {
    1: "milliseconds, seconds and nanoseconds",
    2: "what two report is one request",
    3: "labels and metrics with and without their prefix, ending or class",
    4: "failures of gRPC with HTTP 200",
    5: "timeouts that are counted and not timed",
    6: "underscores, dots, colons, and names with more than one way to be parted",
    7: "whether a 4xx is a failure",
    8: "ends that are not known",
    9: "machines outside Kubernetes",
    10: "agents of nodes, which are nobody's proxy",
    11: "histograms that are empty, short, doubled or not monotone",
    12: "series that go, come again, start anew or are born at once",
    13: "several clusters with the same names",
    14: "hostile names in queries",
    15: "no mesh, and a mesh without traffic",
    16: "probes, scrapes and requests of the mesh itself, which are no traffic",
    17: "requests that ended before an endpoint answered",
}


@pytest.mark.parametrize("number", TRAPS, ids=TRAPS.values())
def test_every_trap_is_tried(number: int) -> None:
    here = "".join((_TESTS / file).read_text() for file in _HERE)
    if number in _ELSEWHERE:
        file, name = _ELSEWHERE[number]
        assert f"def {name}" in (_TESTS / file).read_text()
    assert number in _ELSEWHERE or f"def test_trap_{number}_" in here
