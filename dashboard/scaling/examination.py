"""Send the HPA controller's requests and report the answers.

The order is the controller's: the scale of the target, its pods, each metric, then all metrics together.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence

from dashboard.client import autoscaler, cluster, duration, faults, measures
from dashboard.scaling import (
    api_services,
    arithmetic,
    conditions,
    figures,
    proposals,
    refusals,
    report,
    target_checks,
)

_WRONG, _NOTE = report.Severity.WRONG, report.Severity.NOTE
_Pods = tuple[cluster.Pod, ...] | None


class Examiner:
    """Examines HPAs of one cluster. Safe to use from several threads."""

    def __init__(
        self,
        source: cluster.ClusterReader,
        *,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._source = source
        self._now = now
        self._api_services = api_services.ApiServices(source)

    def examine(self, hpa: autoscaler.Autoscaler) -> report.HpaReport:
        """A report about one HPA. Raises `faults.Fault` without access to the API at all."""
        scale, pods, findings = self._target(hpa)
        reports = tuple(self._metric_report(hpa, metric, scale, pods) for metric in hpa.metrics)
        without_result = sum(each.result is None for each in reports)
        has_pods = scale is not None and bool(scale.selector)
        findings += conditions.find(hpa, has_pods=has_pods, has_values=has_pods and not without_result)
        decision = None
        if scale is not None:
            decision = arithmetic.decide(
                [each.result.replicas if each.result else None for each in reports],
                current=scale.replicas,
                minimum=hpa.minimum,
                maximum=hpa.maximum,
            )
            findings += _decision_findings(hpa, decision, scale, reports)
        if 0 < without_result < len(reports) and not (decision and decision.reason):
            findings.append(
                report.Finding(_NOTE, "While a metric has no value, the HPA can add pods but removes none.")
            )
        return report.HpaReport(
            autoscaler=hpa,
            scale=scale,
            pods=pods,
            metrics=reports,
            decision=decision,
            findings=tuple(findings),
            servers=self._api_services.names(each.request for each in reports if each.request),
        )

    def _target(self, hpa: autoscaler.Autoscaler) -> tuple[cluster.Scale | None, _Pods, list[report.Finding]]:
        """The scale and the pods of the target, None where unknown, and the findings about them."""
        try:
            scale = self._source.scale(hpa.namespace, hpa.target_ref)
        except faults.Unauthenticated:
            raise
        except (faults.Denied, faults.NotServed, faults.Failed) as fault:
            return None, None, [_target_finding(hpa, fault)]
        if not scale.selector:
            text = f"The scale of {hpa.target_ref} has no label selector, so the HPA cannot find its pods."
            remedy = "The scale subresource of the target must have the label selector of its pods."
            return scale, None, [report.Finding(_WRONG, text, remedy)]
        try:
            return scale, self._source.pods(hpa.namespace, selector=scale.selector), []
        except faults.Unauthenticated:
            raise
        except (faults.Denied, faults.Failed) as fault:
            text = f"Pods without values cannot be found: {fault}."
            return scale, None, [report.Finding(_NOTE, text)]

    def _metric_report(
        self, hpa: autoscaler.Autoscaler, metric: autoscaler.Metric, scale: cluster.Scale | None, pods: _Pods
    ) -> report.MetricReport:
        if metric.group is None:
            result = proposals.from_status(hpa, metric, scale=scale, pods=pods)
            findings = _resource_finding(hpa, metric)
            return report.MetricReport(metric=metric, result=result, findings=(findings,))
        target_findings = tuple(target_checks.find(metric))
        try:
            request = self._request(hpa, metric, scale)
        except faults.Unauthenticated:
            raise
        except (faults.NotServed, faults.Failed, faults.Denied) as fault:
            wrong = report.Finding(_WRONG, _sentence(fault), "Correct describedObject in the HPA.")
            return report.MetricReport(metric=metric, findings=(wrong, *target_findings))
        if request is None:
            served = self._api_services.version(metric.group) is not None
            unserved_findings = () if served else (refusals.unserved_group(metric.group),)
            return report.MetricReport(metric=metric, findings=(*unserved_findings, *target_findings))
        try:
            answer = self._source.send(request)
        except faults.Unreachable:  # but the kube-apiserver answers other requests
            silent = refusals.no_answer(request, self._api_services)
            return report.MetricReport(metric=metric, request=request, findings=(silent, *target_findings))
        if not answer.is_success:
            refused = refusals.explain(answer, request, metric=metric.name, services=self._api_services)
            return report.MetricReport(metric=metric, request=request, findings=(refused, *target_findings))
        values: tuple[measures.MetricValue, ...] = ()
        result = None
        value_findings: tuple[report.Finding, ...]
        try:
            values = measures.decode(answer.document)
            result = proposals.propose(hpa, metric, values, scale=scale, pods=pods)
            value_findings = tuple(
                figures.find(metric, values, result=result, pods=pods or (), now=self._now())
            )
        except (faults.Failed, arithmetic.NoResult) as fault:
            value_findings = (report.Finding(_WRONG, _sentence(fault), refusals.KEEPS_REPLICAS),)
        return report.MetricReport(
            metric=metric,
            request=request,
            values=values,
            result=result,
            findings=(*value_findings, *target_findings),
        )

    def _request(
        self, hpa: autoscaler.Autoscaler, metric: autoscaler.Metric, scale: cluster.Scale | None
    ) -> measures.ApiRequest | None:
        """The controller's request; None if the API is not served or the pods are unknown."""
        version = self._api_services.version(metric.group or "")
        if version is None:
            return None
        namespace, name, selector = hpa.namespace, metric.name, metric.selector
        if metric.source == "External":
            return measures.external(namespace, name, selector=selector)
        if metric.described is None:
            if scale is None or not scale.selector:
                return None
            return measures.of_pods(namespace, name, version=version, pods=scale.selector, selector=selector)
        group = metric.described.api_version.rpartition("/")[0]
        if metric.described.kind == "Namespace" and not group:
            return measures.of_namespace(namespace, name, version=version, selector=selector)
        plural = self._source.resource(metric.described)
        return measures.of_object(
            namespace,
            name,
            version=version,
            resource=f"{plural}.{group}" if group else plural,
            described=metric.described.name,
            selector=selector,
        )


def _target_finding(hpa: autoscaler.Autoscaler, fault: faults.Fault) -> report.Finding:
    remedy = "Correct spec.scaleTargetRef, or create the object it refers to."
    if isinstance(fault, faults.Denied):
        remedy = "This concerns your own rights, not the HPA. You need the right to read its target."
    return report.Finding(_WRONG, f"The target {hpa.target_ref} cannot be read: {fault}.", remedy)


def _resource_finding(hpa: autoscaler.Autoscaler, metric: autoscaler.Metric) -> report.Finding:
    """The finding about a resource metric, whose only value here is the one in the HPA's status."""
    origin = f"{metric.name} comes from metrics.k8s.io (metrics-server), not from TrafficMetrics"
    if metric.current:
        return report.Finding(_NOTE, f"{origin}. The value is from the HPA's status.")
    if not hpa.was_evaluated:
        return report.Finding(_NOTE, f"{origin}. The HPA has not requested it yet.")
    return report.Finding(
        _WRONG,
        f"{origin}. The HPA's status has no value of it.",
        "Check that kubectl top pods works.",
    )


def _decision_findings(
    hpa: autoscaler.Autoscaler,
    decision: arithmetic.ReplicaDecision,
    scale: cluster.Scale,
    reports: Sequence[report.MetricReport],
) -> Iterator[report.Finding]:
    largest = max((each.result.replicas for each in reports if each.result), default=0)
    if largest > hpa.maximum and scale.replicas:
        yield report.Finding(
            _WRONG,
            f"The metrics need {largest} replicas, and maxReplicas is {hpa.maximum}.",
            "Raise maxReplicas, or find out why each pod handles so few requests.",
        )
    direction = "scaleUp" if decision.replicas > scale.replicas else "scaleDown"
    allowed = hpa.can_scale_up if direction == "scaleUp" else hpa.can_scale_down
    if decision.replicas != scale.replicas and not allowed:
        yield report.Finding(
            _NOTE, f"The HPA will not change the replicas: its behavior.{direction}.selectPolicy is Disabled."
        )
    elif decision.replicas < scale.replicas:
        yield report.Finding(
            _NOTE,
            f"It scales down after {duration.text(hpa.stabilization)} without a higher result "
            "(stabilization).",
        )


def _sentence(fault: Exception) -> str:
    text = str(fault)
    return text[:1].upper() + text[1:].rstrip(".") + "."
