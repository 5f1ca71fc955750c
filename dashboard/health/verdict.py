"""Judge counts of requests by thresholds.

A share of very few requests means little: one failure of two is 50 %. So fewer than `handful` requests are
never failing, but a failure makes them degraded. Zero requests are idle, and unknown counts are unknown.
"""

import dataclasses
import enum


class Health(enum.StrEnum):
    """From worst to best, then the two that are neither good nor bad."""

    FAILING = "failing"
    DEGRADED = "degraded"
    HEALTHY = "healthy"
    IDLE = "idle"
    UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The limits of the verdicts. `healthy` and `failing` are success rates from 0 to 1."""

    healthy: float = 0.99  # at least; Flagger's default for a canary
    failing: float = 0.95  # below
    handful: float = 10  # requests in the window; fewer are never failing
    slow: float = 1.0  # seconds; traffic with a P99 above it is slow

    def __post_init__(self) -> None:
        if not 0 <= self.failing <= self.healthy <= 1:
            raise ValueError(
                f"the failing threshold ({self.failing:.2%}) must not be above the healthy one "
                f"({self.healthy:.2%}), and both must lie between 0 % and 100 %"
            )


def judge(*, successes: float | None, failures: float | None, thresholds: Thresholds) -> Health:
    """The verdict on counts of requests; None is an unknown count."""
    if successes is None or failures is None:
        return Health.UNKNOWN
    total = successes + failures
    if not total:
        return Health.IDLE
    share = successes / total
    if share >= thresholds.healthy:
        return Health.HEALTHY
    if share < thresholds.failing and total >= thresholds.handful:
        return Health.FAILING
    return Health.DEGRADED
