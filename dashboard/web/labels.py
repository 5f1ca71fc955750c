"""A verdict as a sign and a word, so that colour is never the only thing that tells verdicts apart."""

from dashboard.health import verdict

ICONS = {
    verdict.Health.FAILING: "✕",
    verdict.Health.DEGRADED: "▲",
    verdict.Health.HEALTHY: "✓",
    verdict.Health.IDLE: "○",
    verdict.Health.UNKNOWN: "?",
}

WORDS = {
    verdict.Health.FAILING: "Failing",
    verdict.Health.DEGRADED: "Degraded",
    verdict.Health.HEALTHY: "Healthy",
    verdict.Health.IDLE: "Idle",
    verdict.Health.UNKNOWN: "Not reported",
}

_UNREMARKABLE = ("Deployment", "Outside", "Unknown")

NAMES = {"Outside": "Outside", "Unknown": "Unknown"}


def badge(kind: str) -> str:
    """A kind for the corner of a card; none for those that a card's shape or sheer frequency tells."""
    if kind in _UNREMARKABLE:
        return ""
    return "External" if kind == "ExternalWorkload" else kind
