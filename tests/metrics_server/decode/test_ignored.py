"""Series that are not traffic: the key `ignore` of a view."""

from __future__ import annotations

from typing import Any

import pytest

from metrics_server.decode import decoder, targets
from metrics_server.model import kinds, snapshot
from metrics_server.profiles import loading
from metrics_server.query import plan
from tests.metrics_server import recording, scraped

_PROFILE = """
name: toy
about: a toy mesh
views:
  - side: server
    requests: toy_requests_total
    appears: with first request
    match: {direction: inbound}
    ignore: {route: probe, port: "419[01]"}
    latency: {metric: toy_seconds, unit: s}
    outcome: [{label: code, matches: "5..", is: failure}, {is: success}]
  - side: client
    requests: toy_requests_total
    appears: with first request
    match: {direction: outbound}
    ignore: {route: probe}
    outcome: [{label: code, matches: "5..", is: failure}, {is: success}]
"""
_TOY = loading.read(_PROFILE, source="toy.yaml")
_POD = scraped.Proxy()


def _toy(by: float, **labels: str) -> list[recording.Series]:
    """Requests with a duration of one second at most."""
    where = {"direction": "inbound", "code": "200", **labels}
    timed = {label: value for label, value in where.items() if label != "code"}
    return [
        _POD.growing("toy_requests_total", by, **where),
        *(_POD.growing("toy_seconds_bucket", by, **timed, le=le) for le in ("1", "+Inf")),
    ]


def _queries() -> plan.Plan:
    return plan.make(_TOY, scope=plan.QueryScope(), window=scraped.WINDOW, reach=scraped.REACH)


def _read(*series: recording.Series, asks: bool = True) -> snapshot.Snapshot:
    """Return the snapshot; without `asks`, as if Prometheus had returned every series."""
    recorded, asked = recording.Recording([*_POD.itself()[:1], *series]), _queries()
    queries = asked.counters if asks else ['{__name__=~"up|toy_requests_total"}[60s]']
    counters: list[dict[str, Any]] = [one for query in queries for one in recorded.ask(query, at=scraped.NOW)]
    assert asked.buckets is not None
    return decoder.read(
        counters,
        recorded.ask(asked.buckets, at=scraped.NOW),
        proxies=targets.find(counters, _TOY),
        taken=scraped.NOW,
        window=scraped.WINDOW,
        interval=5.0,
    )


@pytest.mark.parametrize("asks", [True, False])
def test_a_series_with_any_of_the_labels_is_no_traffic_and_one_without_them_is(asks: bool) -> None:
    taken = _read(
        *_toy(3),
        *_toy(5, route="probe", port="8080"),
        *_toy(7, route="default", port="4191", code="500"),
        *_toy(2, route="default", port="8080", code="500"),
        *_toy(1, route="probes", port="41910"),
        asks=asks,
    )
    calls = taken.calls[kinds.Side.SERVER]
    assert (calls.success.sum(), calls.failure.sum()) == (6 * (3 + 1), 6 * 2)
    assert calls.buckets[0].max() == pytest.approx(6 * (3 + 2 + 1)), "durations of probes are left out too"


def test_each_view_has_its_own_and_the_query_leaves_out_what_no_view_reads() -> None:
    taken = _read(*_toy(3, direction="outbound", port="4190"), *_toy(3, direction="outbound", route="probe"))
    assert taken.calls[kinds.Side.CLIENT].success.sum() == 18
    (counters,) = _queries().counters
    assert 'route!~"probe"' in counters
    assert "port!~" not in counters


def test_a_workload_with_probes_alone_is_idle() -> None:
    taken = _read(*_toy(3, route="probe"), *_toy(3, port="4191"))
    assert [one.pod for one in taken.reporters] == ["a"]
    assert len(taken.calls[kinds.Side.SERVER]) == 0


def test_labels_of_what_is_left_out_are_labels_of_no_pod() -> None:
    taken = _read(*_toy(3, route="default", port="8080"))
    assert not {"route", "port"} & set(taken.reporters[0].labels)
