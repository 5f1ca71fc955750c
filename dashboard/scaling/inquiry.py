"""Send the HPA controller's requests and report the answers.

The order is the controller's: the scale of the target, its pods, each metric, then all metrics together.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence

from dashboard.client import autoscaler, cluster, duration, faults, measures
from dashboard.scaling import (
    arithmetic,
    conditions,
    figures,
    proposals,
    refusals,
    report,
    servers,
    target_checks,
)

_WRONG, _NOTE = report.Weight.WRONG, report.Weight.NOTE
_Pods = tuple[cluster.Pod, ...] | None


class Inquiry:
    """Examines HPAs of one cluster. Safe to use from several threads."""

    def __init__(
        self,
        source: cluster.ClusterReader,
        *,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._source = source
        self._now = now
        self._servers = servers.Servers(source)

    def examine(self, one: autoscaler.Autoscaler) -> report.HpaReport:
        """A report about one HPA. Raises `faults.Fault` without access to the API at all."""
        scale, pods, found = self._target(one)
        readings = tuple(self._reading(one, metric, scale, pods) for metric in one.metrics)
        lost = sum(reading.result is None for reading in readings)
        reached = scale is not None and bool(scale.selector)
        found += conditions.find(one, reached=reached, answered=reached and not lost)
        decision = None
        if scale is not None:
            decision = arithmetic.decide(
                [reading.result.replicas if reading.result else None for reading in readings],
                current=scale.wanted,
                minimum=one.minimum,
                maximum=one.maximum,
            )
            found += _of_decision(one, decision, scale, readings)
        if 0 < lost < len(readings) and not (decision and decision.why):
            found.append(
                report.Finding(_NOTE, "While a metric has no value, the HPA can add pods but removes none.")
            )
        return report.HpaReport(
            autoscaler=one,
            scale=scale,
            pods=pods,
            readings=readings,
            decision=decision,
            findings=tuple(found),
            servers=self._servers.names(reading.question for reading in readings if reading.question),
        )

    def _target(self, one: autoscaler.Autoscaler) -> tuple[cluster.Scale | None, _Pods, list[report.Finding]]:
        """The scale and the pods of the target, None where unknown, and the findings about them."""
        try:
            scale = self._source.scale(one.namespace, one.scales)
        except faults.Unauthenticated:
            raise
        except (faults.Denied, faults.NotServed, faults.Failed) as fault:
            return None, None, [_no_target(one, fault)]
        if not scale.selector:
            what = f"The scale of {one.scales} has no label selector, so the HPA cannot find its pods."
            todo = "The scale subresource of the target must have the label selector of its pods."
            return scale, None, [report.Finding(_WRONG, what, todo)]
        try:
            return scale, self._source.pods(one.namespace, selector=scale.selector), []
        except faults.Unauthenticated:
            raise
        except (faults.Denied, faults.Failed) as fault:
            what = f"Pods without values cannot be found: {fault}."
            return scale, None, [report.Finding(_NOTE, what)]

    def _reading(
        self, one: autoscaler.Autoscaler, metric: autoscaler.Metric, scale: cluster.Scale | None, pods: _Pods
    ) -> report.MetricReport:
        if metric.group is None:
            result = proposals.as_seen(one, metric, scale=scale, pods=pods)
            found = _of_resource(one, metric)
            return report.MetricReport(metric=metric, result=result, findings=(found,))
        doubtful = tuple(target_checks.find(metric))
        try:
            question = self._question(one, metric, scale)
        except faults.Unauthenticated:
            raise
        except (faults.NotServed, faults.Failed, faults.Denied) as fault:
            wrong = report.Finding(_WRONG, _sentence(fault), "Correct describedObject in the HPA.")
            return report.MetricReport(metric=metric, findings=(wrong, *doubtful))
        if question is None:
            served = self._servers.version(metric.group) is not None
            unserved = () if served else (refusals.unserved_group(metric.group),)
            return report.MetricReport(metric=metric, findings=(*unserved, *doubtful))
        try:
            answer = self._source.ask(question)
        except faults.Unreachable:  # but the kube-apiserver answers other requests
            away = refusals.silent(question, self._servers)
            return report.MetricReport(metric=metric, question=question, findings=(away, *doubtful))
        if not answer.good:
            refused = refusals.explain(answer, question, metric=metric.name, known=self._servers)
            return report.MetricReport(metric=metric, question=question, findings=(refused, *doubtful))
        measured: tuple[measures.MetricValue, ...] = ()
        result = None
        found_in: tuple[report.Finding, ...]
        try:
            measured = measures.decode(answer.document)
            result = proposals.propose(one, metric, measured, scale=scale, pods=pods)
            found_in = tuple(figures.find(metric, measured, result=result, pods=pods or (), now=self._now()))
        except (faults.Failed, arithmetic.NoResult) as fault:
            found_in = (report.Finding(_WRONG, _sentence(fault), refusals.HOLDS),)
        return report.MetricReport(
            metric=metric,
            question=question,
            measured=measured,
            result=result,
            findings=(*found_in, *doubtful),
        )

    def _question(
        self, one: autoscaler.Autoscaler, metric: autoscaler.Metric, scale: cluster.Scale | None
    ) -> measures.ApiRequest | None:
        """The controller's request; None if the API is not served or the pods are unknown."""
        version = self._servers.version(metric.group or "")
        if version is None:
            return None
        place, name, selector = one.namespace, metric.name, metric.selector
        if metric.source == "External":
            return measures.external(place, name, selector=selector)
        if metric.described is None:
            if scale is None or not scale.selector:
                return None
            return measures.of_pods(place, name, version=version, pods=scale.selector, selector=selector)
        group = metric.described.api_version.rpartition("/")[0]
        if metric.described.kind == "Namespace" and not group:
            return measures.of_namespace(place, name, version=version, selector=selector)
        plural = self._source.resource(metric.described)
        return measures.of_object(
            place,
            name,
            version=version,
            resource=f"{plural}.{group}" if group else plural,
            described=metric.described.name,
            selector=selector,
        )


def _no_target(one: autoscaler.Autoscaler, fault: faults.Fault) -> report.Finding:
    todo = "Correct spec.scaleTargetRef, or create the object it refers to."
    if isinstance(fault, faults.Denied):
        todo = "This concerns your own rights, not the HPA. You need the right to read its target."
    return report.Finding(_WRONG, f"The target {one.scales} cannot be read: {fault}.", todo)


def _of_resource(one: autoscaler.Autoscaler, metric: autoscaler.Metric) -> report.Finding:
    """The finding about a resource metric, whose only value here is the one in the HPA's status."""
    whose = f"{metric.name} comes from metrics.k8s.io (metrics-server), not from TrafficMetrics"
    if metric.seen:
        return report.Finding(_NOTE, f"{whose}. The value is from the HPA's status.")
    if not one.has_looked:
        return report.Finding(_NOTE, f"{whose}. The HPA has not requested it yet.")
    return report.Finding(
        _WRONG,
        f"{whose}. The HPA's status has no value of it.",
        "Check that kubectl top pods works.",
    )


def _of_decision(
    one: autoscaler.Autoscaler,
    decision: arithmetic.ReplicaDecision,
    scale: cluster.Scale,
    readings: Sequence[report.MetricReport],
) -> Iterator[report.Finding]:
    wanted = max((reading.result.replicas for reading in readings if reading.result), default=0)
    if wanted > one.maximum and scale.wanted:
        yield report.Finding(
            _WRONG,
            f"The metrics need {wanted} replicas, and maxReplicas is {one.maximum}.",
            "Raise maxReplicas, or find out why each pod handles so few requests.",
        )
    way = "scaleUp" if decision.replicas > scale.wanted else "scaleDown"
    if decision.replicas != scale.wanted and not (one.may_grow if way == "scaleUp" else one.may_shrink):
        yield report.Finding(
            _NOTE, f"The HPA will not change the replicas: its behavior.{way}.selectPolicy is Disabled."
        )
    elif decision.replicas < scale.wanted:
        yield report.Finding(
            _NOTE,
            f"It scales down after {duration.spell(one.patience)} without a higher result (stabilization).",
        )


def _sentence(fault: Exception) -> str:
    words = str(fault)
    return words[:1].upper() + words[1:].rstrip(".") + "."
