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

_LABEL = 9  # characters of the longest label and a space
_SOME = 2  # pods whose values are shown


def full(one: report.HpaReport, *, now: dt.datetime | None = None) -> list[screen.Line]:
    """The lines about one HPA. `now` is the time from which ages are counted."""
    at = now or dt.datetime.now(dt.UTC)
    lines: list[screen.Line] = [f"{one.autoscaler.namespace}/{one.autoscaler.name}: {_headline(one)}"]
    lines += _findings(one.findings, indent=2)
    for reading in one.readings:
        lines += ["", f"  {name(reading.metric)}: {_outcome(reading)}"]
        lines += _labelled(_facts(reading, one, at), indent=4)
        lines += _findings(reading.findings, indent=4)
    if one.autoscaler.conditions:
        lines += ["", "  Conditions of the HPA:"]
        lines += _aligned([_words(condition) for condition in one.autoscaler.conditions], indent=4)
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
                str(hpa.scales),
                str(one.scale.wanted) if one.scale else format.UNKNOWN,
                str(one.decision.replicas) if one.decision else format.UNKNOWN,
                f"{hpa.minimum}-{hpa.maximum}",
                f"{len(one.wrong)} wrong" if one.wrong else "ok",
                ", ".join(f"{reading.metric.name} {_short(reading)}" for reading in one.readings),
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
        return f"{hpa.scales} cannot be read"
    has = f"{hpa.scales} has {_count(scale.wanted, 'replica')}"
    limits = f"{hpa.minimum} to {hpa.maximum}"
    why = f": {decision.why}" if decision.why else ""
    if decision.replicas == scale.wanted:
        return f"{has} and keeps {'it' if scale.wanted == 1 else 'them'} ({limits}){why}"
    return f"{has} and should have {decision.replicas} ({limits}){why}"


def _outcome(reading: report.MetricReport) -> str:
    metric, result = reading.metric, reading.result
    if result is None and not reading.measured:
        return "no values" if metric.group else "not requested here"
    target = f"target {_spelled(metric, metric.target.value)} ({metric.target.written})"
    if result is None:
        return f"{_spelled(metric, sum((one.value for one in reading.measured), Fraction(0)))}, {target}"
    each = " a pod" if metric.target.sort == "AverageValue" else ""
    value = f"{_spelled(metric, Fraction(result.usage, 1000))}{each} ({_quantity(result.usage)})"
    return f"{value}, {target}, ratio {result.ratio:.2f} → {_count(result.replicas, 'replica')}"


def _facts(
    reading: report.MetricReport, one: report.HpaReport, now: dt.datetime
) -> Iterator[tuple[str, str]]:
    if reading.question:
        yield "request", f"kubectl get --raw '{reading.question}'"
        if server := one.servers.get(reading.question.group):
            yield "server", server
    if not reading.measured:
        return
    age = (now - min(measure.timestamp for measure in reading.measured)).total_seconds()
    windows = sorted({measure.window for measure in reading.measured if measure.window is not None})
    over = f" over {' to '.join(duration.spell(window) for window in windows)}" if windows else ""
    old = duration.spell(max(0, round(age)))
    yield "values", f"{_whose(reading, one)}{over}, {old} old{_extremes(reading)}".lstrip()


def _whose(reading: report.MetricReport, one: report.HpaReport) -> str:
    number = len(reading.measured)
    if reading.metric.source == "Pods":
        every = [pod for pod in one.pods or () if not pod.going]
        return f"{number} of {_count(len(every), 'pod')}" if every else _count(number, "pod")
    return "" if number == 1 else f"{number} items, which the HPA adds up"


def _extremes(reading: report.MetricReport) -> str:
    """The pods with the lowest and the highest value, which show whether the load is balanced."""
    ordered = sorted(reading.measured, key=lambda measure: (measure.value, measure.name))
    if len(ordered) > _SOME:
        ordered = [ordered[0], ordered[-1]]
    named = [f"{one.name} {_spelled(reading.metric, one.value)}" for one in ordered if one.name]
    return f": {' … '.join(named)}" if named and reading.metric.source == "Pods" else ""


def _short(reading: report.MetricReport) -> str:
    if reading.result is None:
        return "?"
    usage = _spelled(reading.metric, Fraction(reading.result.usage, 1000))
    return f"{usage} of {_spelled(reading.metric, reading.metric.target.value)}"


def _spelled(metric: autoscaler.Metric, value: Fraction | None) -> str:
    """The value in the metric's unit, if it is a metric of TrafficMetrics."""
    if value is None:
        return format.UNKNOWN
    number = float(value)
    if metric.group is None:
        return f"{number:g}%" if metric.target.sort == "Utilization" else f"{number:g}"
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


def _words(condition: autoscaler.Condition) -> Sequence[str]:
    return condition.sort, condition.status, condition.reason, condition.message


def _findings(findings: Sequence[report.Finding], *, indent: int) -> Iterator[screen.Line]:
    for finding in findings:
        wrong = finding.weight is report.Weight.WRONG
        label = ("WRONG" if wrong else "note").ljust(_LABEL)
        yield " " * indent, screen.Mark(label, "red") if wrong else label, finding.what
        if finding.todo:
            yield " " * (indent + _LABEL) + f"→ {finding.todo}"


def _labelled(facts: Iterator[tuple[str, str]], *, indent: int) -> Iterator[str]:
    for label, text in facts:
        yield " " * indent + label.ljust(_LABEL) + text


def _aligned(rows: Sequence[Sequence[str]], *, indent: int) -> list[str]:
    return [" " * indent + table.GAP.join(row).rstrip() for row in table.aligned(rows)]


def _verdict(wrong: int) -> str:
    if not wrong:
        return "Nothing is wrong."
    return f"{_count(wrong, 'thing')} {'is' if wrong == 1 else 'are'} wrong."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
