"""The result of an examination of one HPA."""

import dataclasses
import enum
from collections.abc import Mapping

from dashboard.client import autoscaler, cluster, measures
from dashboard.scaling import arithmetic


class Severity(enum.StrEnum):
    """Whether a finding is a mistake or an explanation."""

    WRONG = "wrong"
    NOTE = "note"


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """`what` is the finding, `todo` what to do about it, empty if nothing."""

    severity: Severity
    text: str
    remedy: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MetricReport:
    """One metric of the HPA: the request, the values, the replicas and the findings."""

    metric: autoscaler.Metric
    request: measures.ApiRequest | None = None
    values: tuple[measures.MetricValue, ...] = ()
    result: arithmetic.Result | None = None
    findings: tuple[Finding, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HpaReport:
    """All about one HPA. `scale`, `pods` and `decision` are None if they are unknown."""

    autoscaler: autoscaler.Autoscaler
    scale: cluster.Scale | None
    pods: tuple[cluster.Pod, ...] | None
    metrics: tuple[MetricReport, ...]
    decision: arithmetic.ReplicaDecision | None
    findings: tuple[Finding, ...]
    servers: Mapping[str, str]  # API group → Service that serves it, namespace/name

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """The mistakes of the HPA and of its metrics, each once."""
        every = (*self.findings, *(one for reading in self.metrics for one in reading.findings))
        return tuple(dict.fromkeys(one for one in every if one.severity is Severity.WRONG))
