"""The kinds that stand for external metrics in discovery: one for each, as clients go from a resource to its
kind and back, and must come back to the same metric.
"""

from __future__ import annotations


def kind(metric: str) -> str:
    """Return `RequestsPerSecond` for `requests_per_second`."""
    return "".join(part.capitalize() for part in metric.split("_"))
