"""Write reports about HPAs as JSON: numbers without units, null for an unknown value."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from dashboard import escaping
from dashboard.client import measures
from dashboard.scaling import report


def as_json(reports: Sequence[report.HpaReport]) -> str:
    """A JSON list with an object for each HPA."""
    return escaping.json_document([_report(one) for one in reports])


def _report(one: report.HpaReport) -> Mapping[str, Any]:
    hpa = one.autoscaler
    return {
        "namespace": hpa.namespace,
        "name": hpa.name,
        "scales": str(hpa.target_ref),
        "min": hpa.minimum,
        "max": hpa.maximum,
        "replicas": one.scale.replicas if one.scale else None,
        "wanted": one.decision.replicas if one.decision else None,
        "why": one.decision.reason if one.decision else "",
        "well": not one.wrong,
        "findings": _findings(one.findings),
        "metrics": [_reading(reading, one) for reading in one.metrics],
        "conditions": [
            {"type": known.type, "status": known.status, "reason": known.reason, "message": known.message}
            for known in hpa.conditions
        ],
    }


def _reading(reading: report.MetricReport, one: report.HpaReport) -> Mapping[str, Any]:
    metric, result, question = reading.metric, reading.result, reading.request
    return {
        "type": metric.source,
        "name": metric.name,
        "selector": metric.selector,
        "object": str(metric.described) if metric.described else None,
        "target_type": metric.target.type,
        "target": _number(metric.target.value),
        "asked": str(question) if question else None,
        "server": one.servers.get(question.group) if question else None,
        "value": result.usage / 1000 if result else None,
        "ratio": result.ratio if result else None,
        "replicas": result.replicas if result else None,
        "pods_without_value": list(result.missing) if result else [],
        "figures": [_measure(measure) for measure in reading.values],
        "findings": _findings(reading.findings),
    }


def _measure(measure: measures.MetricValue) -> Mapping[str, Any]:
    return {
        "name": measure.name,
        "value": _number(measure.value),
        "timestamp": measure.timestamp.isoformat(),
        "window_seconds": measure.window,
    }


def _findings(findings: Sequence[report.Finding]) -> list[Mapping[str, str]]:
    return [{"weight": str(one.severity), "what": one.text, "todo": one.remedy} for one in findings]


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
