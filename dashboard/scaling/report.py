"""What was found about one HPA, for whoever prints it."""

import dataclasses
import enum
from collections.abc import Mapping

from dashboard.client import autoscaler, cluster, measures
from dashboard.scaling import arithmetic


class Weight(enum.StrEnum):
    """Whether a finding makes the HPA wrong or only explains it."""

    WRONG = "wrong"
    NOTE = "note"


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What is the case, and what to do about it (empty where nothing needs to be done)."""

    weight: Weight
    what: str
    todo: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One metric of the HPA: what was asked, what came, what follows."""

    metric: autoscaler.Metric
    question: measures.Question | None = None
    measured: tuple[measures.Measure, ...] = ()
    result: arithmetic.Result | None = None
    findings: tuple[Finding, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All of one HPA. `decision` is None where its target is not known."""

    autoscaler: autoscaler.Autoscaler
    scale: cluster.Scale | None
    pods: tuple[cluster.Pod, ...] | None
    readings: tuple[Reading, ...]
    decision: arithmetic.Decision | None
    findings: tuple[Finding, ...]
    servers: Mapping[str, str]  # API group → the Service that answers

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """All that is wrong, of the HPA and of its metrics; what is wrong with several, once."""
        every = (*self.findings, *(one for reading in self.readings for one in reading.findings))
        return tuple(dict.fromkeys(one for one in every if one.weight is Weight.WRONG))
