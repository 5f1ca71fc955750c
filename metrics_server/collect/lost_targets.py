"""Notices that a backend no longer has samples that it had a moment ago.

Samples in a database do not disappear within minutes. If an answer lacks a target that an earlier answer had,
although its queries reach back to that target's scrapes, a part of the backend is away: a store of Thanos, a
shard. The figures would then be too low, and not every backend warns.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable

from metrics_server.decode import targets

logger = logging.getLogger(__name__)
_LONGEST = 3600.0
"""Seconds after which lost targets are forgotten."""
_ENOUGH = 0.5
"""The share of the lost targets that must be back: of the others the pods may have been deleted meanwhile."""
_ESTABLISHED = 3
"""Scrapes after which every replica of Prometheus has a target, if a load balancer chooses one of several."""
_MARGIN = 1.0
"""Seconds by which a scrape must be inside the reach of the queries: backends may round times."""
_Identity = tuple[str, ...]


@dataclasses.dataclass(slots=True)
class _Known:
    """What is known of one scope."""

    newest: dict[_Identity, float] = dataclasses.field(default_factory=dict)
    """The newest scrape of each target in the last answer, Unix seconds."""
    lost: set[_Identity] = dataclasses.field(default_factory=set)
    since: float = 0.0
    """The uptime at which the first of them was missing."""


class LostTargets:
    """The targets of one mesh that its backend has lost, by scope."""

    def __init__(self, uptime: Callable[[], float]) -> None:
        """`uptime`: a monotonic clock in seconds."""
        self._uptime = uptime
        self._scopes: dict[str | None, _Known] = {}

    def compare(self, scope: str | None, proxies: targets.ScrapeTargets, *, reach: float) -> bool:
        """Return whether targets are lost that an earlier answer of this scope had.

        `reach`: the earliest time of samples in this answer, Unix seconds.
        """
        known = self._scopes.setdefault(scope, _Known())
        found = {_identity(target, proxies): target for target in proxies.found.values() if target.times}
        newly = {
            one for one, last in known.newest.items() if last > reach + _MARGIN and one not in found
        } - known.lost
        if newly:
            if not known.lost:
                known.since = self._uptime()
            known.lost |= newly
            logger.warning(
                "Prometheus no longer has the samples of %d of %d targets that it had a moment ago. Is a "
                "store or a shard away? Figures may be too low until it is back",
                len(newly),
                len(known.newest),
            )
        back = known.lost & found.keys()
        if known.lost and (len(back) >= _ENOUGH * len(known.lost) or self._uptime() - known.since > _LONGEST):
            known.lost.clear()
        known.newest = {
            one: target.times[-1] for one, target in found.items() if len(target.times) >= _ESTABLISHED
        }
        return bool(known.lost)


def _identity(target: targets.ScrapeTarget, proxies: targets.ScrapeTargets) -> _Identity:
    """Return what names a target, whichever replica of Prometheus scrapes it."""
    labels = proxies.mesh.target.identity
    return (target.job, *(target.labels.get(label, "") for label in labels))
