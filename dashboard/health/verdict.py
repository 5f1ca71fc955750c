"""Requests → a verdict.

A share of very few requests says little: one failure of two is "50 %" and may be a hiccup. So below a handful
of requests nothing is called failing, yet a failure is never hidden: it makes the verdict degraded. No
requests at all is idle, which is neither good nor bad, and what nobody reports is unknown.
"""

import dataclasses
import enum


class Health(enum.StrEnum):
    """From worst to best, then those that say nothing good or bad."""

    FAILING = "failing"
    DEGRADED = "degraded"
    HEALTHY = "healthy"
    IDLE = "idle"
    UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When traffic is good. Shares are of successes, from 0 to 1."""

    healthy: float = 0.99  # at least; Flagger's default for a canary
    failing: float = 0.95  # below
    handful: float = 10  # requests in the window, below which a share is not trusted
    slow: float = 1.0  # seconds of p99, above which traffic counts as slow

    def __post_init__(self) -> None:
        if not 0 <= self.failing <= self.healthy <= 1:
            raise ValueError(
                f"the failing threshold ({self.failing:.2%}) must not be above the healthy one "
                f"({self.healthy:.2%}), and both must lie between 0 % and 100 %"
            )


def judge(*, successes: float | None, failures: float | None, thresholds: Thresholds) -> Health:
    """The verdict on counted requests; None is a count nobody knows."""
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
