"""The kinds of external metrics in discovery: one for each metric.

Clients map a resource to its kind and back, and have to arrive at the same metric.
"""

from __future__ import annotations


def kind(metric: str) -> str:
    """Return the kind of a metric: `RequestsPerSecond` for `requests_per_second`."""
    return "".join(part.capitalize() for part in metric.split("_"))
