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

BADGES = {
    "Deployment": "Deploy",
    "StatefulSet": "Stateful",
    "DaemonSet": "Daemon",
    "ReplicaSet": "Replica",
    "ReplicationController": "RC",
    "ExternalWorkload": "External",
    "Outside": "",
    "Unknown": "",
}

NAMES = {"Outside": "Outside", "Unknown": "Unknown"}


def badge(kind: str) -> str:
    """A kind short enough for the corner of a card."""
    return BADGES.get(kind, kind)
