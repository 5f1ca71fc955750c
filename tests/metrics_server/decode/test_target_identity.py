"""Counts of raw samples from databases without staleness markers or without deduplication."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import pytest

from metrics_server.decode import decoder, targets
from metrics_server.model import kinds, snapshot
from metrics_server.profiles import loading
from metrics_server.query import plan
from metrics_server.query import reach as query_reach
from tests.metrics_server import recording

(ENVOY,) = [mesh for mesh in loading.shipped() if mesh.name == "envoy"]
NOW, WINDOW = 1000.0, 30.0
TIMES = [965.0, 970.0, 975.0, 980.0, 985.0, 990.0, 995.0, 1000.0]
CART = "outbound|8080||cart.shop.svc.cluster.local"
POD = {"job": "envoy", "instance": "10.0.0.1:9901", "namespace": "shop", "pod": "a"}
NO_LABELS: Mapping[str, str] = {}
Samples = Iterable[tuple[float, float]]


def proxy(
    calls: Samples, *, begun: float = 0.0, away: Samples = (), further: Mapping[str, str] = NO_LABELS
) -> list[recording.Series]:
    """Return the series of a proxy with this counter; `away` are samples of `up` for failed scrapes."""
    counted, own = list(calls), {**POD, **further}
    up = sorted([*((at, 1.0) for at, _ in counted), *away])
    return [
        recording.series(plan.UP, up, **own),
        recording.series(ENVOY.sign[0], [(at, at - begun) for at, _ in counted], **own),
        recording.series(
            "envoy_cluster_upstream_rq_xx",
            counted,
            envoy_cluster_name=CART,
            envoy_response_code_class="2",
            **own,
        ),
    ]


def growing(times: Iterable[float], *, by: float = 4.0, since: float = TIMES[0]) -> Samples:
    """Return samples of a counter that grows by `by` every 5 s."""
    return [(at, 100 + by * (at - since) / 5) for at in times]


def read(*series: recording.Series) -> snapshot.Snapshot:
    (query,) = plan.make(
        ENVOY,
        scope=plan.QueryScope(),
        window=WINDOW,
        reach=query_reach.Reach(usual=query_reach.Times(window=WINDOW, before=10, interval=5)),
    ).counters
    counters = recording.Recording(list(series)).ask(query, at=NOW)
    found = targets.find(counters, ENVOY)
    return decoder.read(counters, [], proxies=found, taken=NOW, window=WINDOW, interval=5.0)


def counts(*series: recording.Series) -> Mapping[str, float]:
    """Return the number of successful calls by pod."""
    taken = read(*series)
    calls = taken.calls[kinds.Side.CLIENT]
    pods = [taken.reporters[number].pod for number in calls.reporter.tolist()]
    return dict(zip(pods, calls.success.tolist(), strict=True))


# Staleness markers


def test_a_target_that_goes_away_keeps_what_it_counted_and_no_more() -> None:
    stays = proxy(growing(TIMES), further={"instance": "10.0.0.2:9901", "pod": "b"})
    assert counts(*proxy(growing(TIMES[:5])), *stays) == {"a": 4 * 3, "b": 4 * 6}


def test_a_target_that_comes_back_as_the_same_process_counts_on_over_the_gap() -> None:
    assert counts(*proxy(growing([*TIMES[:3], *TIMES[6:]]), away=[(985.0, 0.0)])) == {"a": 4 * 6}


def test_a_target_that_comes_back_as_a_new_process_counts_from_nothing() -> None:
    old = proxy(growing(TIMES[:3]))
    new = proxy([(990.0, 2.0), (995.0, 5.0), (1000.0, 7.0)], begun=988.0)
    both = [
        dataclasses.replace(one, samples=[*one.samples, *other.samples])
        for one, other in zip(old, new, strict=True)
    ]
    assert counts(*both) == {"a": 4 + 7}


def test_a_gap_at_the_start_of_the_window_invents_nothing() -> None:
    assert counts(*proxy(growing(TIMES[4:]))) == {"a": 4 * 3}


def test_a_sample_that_is_kept_twice_counts_once() -> None:
    samples = growing(TIMES)
    assert counts(*proxy([one for sample in samples for one in (sample, sample)])) == {"a": 4 * 6}


# Replicas


@pytest.mark.parametrize("label", ["prometheus_replica", "replica", "__replica__"])
def test_what_two_replicas_of_prometheus_scrape_counts_once(label: str) -> None:
    one = proxy(growing(TIMES), further={label: "prometheus-0"})
    other = proxy(growing([at + 1.7 for at in TIMES[:-1]]), further={label: "prometheus-1"})
    assert counts(*one, *other) == counts(*other, *one) == {"a": 4 * 6}


def test_of_two_replicas_the_one_that_missed_scrapes_is_left_out() -> None:
    whole = proxy(growing(TIMES), further={"prometheus_replica": "prometheus-1"})
    broken = proxy(growing(TIMES[:3]), further={"prometheus_replica": "prometheus-0"})
    assert counts(*broken, *whole) == {"a": 4 * 6}


def test_replicas_that_took_turns_both_count() -> None:
    first = proxy(growing(TIMES[:4]), further={"prometheus_replica": "prometheus-0"})
    then = proxy(growing(TIMES[4:]), further={"prometheus_replica": "prometheus-1"})
    assert counts(*first, *then) == {"a": 4 * 2 + 4 * 3}


def test_two_ports_of_one_proxy_are_one_process_that_counts_once() -> None:
    merged = proxy(growing(TIMES), further={"instance": "10.0.0.1:15020", "job": "pods"})
    own = proxy(growing(TIMES), further={"instance": "10.0.0.1:15090", "job": "monitor"})
    assert counts(*merged, *own) == counts(*own, *merged) == {"a": 4 * 6}


def test_two_ports_that_are_scraped_in_turn_are_one_process_that_counts_once() -> None:
    merged = proxy(growing(TIMES), further={"instance": "10.0.0.1:15020"})
    own = proxy(growing([at - 2.0 for at in TIMES]), further={"instance": "10.0.0.1:15090"})
    assert counts(*merged, *own) == {"a": 4 * 6}


def test_two_proxies_of_one_pod_that_started_together_both_count() -> None:
    one = proxy(growing(TIMES), further={"instance": "10.0.0.1:20200"})
    other = proxy(growing(TIMES, by=3.0), further={"instance": "10.0.0.1:20201"})
    assert counts(*one, *other) == {"a": (4 + 3) * 6}


def test_a_counter_that_only_one_of_two_ports_has_counts() -> None:
    one = proxy(growing(TIMES), further={"instance": "10.0.0.1:15020"})
    *other, calls = proxy(growing(TIMES), further={"instance": "10.0.0.1:15090"})
    failed = dataclasses.replace(calls, labels={**calls.labels, "envoy_response_code_class": "3"})
    assert counts(*one, *other, calls, failed) == {"a": 2 * 4 * 6}


# One target that carries the series of several pods


def carried(
    name: str, calls: Samples, labels: Mapping[str, str] = NO_LABELS, *, begun: float = 0.0
) -> list[recording.Series]:
    """Return the series of a pod that another target, such as a federated Prometheus, carries."""
    target = {"job": "federate", "instance": "prom:9090", "pod": name}
    _, *own = proxy(calls, begun=begun, further={**target, **labels})
    return own


FEDERATE = recording.series(plan.UP, [(at, 1.0) for at in TIMES], job="federate", instance="prom:9090")


def test_a_pod_that_restarts_behind_a_shared_target_is_no_new_process_of_the_others() -> None:
    """The age of one process was taken for that of all: they counted everything since they started."""
    old = carried("a", [(at, 70_000 + 4 * at) for at in TIMES])
    restarted = carried("b", [(at, 2.0 * (at - 972)) for at in TIMES[2:]], begun=972.0)
    assert counts(FEDERATE, *old, *restarted) == {"a": 4 * 30, "b": 2.0 * (1000 - 972)}


def test_a_pod_that_a_shared_target_has_carried_since_the_window_began_adds_nothing_before() -> None:
    late = carried("b", [(at, 70_000 + 4 * at) for at in TIMES[3:]])
    assert counts(FEDERATE, *carried("a", growing(TIMES)), *late) == {"a": 4 * 6, "b": 4 * 20}


@pytest.mark.parametrize(
    "names", [("exported_pod", "exported_namespace"), ("k8s_pod_name", "k8s_namespace_name")]
)
def test_a_collector_that_is_a_pod_itself_does_not_get_the_figures_of_others(names: tuple[str, str]) -> None:
    own = {"pod": "collector-0", "namespace": "monitoring"}
    up = dataclasses.replace(FEDERATE, labels={**FEDERATE.labels, **own})
    one = carried("collector-0", growing(TIMES), {**own, names[0]: "a", names[1]: "shop"})
    other = carried("collector-0", growing(TIMES, by=2.0), {**own, names[0]: "b", names[1]: "shop"})
    taken = read(up, *one, *other)
    assert [(one.namespace, one.pod) for one in taken.reporters] == [("shop", "a"), ("shop", "b")]
    assert taken.calls[kinds.Side.CLIENT].success.tolist() == [4 * 6, 2 * 6]


# Series that a proxy evicts


def test_a_series_that_was_evicted_and_came_back_counts_from_nothing() -> None:
    up, age, calls = proxy(growing(TIMES))
    back = dataclasses.replace(calls, samples=[*calls.samples[:2], *[(at, "500") for at in TIMES[6:]]])
    assert counts(up, age, back) == {"a": 500.0}


def test_a_series_with_times_of_its_own_was_not_evicted() -> None:
    up, age, calls = proxy(growing(TIMES))
    own = dataclasses.replace(calls, samples=[(at + 0.3, value) for at, value in calls.samples[:-1:3]])
    assert counts(up, age, own)["a"] < 40


# Targets that share an instance, and targets that get other labels


def test_a_pod_that_is_given_a_label_is_not_taken_for_newborn() -> None:
    """It has new series, which continue from the last values of the old ones."""
    before = proxy([(at, 50_000 + at) for at in TIMES[:4]])
    after = proxy([(at, 50_000 + at) for at in TIMES[4:]], further={"version": "2"})
    assert counts(*before, *after) == counts(*after, *before) == {"a": 10 + 15}


def test_pods_whose_instance_is_their_node_are_told_apart() -> None:
    one = proxy(growing(TIMES), further={"instance": "node-1"})
    newborn = proxy([(995.0, 7.0), (1000.0, 9.0)], begun=993.0, further={"instance": "node-1", "pod": "b"})
    assert counts(*one, *newborn) == {"a": 4 * 6, "b": 9}
