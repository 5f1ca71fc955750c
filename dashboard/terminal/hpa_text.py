"""Write reports about HPAs as text: one in full, several as a table with the mistakes below it.

The first line says what the HPA does, the next lines say why, and each mistake is followed by what to do.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from fractions import Fraction

from dashboard import format
from dashboard.client import autoscaler, duration
from dashboard.scaling import report, target_checks
from dashboard.terminal import screen, table

_LABEL_WIDTH = 9  # characters of the longest label and a space
_MOST_PODS = 2  # pods whose values are shown


def full(one: report.HpaReport, *, now: dt.datetime | None = None) -> list[screen.Line]:
    """The lines about one HPA. `now` is the time from which ages are counted."""
    at = now or dt.datetime.now(dt.UTC)
    lines: list[screen.Line] = [f"{one.autoscaler.namespace}/{one.autoscaler.name}: {_headline(one)}"]
    lines += _findings(one.findings, indent=2)
    for reading in one.metrics:
        lines += ["", f"  {name(reading.metric)}: {_outcome(reading)}"]
        lines += _labelled(_facts(reading, one, at), indent=4)
        lines += _findings(reading.findings, indent=4)
    if one.autoscaler.conditions:
        lines += ["", "  Conditions of the HPA:"]
        lines += _aligned([_condition_cells(condition) for condition in one.autoscaler.conditions], indent=4)
    return [*lines, "", _verdict(len(one.wrong))]


def overview(reports: Sequence[report.HpaReport], *, namespaces: bool) -> list[screen.Line]:
    """A table with a row for each HPA, and the mistakes. `namespaces` adds a column for the namespace."""
    headers = ["NAME", "SCALES", "REPLICAS", "WANTED", "RANGE", "STATE", "METRICS"]
    rows = [(["NAMESPACE"] if namespaces else []) + headers]
    for one in reports:
        hpa = one.autoscaler
        rows.append(
            [
                *([hpa.namespace] if namespaces else []),
                hpa.name,
                str(hpa.target_ref),
                str(one.scale.replicas) if one.scale else format.UNKNOWN,
                str(one.decision.replicas) if one.decision else format.UNKNOWN,
                f"{hpa.minimum}-{hpa.maximum}",
                f"{len(one.wrong)} wrong" if one.wrong else "ok",
                ", ".join(f"{reading.metric.name} {_value_of_target(reading)}" for reading in one.metrics),
            ]
        )
    lines: list[screen.Line] = [*_aligned(rows, indent=0)]
    for one in reports:
        if one.wrong:
            lines += ["", f"{one.autoscaler.namespace}/{one.autoscaler.name}"]
            lines += _findings(one.wrong, indent=2)
    return [*lines, "", _verdict(sum(len(one.wrong) for one in reports))]


def name(metric: autoscaler.Metric) -> str:
    """The name of a metric: `Object p99_response_latency of Service/checkout`."""
    of = f" of {metric.described}" if metric.described else ""
    where = f" [{metric.selector}]" if metric.selector else ""
    return f"{metric.source} {metric.name}{of}{where}"


def _headline(one: report.HpaReport) -> str:
    hpa, scale, decision = one.autoscaler, one.scale, one.decision
    if scale is None or decision is None:
        return f"{hpa.target_ref} cannot be read"
    present = f"{hpa.target_ref} has {_count(scale.replicas, 'replica')}"
    limits = f"{hpa.minimum} to {hpa.maximum}"
    why = f": {decision.reason}" if decision.reason else ""
    if decision.replicas == scale.replicas:
        return f"{present} and keeps {'it' if scale.replicas == 1 else 'them'} ({limits}){why}"
    return f"{present} and should have {decision.replicas} ({limits}){why}"


def _outcome(reading: report.MetricReport) -> str:
    metric, result = reading.metric, reading.result
    if result is None and not reading.values:
        return "no values" if metric.group else "not requested here"
    target = f"target {_in_unit(metric, metric.target.value)} ({metric.target.text})"
    if result is None:
        return f"{_in_unit(metric, sum((one.value for one in reading.values), Fraction(0)))}, {target}"
    each = " a pod" if metric.target.type == "AverageValue" else ""
    value = f"{_in_unit(metric, Fraction(result.usage, 1000))}{each} ({_quantity(result.usage)})"
    return f"{value}, {target}, ratio {result.ratio:.2f} → {_count(result.replicas, 'replica')}"


def _facts(
    reading: report.MetricReport, one: report.HpaReport, now: dt.datetime
) -> Iterator[tuple[str, str]]:
    if reading.request:
        yield "request", f"kubectl get --raw '{reading.request}'"
        if server := one.servers.get(reading.request.group):
            yield "server", server
    if not reading.values:
        return
    age = (now - min(value.timestamp for value in reading.values)).total_seconds()
    windows = sorted({value.window for value in reading.values if value.window is not None})
    over = f" over {' to '.join(duration.text(window) for window in windows)}" if windows else ""
    age_text = duration.text(max(0, round(age)))
    yield "values", f"{_value_count(reading, one)}{over}, {age_text} old{_extremes(reading)}".lstrip()


def _value_count(reading: report.MetricReport, one: report.HpaReport) -> str:
    number = len(reading.values)
    if reading.metric.source == "Pods":
        every = [pod for pod in one.pods or () if not pod.terminating]
        return f"{number} of {_count(len(every), 'pod')}" if every else _count(number, "pod")
    return "" if number == 1 else f"{number} items, which the HPA adds up"


def _extremes(reading: report.MetricReport) -> str:
    """The pods with the lowest and the highest value, which show whether the load is balanced."""
    ordered = sorted(reading.values, key=lambda value: (value.value, value.name))
    if len(ordered) > _MOST_PODS:
        ordered = [ordered[0], ordered[-1]]
    named = [f"{one.name} {_in_unit(reading.metric, one.value)}" for one in ordered if one.name]
    return f": {' … '.join(named)}" if named and reading.metric.source == "Pods" else ""


def _value_of_target(reading: report.MetricReport) -> str:
    if reading.result is None:
        return "?"
    usage = _in_unit(reading.metric, Fraction(reading.result.usage, 1000))
    return f"{usage} of {_in_unit(reading.metric, reading.metric.target.value)}"


def _in_unit(metric: autoscaler.Metric, value: Fraction | None) -> str:
    """The value in the metric's unit, if it is a metric of TrafficMetrics."""
    if value is None:
        return format.UNKNOWN
    number = float(value)
    if metric.group is None:
        return f"{number:g}%" if metric.target.type == "Utilization" else f"{number:g}"
    if target_checks.is_latency(metric.name):
        return format.latency(number)
    if metric.name == "requests_per_second":
        return format.rate(number)
    if metric.name in ("success_rate", "failure_rate"):
        return f"{number * 100:.4g}%"
    return f"{number:.6g}"


def _quantity(thousandths: int) -> str:
    """The quantity as kubectl prints it."""
    whole, rest = divmod(thousandths, 1000)
    return f"{thousandths}m" if rest else str(whole)


def _condition_cells(condition: autoscaler.Condition) -> Sequence[str]:
    return condition.type, condition.status, condition.reason, condition.message


def _findings(findings: Sequence[report.Finding], *, indent: int) -> Iterator[screen.Line]:
    for finding in findings:
        wrong = finding.severity is report.Severity.WRONG
        label = ("WRONG" if wrong else "note").ljust(_LABEL_WIDTH)
        yield " " * indent, screen.Mark(label, "red") if wrong else label, finding.text
        if finding.remedy:
            yield " " * (indent + _LABEL_WIDTH) + f"→ {finding.remedy}"


def _labelled(facts: Iterator[tuple[str, str]], *, indent: int) -> Iterator[str]:
    for label, text in facts:
        yield " " * indent + label.ljust(_LABEL_WIDTH) + text


def _aligned(rows: Sequence[Sequence[str]], *, indent: int) -> list[str]:
    return [" " * indent + table.GAP.join(row).rstrip() for row in table.aligned(rows)]


def _verdict(wrong: int) -> str:
    if not wrong:
        return "Nothing is wrong."
    return f"{_count(wrong, 'thing')} {'is' if wrong == 1 else 'are'} wrong."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
