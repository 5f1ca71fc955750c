"""Findings about metric values: too old, over another window, or missing for some pods."""

import datetime as dt
from collections.abc import Iterator, Sequence

from dashboard.client import autoscaler, cluster, duration, measures
from dashboard.scaling import arithmetic, report

_STALE = dt.timedelta(seconds=90)  # TrafficMetrics refuses to serve older ones
_YOUNG = dt.timedelta(seconds=90)  # at this age, a pod has been scraped twice
_MOST_NAMES = 3  # pod names in a message
_ASSUMED = "they count as 0 for a scale-up and as on target for a scale-down"


def find(
    metric: autoscaler.Metric,
    values: Sequence[measures.MetricValue],
    *,
    result: arithmetic.Result | None,
    pods: Sequence[cluster.Pod],
    now: dt.datetime,
) -> Iterator[report.Finding]:
    """The findings about the values of one metric."""
    age = now - min(one.timestamp for one in values)
    if age > _STALE:
        yield report.Finding(
            report.Severity.WRONG,
            f"The values are {duration.text(age // dt.timedelta(seconds=1))} old, and an HPA does not check "
            "their age.",
            "Find out why the metrics server gets no newer ones.",
        )
    yield from _window_findings(metric, values)
    if result and result.missing:
        yield _missing_finding(result.missing, pods, now=now)


def _window_findings(
    metric: autoscaler.Metric, values: Sequence[measures.MetricValue]
) -> Iterator[report.Finding]:
    requested = dict(term.partition("=")[::2] for term in metric.selector.split(",")).get("window", "")
    longest = max((one.window for one in values if one.window is not None), default=None)
    try:
        seconds = duration.parse(requested) if requested else None
    except ValueError:
        return  # another server's label of the same name
    if seconds and longest and longest > seconds:
        yield report.Finding(
            report.Severity.NOTE,
            f"A window of {requested} is too short for the scrape interval; "
            f"{duration.text(longest)} is used.",
            "A window must contain two scrapes. Scrape more often to scale faster.",
        )


def _missing_finding(
    names: Sequence[str], pods: Sequence[cluster.Pod], *, now: dt.datetime
) -> report.Finding:
    started = {pod.name: pod.started for pod in pods}
    old = [name for name in names if (begun := started.get(name)) is None or begun < now - _YOUNG]
    if not old:
        return report.Finding(
            report.Severity.NOTE, f"New pods without values yet: {_first_names(names)}; {_ASSUMED}."
        )
    return report.Finding(
        report.Severity.WRONG,
        f"No values for {len(old)} of {len(pods)} pods: {_first_names(old)}; {_ASSUMED}.",
        "Their proxies are not scraped. Check the targets in Prometheus, and that the pods have a sidecar.",
    )


def _first_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
