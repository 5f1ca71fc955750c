"""What is wrong in a read of the pods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tests.cases.scrape import pods, reading

CLOSE = 0.03
"""The share by which a rate of one read may differ from the true one, in addition to what a busy machine
changes: there a scrape is under way for a shorter or a longer time.
"""
_TIMED = 0.08
"""The same of a quantile."""
AUTOSCALED: Mapping[str, float] = {
    "Pods": pods.RATES["front"],
    "Object": pods.RATES["gateway"],
    "External": 4000.0,
}
"""The right rates of `reading.AUTOSCALED`."""


def off(found: Mapping[str, float], right: Mapping[str, float], *, share: float) -> Iterable[str]:
    """Return a sentence for each value that differs from the right one by more than a share."""
    for name, truth in right.items():
        if name not in found:
            yield f"{name} is not known"
        elif abs(found[name] / truth - 1) > share:
            yield f"{name} {found[name]:.1f} instead of {truth:.1f}"


def wrong(read: reading.Read, *, share: float) -> Sequence[str]:
    """Return what is wrong in one read. `share`: by which rates may differ."""
    groups = [
        ("refused", [f"{who}: {why}" for who, why in read.refused.items()]),
        ("JSON", off(read.json, pods.RATES, share=share)),
        ("Table", off(read.table, pods.RATES, share=share)),
        ("edge", off(read.edges, {"gateway:front": 4000.0, "front:cart": 2000.0}, share=share)),
        ("autoscaler", off(read.autoscaled, AUTOSCALED, share=share)),
        *(
            (f"latency of {name}", off(read.quantiles.get(name, {}), pods.QUANTILES, share=_TIMED))
            for name in pods.RATES
        ),
    ]
    return [f"{what}: {fault}" for what, faults in groups for fault in faults]
