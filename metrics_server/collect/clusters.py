"""Refuses an answer with the scrape targets of several clusters. Pure.

Clusters may have the same namespaces, workloads and pods by design, so their sum is the traffic of no
workload. A cluster is chosen by label matchers in the settings. It is read only from the labels of scrape
targets: those of requests may name the cluster of a peer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from metrics_server.decode import targets
from metrics_server.model import faults

LABELS = (
    "cluster",
    "cluster_name",
    "k8s_cluster",
    "k8s_cluster_name",
    "kubernetes_cluster",
    "kubernetes_cluster_name",
    "kube_cluster",
    "cluster_id",
    "clusterID",
    "__tenant_id__",
)
"""Labels that name the cluster of a scrape target, or the tenant that wrote it. Those that distinguish
replicas of Prometheus are not among them.
"""
NONE = "(none)"
"""What a message calls the targets without the label."""
_MOST = 5
"""The number of clusters that a message names."""
_LONGEST = 40
"""Characters of a name in a message."""
_PLAIN = re.compile(rf"[\w.:/-]{{1,{_LONGEST}}}")
"""Names that need no quoting in a matcher or a shell."""


@dataclass(slots=True)
class _Scraped:
    """From when to when the targets of one cluster were scraped, Unix seconds."""

    first: float = math.inf
    last: float = -math.inf

    def meets(self, other: _Scraped) -> bool:
        """Return whether both were scraped at the same time."""
        return self.first <= other.last and other.first <= self.last


def check(found: Iterable[targets.ScrapeTarget], *, chosen: Collection[str] = ()) -> None:
    """Raise faults.SeveralClusters if targets have several values of a cluster label.

    A target without the label counts as a cluster of its own where others have it. Values that were not
    scraped at the same time are one cluster, which was given another name. `chosen`: the labels by which
    the settings choose targets, whose values are not compared.
    """
    scraped = [target for target in found if target.times]
    for label in LABELS:
        if label not in chosen and (several := _at_the_same_time(_by_cluster(scraped, label))):
            raise faults.SeveralClusters(_message(label, several))


def _by_cluster(found: Iterable[targets.ScrapeTarget], label: str) -> dict[str, _Scraped]:
    """Return when each cluster was scraped, by its name; empty for targets without the label."""
    clusters: dict[str, _Scraped] = {}
    for target in found:
        scraped = clusters.setdefault(_labels(target).get(label, ""), _Scraped())
        scraped.first = min(scraped.first, target.times[0])
        scraped.last = max(scraped.last, target.times[-1])
    return clusters


def _labels(target: targets.ScrapeTarget) -> Mapping[str, str]:
    """Return the labels of a target: of its series `up`, or of its process where `up` is not its own."""
    if target.up:
        return target.target_labels
    return target.labels if target.ages else {}


def _at_the_same_time(clusters: Mapping[str, _Scraped]) -> list[str]:
    """Return the names of the clusters that were scraped at the same time as another, sorted."""
    return sorted(
        name
        for name, one in clusters.items()
        if any(one.meets(other) for other in clusters.values() if other is not one)
    )


def _message(label: str, several: list[str]) -> str:
    shown = [name[:_LONGEST] + "…" * (len(name) > _LONGEST) if name else NONE for name in several]
    names = ", ".join(name if name.isprintable() else repr(name) for name in shown[:_MOST])
    more = f" and {len(several) - _MOST} more" if len(several) > _MOST else ""
    first = next((name for name in several if _PLAIN.fullmatch(name)), "NAME")
    return (
        f"Prometheus holds targets of {len(several)} clusters (label {label}: {names}{more}), whose figures "
        f"must not be added. Choose one with `--prometheus-selector '{label}=\"{first}\"'`."
    )
