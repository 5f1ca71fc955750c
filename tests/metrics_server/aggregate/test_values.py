"""A pod's value is not too low or too high while its proxy is new, restarted or no longer scraped."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest

from apiservice.request import selectors
from metrics_server.aggregate import named_metrics
from metrics_server.api.autoscaling import values
from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.store import store
from tests.metrics_server import meshes

START, NEWEST, INTERVAL = 970.0, 999.0, 5.0
"""The start of the window, the newest scrape and the scrape interval in `meshes.moment`, in seconds.

Its snapshot is taken at 1000.
"""
WHOLE = meshes.WHOLE


def moment(
    *spans: snapshot.Span, requests: Sequence[float] | None = None, gone: Collection[str] = ()
) -> store.Moment:
    """Return a moment of pods p0, p1, … of one Deployment; `requests` are the requests that each answered."""
    pods = [meshes.pod(f"p{number}", app="web", number=str(number)) for number in range(len(spans))]
    counts = requests or [60.0] * len(spans)
    taken = meshes.moment(
        pods, server=[(number, -1, count, 0.0) for number, count in enumerate(counts)], spans=spans
    )
    web = meshes.ref("Deployment", "web")
    owned = [objects.Object(ref=meshes.ref("Pod", pod.pod), owner=web, labels=pod.labels) for pod in pods]
    known_objects = {one.ref: one for one in (*owned, objects.Object(ref=web))}
    deleted = {ref: known_objects.pop(ref) for ref in [meshes.ref("Pod", name) for name in gone]}
    return store.Moment(taken, objects.Inventory(known_objects, deleted), arrived=1000.0)


def values_of(of: store.Moment, metric: str = "requests_per_second", kind: str = "Pod") -> values.Values:
    found = named_metrics.SERVED.find(metric)
    assert found is not None
    return values.of_kind(of, kinds.KIND_BY_NAME[kind], found, kinds.Direction.FROM)


def one(
    of: store.Moment, name: str = "p0", metric: str = "requests_per_second"
) -> values.Value | values.NoValue:
    return values_of(of, metric).by_resource[meshes.ref("Pod", name)]


def rate(of: store.Moment, name: str = "p0") -> tuple[float, float]:
    """Return the pod's rate, and the time in seconds that it covers."""
    value = one(of, name)
    assert isinstance(value, values.Value)
    return value.number, value.seconds


def why(of: store.Moment, name: str = "p0", metric: str = "requests_per_second") -> str:
    value = one(of, name, metric)
    assert isinstance(value, values.NoValue)
    return value.why


def test_a_pod_that_was_there_is_counted_over_the_window() -> None:
    assert rate(moment(WHOLE)) == (2.0, 30.0)


def test_a_new_pod_is_counted_over_its_own_life() -> None:
    """60 requests in 15 s are 4 per second; divided by the whole window they would be only 2."""
    born = meshes.span(since=984.0, until=999.0, born=True)
    assert rate(moment(WHOLE, born), "p1") == (4.0, 15.0)


@pytest.mark.parametrize(
    "metric", ["requests_per_second", "p99_response_latency", "success_rate", "failure_count"]
)
def test_a_pod_is_left_out_until_two_scrapes_have_told_of_it(metric: str) -> None:
    """Its first requests are few and slow; an autoscaler must not take them for overload or for idleness."""
    born = meshes.span(since=992.0, until=999.0, born=True)
    assert "figures of a new pod are served after 10s" in why(moment(WHOLE, born), "p1", metric)


def test_a_pod_with_an_unknown_past_is_counted_over_what_was_seen() -> None:
    seen = meshes.span(since=979.0, until=999.0, missing=True)
    assert rate(moment(WHOLE, seen, requests=[60, 40]), "p1") == (2.0, 20.0)


def test_a_pod_that_is_scraped_no_more_is_left_out_and_not_idle() -> None:
    down = meshes.span(since=START, until=980.0, ended=True)
    assert why(moment(WHOLE, down), "p1") == "its proxy was last scraped 19 s before the others: is it down?"


@pytest.mark.parametrize(("until", "requests"), [(994.0, 50.0), (989.0, 40.0)])
def test_a_pod_that_missed_a_scrape_or_two_is_counted_over_what_was_seen(
    until: float, requests: float
) -> None:
    """Between its scrapes it received 2 per second; divided by the whole window this would be less."""
    late = meshes.span(since=969.0, until=until, ended=True)
    number, seconds = rate(moment(WHOLE, late, requests=[60, requests]), "p1")
    assert (number, seconds) == (2.0, requests / 2.0)


def test_a_pod_whose_newest_scrape_is_before_the_window_is_not_idle() -> None:
    """The window spans only two scrapes, and the pod is not yet two scrapes behind."""
    before = meshes.span(since=START, until=START, ended=True)
    assert "is it down?" in why(moment(meshes.span(since=START, until=980.0, ended=True), before), "p1")


def test_a_pod_that_was_deleted_is_not_told_while_its_deployment_still_has_its_requests() -> None:
    """An autoscaler averages all values that it gets, including those of pods that no longer exist."""
    of = moment(WHOLE, WHOLE, requests=[60, 30], gone=["p1"])
    assert [ref.name for ref in values_of(of).by_resource] == ["p0"]
    deployment = values_of(of, kind="Deployment").by_resource[meshes.ref("Deployment", "web")]
    assert deployment == values.Value(meshes.ref("Deployment", "web"), 3.0, 30.0, 999.0)


def test_an_idle_pod_is_zero_and_its_latency_is_not_known() -> None:
    idle = moment(WHOLE, WHOLE, requests=[60, 0])
    assert rate(idle, "p1") == (0.0, 30.0)
    assert why(idle, "p1", "p99_response_latency") == "no requests in the last 30s"


def test_what_has_many_pods_is_counted_over_the_window() -> None:
    """Before the new pod existed, the other pod answered the requests."""
    born = meshes.span(since=992.0, until=999.0, born=True)
    deployment = values_of(moment(WHOLE, born, requests=[60, 30]), kind="Deployment").by_resource
    assert deployment[meshes.ref("Deployment", "web")] == values.Value(
        meshes.ref("Deployment", "web"), 3.0, 30.0, 999.0
    )


def test_when_monitoring_has_just_begun_a_rate_is_over_what_was_seen() -> None:
    """If Prometheus has only 10 s of samples, the requests are divided by 10 s, not by the window of 30 s."""
    seen = meshes.span(since=989.0, until=999.0, missing=True)
    deployment = values_of(moment(seen, seen, requests=[20, 20]), kind="Deployment").by_resource
    assert deployment[meshes.ref("Deployment", "web")] == values.Value(
        meshes.ref("Deployment", "web"), 4.0, 10.0, 999.0
    )


def test_when_nothing_was_scraped_twice_there_is_no_rate() -> None:
    seen = meshes.span(since=999.0, until=999.0, missing=True)
    (value,) = values_of(moment(seen, seen, requests=[0, 0]), kind="Deployment").by_resource.values()
    assert isinstance(value, values.NoValue)
    assert "just begun" in value.why


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("", ["p0", "p1", "p2"]),
        ("app=web", ["p0", "p1", "p2"]),
        ("app=web,number!=1", ["p0", "p2"]),
        ("number in (0,2)", ["p0", "p2"]),
        ("number in (0,2),app=web", ["p0", "p2"]),
        ("number", ["p0", "p1", "p2"]),
        ("!number", []),
        ("number notin (0)", ["p1", "p2"]),
        ("app=other", []),
        ("number=9", []),
    ],
)
def test_pods_are_selected_by_the_whole_grammar(selector: str, names: list[str]) -> None:
    of = values_of(moment(WHOLE, WHOLE, WHOLE))
    labels = selectors.LabelSelector.parse(selector)
    for namespace in ("shop", None):
        assert sorted(value.ref.name for value in of.select(namespace, labels)) == names
    assert of.select("elsewhere", labels) == []


def test_why_selected_pods_have_no_value_is_known() -> None:
    down = meshes.span(since=START, until=980.0, ended=True)
    of = values_of(moment(WHOLE, down))
    assert of.reasons(selectors.LabelSelector.parse("number=1")) == [
        ("shop", "p1: its proxy was last scraped 19 s before the others: is it down?")
    ]
    assert of.reasons(selectors.LabelSelector.parse("number=0")) == []
