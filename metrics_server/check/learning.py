"""Learns a profile: finds metrics that no profile reads, looks at a sample of them, and proposes."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence

from metrics_server.check import families, label_roles, proposal, report
from metrics_server.profiles import loading, schema
from metrics_server.query import promql
from metrics_server.upstream import requests_prometheus

_SERIES = 200
"""Series of a metric that are looked at."""
_TRIED = 8
"""Families that are looked at."""
_SHOWN = 8
"""Families that are named."""
_STARTED = "process_start_time_seconds"


async def name_families(
    backend: requests_prometheus.RecordingClient,
    profiles: Sequence[schema.Profile],
    *,
    at: float,
    found: report.CheckReport,
) -> families.Found:
    """Report the metrics that look like counters of requests and that no profile reads; return them."""
    seen = await families.find(backend, profiles, at=at)
    if seen.is_cut_off:
        found.note(
            f"there are more than {families.MOST_NAMES} names of metrics, and only the first were looked at. "
            "Name a metric with --metric, or limit them with --prometheus-selector"
        )
    if seen.families:
        names = report.some((one.counter for one in seen.families), _SHOWN)
        found.note(
            f"these metrics look like counters of requests, and no profile reads them: {names}; "
            "`check --learn --metric NAME` proposes a profile for one"
        )
    return seen


async def propose(
    backend: requests_prometheus.RecordingClient,
    *,
    metric: str | None,
    at: float,
    found: report.CheckReport,
) -> str | None:
    """Return the YAML of a proposed profile; None if there is nothing to propose. `metric`: the counter that
    it has to read; None: the likeliest ones. Raises faults.Unavailable.
    """
    shipped = loading.shipped() if metric is None else ()
    seen = await name_families(backend, shipped, at=at, found=found)
    choice = seen.families[:_TRIED]
    if metric is not None:
        # It was asked for by name, so it need not look like a counter of requests.
        choice = [families.Family(counter=metric, histogram=families.histogram_of(metric, seen.names))]
    samples = [await _sample(backend, one, at=at) for one in choice if _can_be_read(one, found)]
    samples = [one for one in samples if one.series]
    if not samples:
        found.bad(f"nothing to learn from: {_why_nothing(metric, seen)}")
        return None
    best = max(samples, key=_says)
    pair = [best, *_other_side(best, samples)]
    text = proposal.write(pair, process=await _process(backend, best, at=at))
    # A proposal that cannot be loaded would be a fault of this program.
    mesh = loading.read(text, source="the proposed profile")
    found.good(f"proposed: profile {mesh.name}, which reads {', '.join(_counters(mesh))}")
    return text


def _why_nothing(metric: str | None, seen: families.Found) -> str:
    """Return why no profile can be proposed, and what to do."""
    if metric is not None:
        return f"no recent series of {metric} that can be in a profile. Give another metric with --metric"
    read = families.likely(seen.names, (), {})
    if read and not seen.families:
        names = report.some((one.counter for one in read), _SHOWN)
        return (
            f"shipped profiles read all metrics that look like counters of requests ({names}). If one "
            "of them gives no figures, see what `check` says of it, or name the metric with --metric"
        )
    return (
        "no metric looks like a counter of requests. Is the mesh scraped? Give a metric with --metric if its "
        "name says nothing of requests, or if the backend does not list names"
    )


def _can_be_read(family: families.Family, found: report.CheckReport) -> bool:
    """Return whether a profile can have these metrics, and report it if not."""
    text = proposal.write([proposal.Sample(family=family, series=())], process=None)
    try:
        loading.read(text, source="proposed")
    except loading.BadProfile:
        found.note(f"{family.counter} cannot be in a profile, because of the characters in its name")
        return False
    return True


async def _sample(
    backend: requests_prometheus.RecordingClient, family: families.Family, *, at: float
) -> proposal.Sample:
    (series,) = await backend.ask([promql.sample([family.counter], _SERIES)], at=at)
    bounds: list[float] = []
    if family.histogram:
        (buckets,) = await backend.ask([promql.sample([f"{family.histogram}_bucket"], _SERIES)], at=at)
        for one in buckets:
            with contextlib.suppress(ValueError):
                bounds.append(float(one["metric"].get("le", "")))
    finite = sorted({bound for bound in bounds if math.isfinite(bound)})
    return proposal.Sample(family=family, series=[one["metric"] for one in series], bounds=finite)


def _says(sample: proposal.Sample) -> tuple[int, int]:
    """Return how much the labels of a family say of requests, as numbers to compare: the first of equal
    families is the likelier one.
    """
    values = label_roles.values_of(sample.series)
    rules = label_roles.outcome(values)
    taken = {rule.label for rule in rules}
    ends = [label_roles.end(values, callee=callee, taken=taken) for callee in (True, False)]
    says = 2 * bool(rules) + 2 * (ends[0] is not None) + (ends[1] is not None)
    return says, int(sample.family.histogram is not None)


def _other_side(best: proposal.Sample, samples: Sequence[proposal.Sample]) -> list[proposal.Sample]:
    """Return the family of the same program that reports the other side, if there is one."""
    sides = proposal.sides(best)
    others = [
        one
        for one in samples
        if one is not best
        and one.family.stem == best.family.stem
        and not sides & proposal.sides(one)
        and one.family.histogram != best.family.histogram
    ]
    return [max(others, key=_says)] if others else []


async def _process(
    backend: requests_prometheus.RecordingClient, sample: proposal.Sample, *, at: float
) -> proposal.Process | None:
    """Return the metric with the start of the processes that count, if their targets have one."""
    (series,) = await backend.ask([promql.sample([_STARTED], _SERIES)], at=at)
    place = ("job", "instance")
    started = {tuple(one["metric"].get(label, "") for label in place) for one in series}
    counting = {tuple(labels.get(label, "") for label in place) for labels in sample.series}
    return proposal.Process(_STARTED, "start") if started & counting else None


def _counters(mesh: schema.Profile) -> list[str]:
    return list(dict.fromkeys(name for view in mesh.views for name in view.counters))
