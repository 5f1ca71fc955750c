"""Targets of several clusters are never added, whatever the label that names the cluster."""

from __future__ import annotations

import pytest

from metrics_server.collect import clusters
from metrics_server.decode import targets
from metrics_server.model import faults

T0 = 1_700_000_000.0


def target(*, since: float = T0, number: int = 1, **labels: str) -> targets.ScrapeTarget:
    """Return a target that was scraped for a minute. `number`: of its address."""
    labels = {"job": "envoy", "instance": f"10.0.0.{number}:15090", "namespace": "shop", **labels}
    return targets.ScrapeTarget(
        labels=labels, target_labels=labels, up=[[since + 5 * step, "1"] for step in range(13)]
    )


def labelled(label: str, value: str) -> targets.ScrapeTarget:
    found = target()
    found.target_labels = {**found.target_labels, label: value}
    return found


def refusal(*found: targets.ScrapeTarget) -> str:
    with pytest.raises(faults.SeveralClusters) as refused:
        clusters.check(found)
    return refused.value.message


@pytest.mark.parametrize("label", clusters.LABELS)
def test_two_clusters_are_refused_by_their_names_with_the_remedy(label: str) -> None:
    message = refusal(labelled(label, "us"), labelled(label, "eu"))
    assert f"targets of 2 clusters (label {label}: eu, us)" in message
    assert f"""`--prometheus-selector '{label}="eu"'`""" in message


def test_targets_without_the_label_are_of_another_cluster() -> None:
    message = refusal(target(cluster="eu"), target())
    assert "(label cluster: (none), eu)" in message
    assert """'cluster="eu"'""" in message


@pytest.mark.parametrize(
    "found",
    [
        [],
        [target(), target(number=2)],
        [target(cluster="eu"), target(number=2, cluster="eu")],
        [target(cluster="eu", prometheus_replica="a"), target(cluster="eu", prometheus_replica="b")],
        [target(app="cluster"), target(number=2, app="cart")],
    ],
)
def test_one_cluster_is_served(found: list[targets.ScrapeTarget]) -> None:
    clusters.check(found)


def test_a_cluster_that_was_given_a_name_is_the_same_cluster() -> None:
    clusters.check([target(), target(since=T0 + 61.0, cluster="eu")])


def test_a_cluster_that_was_given_a_name_is_distinguished_from_others() -> None:
    message = refusal(target(), target(since=T0 + 61.0, cluster="eu"), target(since=T0 + 61.0, cluster="us"))
    assert "of 2 clusters (label cluster: eu, us)" in message


def test_a_label_that_the_settings_choose_by_is_not_compared() -> None:
    found = [target(cluster="eu"), target(cluster="us")]
    clusters.check(found, chosen={"cluster"})
    with pytest.raises(faults.SeveralClusters):
        clusters.check(found, chosen={"cluster_name"})


def test_the_labels_of_requests_are_not_read() -> None:
    requests = [
        targets.ScrapeTarget(labels={"job": "j", "cluster": name}, counted=[[T0, "1"], [T0 + 5, "2"]])
        for name in ("eu", "us")
    ]
    clusters.check(requests)


def test_without_up_the_labels_of_processes_are_read() -> None:
    processes = [
        targets.ScrapeTarget(labels={"job": "federate", "cluster": name}, ages=[[T0, "60"], [T0 + 5, "65"]])
        for name in ("eu", "us")
    ]
    assert "(label cluster: eu, us)" in refusal(*processes)


def test_what_is_named_is_bounded_and_readable() -> None:
    names = [f"{number:03d}" + "x" * 1000 for number in range(300)] + ["'; rm -rf /\n"]
    message = refusal(*(target(number=number, cluster=name) for number, name in enumerate(names)))
    assert len(message) < 600
    assert "of 301 clusters" in message
    assert "and 296 more" in message
    assert message.isprintable()
    assert """'cluster="NAME"'""" in message
