"""What is wrong with figures that came: too old, over another window, or not of all pods."""

import datetime as dt
from collections.abc import Iterator, Sequence

from dashboard.client import autoscaler, cluster, duration, measures
from dashboard.scaling import arithmetic, report

_STALE = dt.timedelta(seconds=90)  # older ones TrafficMetrics itself refuses
_YOUNG = dt.timedelta(seconds=90)  # a pod this old has been scraped twice
_SOME = 3  # names that are worth reading
_ASSUMED = "counted as idle when pods would be added, and as on target when pods would go"


def find(
    metric: autoscaler.Metric,
    measured: Sequence[measures.Measure],
    *,
    result: arithmetic.Result | None,
    pods: Sequence[cluster.Pod],
    now: dt.datetime,
) -> Iterator[report.Finding]:
    age = now - min(one.timestamp for one in measured)
    if age > _STALE:
        yield report.Finding(
            report.Weight.WRONG,
            f"The figures are {duration.spell(age // dt.timedelta(seconds=1))} old, and an HPA does not look "
            "at that.",
            "See why the server that answers gets no newer ones.",
        )
    yield from _of_windows(metric, measured)
    if result and result.missing:
        yield _of_missing(result.missing, pods, now=now)


def _of_windows(metric: autoscaler.Metric, measured: Sequence[measures.Measure]) -> Iterator[report.Finding]:
    wanted = dict(term.partition("=")[::2] for term in metric.selector.split(",")).get("window", "")
    longest = max((one.window for one in measured if one.window is not None), default=None)
    try:
        seconds = duration.parse(wanted) if wanted else None
    except ValueError:
        return  # the server answered all the same, so it means something else there
    if seconds and longest and longest > seconds:
        yield report.Finding(
            report.Weight.NOTE,
            f"A window of {wanted} is too short for this scrape: figures are over {duration.spell(longest)}.",
            "A window must hold two scrapes; scrape more often for faster reactions.",
        )


def _of_missing(names: Sequence[str], pods: Sequence[cluster.Pod], *, now: dt.datetime) -> report.Finding:
    started = {pod.name: pod.started for pod in pods}
    old = [name for name in names if (begun := started.get(name)) is None or begun < now - _YOUNG]
    if not old:
        return report.Finding(report.Weight.NOTE, f"New, so not measured yet: {_some(names)}; {_ASSUMED}.")
    return report.Finding(
        report.Weight.WRONG,
        f"No figures for {len(old)} of {len(pods)} pods: {_some(old)}; {_ASSUMED}.",
        "Their proxies are not scraped: look at Prometheus' targets, and whether the pods have a sidecar.",
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SOME} more" if len(names) > _SOME else ""
    return ", ".join(names[:_SOME]) + more
