"""Icons and words for verdicts, so that verdicts do not differ by colour only."""

from dashboard.health import verdict

ICONS = {
    verdict.Health.FAILING: "✕",
    verdict.Health.DEGRADED: "▲",
    verdict.Health.HEALTHY: "✓",
    verdict.Health.IDLE: "○",
    verdict.Health.UNKNOWN: "?",
}

TEXTS = {
    verdict.Health.FAILING: "Failing",
    verdict.Health.DEGRADED: "Degraded",
    verdict.Health.HEALTHY: "Healthy",
    verdict.Health.IDLE: "Idle",
    verdict.Health.UNKNOWN: "Not reported",
}

_WITHOUT_BADGE = ("Deployment", "Outside", "Unknown")

NAMES = {"Outside": "Outside", "Unknown": "Unknown"}


def badge(kind: str) -> str:
    """The text in the corner of a card: the kind; empty for Deployments, Outside and Unknown."""
    if kind in _WITHOUT_BADGE:
        return ""
    return "External" if kind == "ExternalWorkload" else kind
