"""One moment of the mesh, in columns: who reported, whom they called, what became of it, how long it took.
Immutable.

A snapshot holds what proxies said and nothing of what Kubernetes knows: reporters are scrape targets, peers
are names as the mesh writes them. `decoding` makes it from Prometheus' answers; `ownership` and `rollup`
make resources of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from metrics_server.model import kinds

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_LEAST_INTERVALS = 1.9
"""Two scrape intervals, less some jitter: what a part of the window must span, lest it tell mostly chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Who reports: a proxy by the labels of its scrape target, or whoever others report for. A pod has `pod`,
    a machine `machine`; of some only their workload is told, or the service before it (its `kind` is Service
    then), of some only the `instance` that was scraped.
    """

    namespace: str = ""
    pod: str = ""
    machine: str = ""
    instance: str = ""
    kind: str = ""
    workload: str = ""
    joined: str = ""
    """Namespace and service with a `-` between: either may have one itself."""
    anywhere: bool = False
    """Whether it is told without its namespace."""
    sanitized: bool = False
    """Whether its names have `_` for whatever is no letter and no digit."""
    node: str = ""
    controller: tuple[str, str] = ("", "")
    """Kind and name of the pod's controller, where the scrape tells."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What else the target carries: the pod's own labels, as far as the scrape kept them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The part of the window over which the requests of a proxy are known."""

    since: float
    """The start of the window, or later."""
    until: float
    """Its newest scrape."""
    born: bool = False
    """Whether its process began at `since`: there is nothing before that could be missing."""
    base: float | None = None
    """The scrape at or before the start of the window, from which its requests are counted."""

    @property
    def seconds(self) -> float:
        return self.until - self.since

    def tells_a_rate(self, interval: float) -> bool:
        """Whether it is long enough, at this interval (seconds) between two scrapes."""
        return self.seconds >= _LEAST_INTERVALS * interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The other end of a request: a pod, a workload or a service of a namespace, a bare name (in its caller's
    namespace), a host, or the address of a pod. Of a workload the kind may be known, and the service it was
    called by.
    """

    namespace: str = ""
    service: str = ""
    service_namespace: str = ""
    """Where that is another."""
    name: str = ""
    host: str = ""
    pod: str = ""
    kind: str = ""
    workload: str = ""
    address: str = ""
    joined: str = ""
    """Namespace and service with a `-` between: either may have one itself."""
    anywhere: bool = False
    """Whether it is told without its namespace: it is its caller's, or the only one of that name."""
    sanitized: bool = False
    """Whether its names have `_` for whatever is no letter and no digit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Requests seen on one side: a row per reporter and peer."""

    reporter: Ints
    peer: Ints
    """Index of the peer, or -1 where the mesh does not tell."""
    success: Floats
    failure: Floats
    buckets: Floats
    """Rows × bounds, cumulative; zeros where nothing is known, NaN at a bound this row's histogram does not
    have.
    """
    told: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    """Rows × `Snapshot.told`: the quantiles that proxies worked out themselves, in seconds; NaN where there
    is none. Without columns there are none at all.
    """
    exponential: Bools = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    """Which rows have native histograms, whose buckets grow by a factor; without entries none has."""

    def __len__(self) -> int:
        return len(self.reporter)

    def only(self, kept: Bools) -> Calls:
        """Return some of the rows: `kept` says of each whether it is one."""
        return Calls(
            reporter=self.reporter[kept],
            peer=self.peer[kept],
            success=self.success[kept],
            failure=self.failure[kept],
            buckets=self.buckets[kept],
            told=self.told[kept] if len(self.told) else self.told,
            exponential=self.exponential[kept] if len(self.exponential) else self.exponential,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """What the words of one mesh are worth: it holds of all that its proxies tell."""

    profile: str
    told_from_start: Mapping[kinds.Side, bool]
    """Whether series of that side exist before the first request, or never do: then none means not known,
    else none means none.
    """
    callers_told: bool = False
    """Whether the called ones' proxies know who calls; a peer of -1 on their side is then nobody's proxy."""
    timed_by_callees: bool = False
    """Whether the called ones' proxies time requests and know who calls, and the callers' time nothing."""
    without: Mapping[kinds.Side, tuple[str, ...]] = field(default_factory=dict)
    """Requests that are counted and not timed, in a word each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One moment of the mesh, or of several. Times are Unix seconds, durations seconds."""

    meshes: tuple[Mesh, ...]
    mesh: tuple[int, ...]
    """One per reporter: in which mesh's words it tells."""
    taken: float
    """When it was asked for."""
    timestamp: float
    """The newest scrape in it."""
    window: float
    interval: float
    """Between two scrapes, as observed."""
    reporters: tuple[Reporter, ...]
    spans: tuple[Span, ...]
    """One per reporter."""
    peers: tuple[Peer, ...]
    bounds: Floats
    """Upper bounds of the buckets, in seconds, ascending; the last is +Inf."""
    calls: Mapping[kinds.Side, Calls]
    sure: frozenset[int] = frozenset()
    """The reporters that are known to be of the mesh in whose words they tell: others' would not be so."""
    told: tuple[float, ...] = ()
    """The quantiles that some proxies work out themselves, 0 to 1."""
    partial: bool = False
    """Whether Prometheus warned that something is missing from what it told."""
    absent: tuple[str, ...] = ()
    """The profiles of meshes that are there, and of which nothing fresh is known."""

    @property
    def callers_told(self) -> bool:
        """Whether some of the called ones' proxies know who calls."""
        return any(mesh.callers_told for mesh in self.meshes)
