"""What the raw series say about the scrape: labels, intervals, lag, shared targets, several clusters.

Each finding has its remedy, because a wrong scrape is the usual cause of figures that are missing.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from metrics_server.check import overheard, report
from metrics_server.profiles import endpoints, fields, schema
from metrics_server.query import plan

CLUSTERS = (
    "cluster", "cluster_name", "k8s_cluster", "k8s_cluster_name", "cluster_id", "prometheus_cluster",
    "__tenant_id__",
)  # fmt: skip
"""Labels that usually name the cluster of a series; the last is that of Mimir's tenants."""
_PEER_CLUSTERS = ("source_cluster", "destination_cluster")
"""Labels with the clusters of both ends."""
_ELSEWHERE = ("dst_target_cluster", "consul_destination_peer")
"""Labels with the cluster of a peer that is not in this one."""
_CARRIED_PODS, _CARRIED_NAMESPACES = zip(*endpoints.CARRIED_PODS, strict=True)
"""Labels of the pod and its namespace behind a target that is another pod."""
_ADDED = (
    "exported_namespace", "exported_pod", "exported_instance", "exported_job", "k8s_namespace_name",
    "k8s_pod_name", "k8s_deployment_name", "service_instance_id",
)  # fmt: skip
"""Labels by which the series of several pods differ behind one collector."""
_LATE = 1.5
"""Scrape intervals: a sample that is older came late."""
_ALLOWED = 2.0
"""Seconds that a sample may be older in addition: VictoriaMetrics shows it that late."""
_MISSING = 1.5
"""Samples that a series must lack between its first and its last to have a gap."""
_UNLIKE = 1.5
"""The factor by which two scrape intervals must differ to be named."""
Raw = Sequence[overheard.RawSeries]
Target = tuple[str, str]


def of_mesh(mesh: schema.Profile, series: Raw) -> list[overheard.RawSeries]:
    """Return the series that belong to the mesh: its counters and, where there are none, its processes."""
    counters = {name for view in mesh.views for name in view.counters}
    own = [one for one in series if one.name in counters]
    process = mesh.process
    if own or process is None:
        return own
    return [
        one for one in series if one.name == process.metric and fields.all_match(process.match, one.labels)
    ]


def examine(
    mesh: schema.Profile, series: Raw, *, now: float, is_read: bool, found: report.CheckReport
) -> None:
    """Report on the scrape of a mesh.

    `now`: the time by the backend's clock (Unix seconds). `is_read`: whether the server finds proxies in
    these series.
    """
    own = of_mesh(mesh, series)
    if not own:
        return
    if mesh.reports_of_targets:
        _labels(mesh.target, own, found)
        _process(mesh, series, is_read, found)
    _times(own, series, now, found)
    _clusters(own, found)
    _other_clusters(own, found)
    _shared(mesh, own, [one for one in series if one.name == plan.UP], found)
    _scraped_twice(mesh, own, found)
    _same_address([one for one in series if one.name == plan.UP], mesh.target, found)


def _labels(target: endpoints.TargetLabels, own: Raw, found: report.CheckReport) -> None:
    """Report which labels of the scrape targets identify the pod of a proxy."""
    machines = [one for one in own if one.first_of(target.machine)]
    if machines:
        names = {next(name for name in target.machine if one.labels.get(name)) for one in machines}
        found.good(f"machines are named by the label {report.some(sorted(names))}")
    pods = [one for one in own if not one.first_of(target.machine)]
    for what, meta, names_of in (
        ("namespace", "__meta_kubernetes_namespace", target.namespace),
        ("pod", "__meta_kubernetes_pod_name", target.pod),
    ):
        used = Counter(name for one in pods if (name := next(filter(one.labels.get, names_of), None)))
        lacking = {_target(one) for one in pods if not one.first_of(names_of)}
        if used:
            found.good(f"a target's {what} is in its label {used.most_common(1)[0][0]!r}")
        if lacking and used:
            found.note(
                f"{report.counted(len(lacking), 'target')} without a {what}, such as "
                f"{_shown(min(lacking))}: proxies there are identified by address"
            )
        elif lacking:
            found.bad(
                f"no target has any of the labels {', '.join(names_of)}: proxies are identified by address. "
                f"Relabel {meta} to {names_of[0]!r} in the scrape job."
            )


def is_without_processes(mesh: schema.Profile, series: Raw) -> bool:
    """Return whether the counters of a mesh are there, and the metric that shows its processes is not."""
    process = mesh.process
    return (
        process is not None
        and bool(of_mesh(mesh, series))
        and not any(one.name == process.metric for one in series)
    )


def _process(mesh: schema.Profile, series: Raw, is_read: bool, found: report.CheckReport) -> None:
    process = mesh.process
    if process is not None and is_without_processes(mesh, series):
        (found.note if is_read else found.bad)(
            f"no target has {process.metric}, which shows when a proxy started: requests before the first "
            "scrape of a new proxy are not counted, and idle proxies are not seen. Keep this metric in the "
            "scrape job (metric_relabel_configs) and in the proxy's own statistics."
        )


def _times(own: Raw, series: Raw, now: float, found: report.CheckReport) -> None:
    """Report targets of different intervals, samples that come late, and series with gaps."""
    by_target: dict[Target, list[float]] = defaultdict(list)
    targets = set(map(_target, own))
    for one in series:
        if one.interval and _target(one) in targets:
            by_target[_target(one)].append(one.interval)
    _gaps(own, {target: min(found_) for target, found_ in by_target.items()}, found)
    intervals = Counter(round(min(found_), 0) or 1.0 for found_ in by_target.values())
    if intervals and max(intervals) > _UNLIKE * min(intervals):
        listed = ", ".join(
            f"{seconds:.0f} s ({report.counted(number, 'target')})"
            for seconds, number in sorted(intervals.items())
        )
        found.note(f"targets are scraped at different intervals: {listed}; each is counted over its own")
    age = now - max(one.last for one in own)
    usual = min(intervals) if intervals else None
    if usual is None or age <= _LATE * usual + _ALLOWED:
        return
    found.note(
        f"the newest sample is {age:.0f} s old, with a scrape every {usual:.0f} s: samples come "
        f"{age - usual:.0f} s late or more, or scraping has stopped. Remote write, federation and delayed "
        "rules make samples late: shorten their delay, or raise --stale-after if AGE comes near it."
    )


def _gaps(own: Raw, intervals: Mapping[Target, float], found: report.CheckReport) -> None:
    """Report series that were missing for a while. `intervals`: seconds, by target."""
    gaps = []
    for one in own:
        expected = (one.last - one.first) / intervals.get(_target(one), one.last - one.first + 1.0) + 1
        if expected - one.samples >= _MISSING:
            gaps.append(one)
    if gaps:
        found.note(
            f"{len(gaps)} series vanished and came back while their targets were scraped, such as "
            f"{gaps[0].name} of {_shown(_target(gaps[0]))}: the proxy evicts idle statistics, or scrapes "
            "fail. Requests around the gap count from the raw samples; latencies may leave them out."
        )


def _clusters(own: Raw, found: report.CheckReport) -> None:
    for label in CLUSTERS:
        values = sorted({value for one in own if (value := one.labels.get(label))})
        if len(values) > 1:
            found.bad(
                f"the series are of {len(values)} clusters by their label {label!r} "
                f"({report.some(values)}), whose figures would be mixed. "
                f"Choose one with --prometheus-selector '{label}=\"{values[0]}\"'."
            )


def _other_clusters(own: Raw, found: report.CheckReport) -> None:
    values = {one.labels.get(label, "") for one in own for label in _PEER_CLUSTERS} - {"", "unknown"}
    if len(values) > 1 or any(one.labels.get(label) for one in own for label in _ELSEWHERE):
        values |= {one.labels.get(label, "") for one in own for label in _ELSEWHERE} - {""}
        found.note(
            f"peers are in several clusters ({report.some(sorted(values))}): one of another cluster is "
            "not the object of that name in this cluster"
        )


def _shared(mesh: schema.Profile, own: Raw, ups: Raw, found: report.CheckReport) -> None:
    """Report targets that carry the series of several pods, or of a collector's sources."""
    pods: dict[Target, set[str]] = defaultdict(set)
    sources: dict[tuple[Target, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    read = _labels_read(mesh)
    for one in own:
        pod = one.first_of((*_CARRIED_PODS, *mesh.target.pod))
        if pod:
            namespace = one.first_of((*_CARRIED_NAMESPACES, *mesh.target.namespace))
            pods[_target(one)].add(f"{namespace}/{pod}")
        if one.first_of(_CARRIED_PODS):
            continue
        for label in _ADDED:
            if label not in read and (value := one.labels.get(label)):
                sources[_target(one), pod][label].add(value)
    scraped = Counter(map(_target, ups))
    shared = {
        target: names
        for target, names in pods.items()
        if len(names) > 1 and (not scraped or scraped[target] < len(names))
    }
    if shared:
        target, names = max(shared.items(), key=lambda each: len(each[1]))
        found.note(
            f"{len(names)} pods share a target ({_shown(target)}), such as {report.some(sorted(names), 2)}: "
            "by federation, a collector, or a dropped `instance`. Each is read apart by its labels, but `up` "
            "says nothing of them, so that a pod's first requests may not be counted. Scrape each pod, or "
            "keep `job` and `instance` (honor_labels: true)."
        )
    for (target, pod), labels in sources.items():
        for label, values in labels.items():
            if len(values) > 1 and mesh.reports_of_targets:
                found.bad(
                    f"{len(values)} values of {label!r} ({report.some(sorted(values), 3)}) come through one "
                    f"target ({_shown(target)}), and all their traffic is attributed to "
                    f"{f'the pod {pod!r}' if pod else 'that address'}. Set honor_labels: true in its scrape "
                    "job, so that the pods' own labels stay."
                )
                break


def _scraped_twice(mesh: schema.Profile, own: Raw, found: report.CheckReport) -> None:
    """Report pods of which two targets carry the same series."""
    read = _labels_read(mesh)
    targets: dict[tuple[str, frozenset[tuple[str, str]]], set[Target]] = defaultdict(set)
    for one in own:
        pod = one.first_of(mesh.target.pod)
        if pod and mesh.reports_of_targets:
            key = frozenset((k, v) for k, v in one.labels.items() if k in read or k == "__name__")
            targets[f"{one.first_of(mesh.target.namespace)}/{pod}", key].add(_target(one))
    twice = {pod: sorted(where) for (pod, _), where in targets.items() if len(where) > 1}
    if twice:
        pod, where = min(twice.items())
        found.note(
            f"{report.counted(len(twice), 'pod')} scraped twice, such as {pod} "
            f"({' and '.join(map(_shown, where[:2]))}): each request is in two series. Keep one of the two "
            "scrape jobs. The server counts them once, and Prometheus keeps twice the series."
        )


def _same_address(ups: Raw, target: endpoints.TargetLabels, found: report.CheckReport) -> None:
    """Report scrape targets that differ in neither job nor instance."""
    groups: dict[Target, list[overheard.RawSeries]] = defaultdict(list)
    for one in ups:
        groups[_target(one)].append(one)
    replicas: dict[str, set[str]] = defaultdict(set)
    for address, same in groups.items():
        differing = set(itertools.chain.from_iterable(one.labels for one in same))
        differing = {label for label in differing if len({one.labels.get(label) for one in same}) > 1}
        if len(same) < 2 or differing & set(CLUSTERS):
            continue
        if differing & {*target.pod, *target.namespace, *target.machine}:
            found.note(
                f"{len(same)} scrape targets share job and instance ({_shown(address)}), and differ in "
                f"{report.some(sorted(differing))}: give each target its own `instance`"
            )
            break
        for label in differing:
            replicas[label] |= {one.labels.get(label, "") for one in same}
    for label, values in replicas.items():
        found.note(
            f"the targets are held {len(values)} times, by the label {label!r} "
            f"({report.some(sorted(values))}): replicas of Prometheus without deduplication. "
            "Each request counts once; deduplicate to read less."
        )


def _labels_read(mesh: schema.Profile) -> frozenset[str]:
    """Return the labels that the profile reads, other than job and instance."""
    ends: Iterable[endpoints.Endpoint] = (
        end for view in mesh.views for end in (view.reporter, view.peer) if end is not None
    )
    of_ends = (name for end in ends for name in end.label_names)
    of_views = (name for view in mesh.views for name in view.deciding_labels)
    return frozenset({*of_ends, *of_views, *mesh.target.identity}) - {"instance"}


def _target(one: overheard.RawSeries) -> Target:
    return one.labels.get("job", ""), one.labels.get("instance", "")


def _shown(target: Target) -> str:
    job, instance = target
    return f"{instance or 'no instance'} of job {job or 'no job'}"
