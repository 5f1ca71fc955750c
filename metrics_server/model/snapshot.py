"""A snapshot: the counts and histograms of one or several meshes for one window, at one time. Immutable.

It contains only what the metrics say, nothing from the inventory: reporters are named by the labels of their
scrape targets, peers as the mesh writes them. `decode` makes it from the answers of Prometheus; `ownership`
and `aggregate` turn it into figures of Kubernetes resources.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from metrics_server.model import kinds, number_types

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
LEAST_INTERVALS = 1.9
"""Scrape intervals: two, less some jitter. A rate over a shorter time depends mostly on chance."""
_JITTER = 0.001
"""Share of the window by which two scrapes may miss its length."""


class MeshName(NamedTuple):
    """Identifies a mesh: two machines of one name are the same only in one mesh."""

    profile: str = ""
    """The profile that recognises its proxies; empty for those that only profiles for the proxies of any mesh
    find.
    """
    parts: tuple[str, ...] = ()
    """The values of the profile's labels for the name of a mesh, such as `mesh` or `cluster`; empty if the
    target has none of these labels.
    """


NO_MESH: Final = MeshName()


class NameScope(NamedTuple):
    """Where a name without a namespace was reported: it is looked up there first."""

    mesh: MeshName
    is_machine: bool
    """Whether a machine's proxy reported it."""


class RouteName(NamedTuple):
    """A rule of a route, by which the proxies of a gateway name what is behind it."""

    kind: str
    """The kind of the object, in small letters; empty if it is not said."""
    namespace: str
    """Empty if `name` begins with the namespace and a `-`."""
    name: str
    rule: str
    """Its number from 0, or a hash."""
    backend: str = ""
    """The number of one of its backends, from 0; empty for the rule as a whole."""


class Target(NamedTuple):
    """A scrape target of a reporter."""

    job: str
    instance: str
    metric: str = ""
    """The metric of the process that was scraped, where the profile has one."""
    series: int = 0
    """A hash of all labels of that metric's series: it distinguishes processes that share job and instance,
    as those behind a federation do.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """A pod, workload or machine whose proxy reports series, named by the labels of its scrape target or,
    where another process reports for it, by the labels of the series.

    A pod has `pod`, and a machine has `machine` and the `instance` that was scraped. Otherwise there is a
    `workload` (whose `kind` is Service if only its service is known), or only the `instance`.
    """

    namespace: str = ""
    pod: str = ""
    machine: str = ""
    instance: str = ""
    kind: str = ""
    workload: str = ""
    joined: str = ""
    """Namespace and service joined by a `-`. Both may contain a `-`; the inventory decides where to split."""
    anywhere: bool = False
    """Whether its name comes without a namespace."""
    sanitized: bool = False
    """Whether every character of its names other than a letter or a digit was replaced by `_`."""
    route: RouteName | None = None
    """A route's rule that names it; then `instance` is the name as reported."""
    node: str = ""
    controller: tuple[str, str] = ("", "")
    """Kind and name of the pod's controller, where the scrape target has labels for them; else empty."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """The other labels of the target: the pod's own labels, as far as the scrape configuration keeps them."""
    mesh: MeshName = NO_MESH
    omits_peers: frozenset[kinds.Side] = frozenset()
    """The sides on which some of its series lack every label for the peer, as where a telemetry setting
    removed them. It is another thing that a mesh does not know a peer, and says so.
    """
    is_between: bool = False
    """Whether its proxy stands between callers and callees and reports their requests, as a waypoint."""
    targets: frozenset[Target] = frozenset()
    """The scrape targets that are its proxy; empty where another process reports for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The time over which the requests of a reporter were counted: its coverage. Unix seconds.

    It ends with the newest scrape of the reporter itself, and begins with the scrape whose counters are
    subtracted. So its length is known, and requests ÷ length is the rate, whatever the scrape interval.
    """

    since: float
    """The scrape whose counters are subtracted, or the start of the process if that is later. If neither is
    known, the first scrape.
    """
    until: float
    """The newest scrape."""
    window: float
    """Seconds: the window of this reporter, which is the requested one or two of its own scrape intervals."""
    interval: float = math.nan
    """Seconds between two of its scrapes; NaN if it was scraped only once."""
    born: bool = False
    """Whether the process started at `since`: then no earlier requests can be missing."""
    ended: bool = False
    """Whether it is no longer scraped. Its window then ends when others were last scraped."""
    missing: bool = False
    """Whether requests before `since` may be missing: the window began earlier, and so did the process."""

    @property
    def seconds(self) -> float:
        """The length of the covered part."""
        return self.until - self.since

    @property
    def alone(self) -> float:
        """The seconds over which its own requests were counted; NaN if too short for a rate."""
        if self.ended and not self.missing:
            return self.seconds if self.seconds > 0 else math.nan
        if not self.seconds >= LEAST_INTERVALS * self.interval:
            return math.nan
        # Scrapes are some milliseconds early or late, which readers need not see.
        return self.window if abs(self.seconds - self.window) <= _JITTER * self.window else self.seconds

    @property
    def in_sum(self) -> float:
        """The seconds over which it counts as a part of a sum; NaN if too short for a rate.

        Before a process started and after it ended, others did its work, so the whole window counts.
        """
        return self.window if (self.born or self.ended) and not self.missing else self.alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The other end of the traffic that a reporter reports, as the mesh names it.

    It is a pod, a workload or a service of a namespace; a bare `name` in the namespace of its caller; a
    `host`; or the `address` of a pod. A workload may have a `kind`, and the `service` by which it was called.
    With a `cluster` it is in that cluster, and its names say nothing of the objects of this one.
    """

    cluster: str = ""
    """The cluster that it is in, if that is not its reporter's; else empty."""
    mirrored: bool = False
    """Whether `service` is a Service of the reporter's cluster that mirrors one of the other cluster."""
    namespace: str = ""
    service: str = ""
    service_namespace: str = ""
    """The namespace of the service, where it differs from `namespace`; else empty."""
    name: str = ""
    host: str = ""
    pod: str = ""
    kind: str = ""
    workload: str = ""
    address: str = ""
    joined: str = ""
    """Namespace and service joined by a `-`. Both may contain a `-`; the inventory decides where to split."""
    anywhere: bool = False
    """Whether its name comes without a namespace: it is in its caller's, or the only one of that name."""
    sanitized: bool = False
    """Whether every character of its names other than a letter or a digit was replaced by `_`."""
    route: RouteName | None = None
    """A route's rule that names it; then `host` is the name as reported."""
    scope: NameScope | None = None
    """Where its name was reported, if it can be the name of a machine of that mesh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """The requests observed on one side: one row per reporter and peer. R is the number of rows."""

    reporter: number_types.ReporterNumbers
    """int64[R]: index into `Snapshot.reporters`."""
    peer: number_types.PeerNumbers
    """int64[R]: index into `Snapshot.peers`, or -1 (`number_types.NO_PEER`) where the mesh does not name the
    peer.
    """
    success: Floats
    """float64[R]: requests in the window that succeeded."""
    failure: Floats
    """float64[R]: requests in the window that failed."""
    initial: Floats
    """float64[R]: those of these requests with which a series began, so that `rate` does not see them."""
    buckets: Floats
    """float64[R, B], B being the length of `Snapshot.bounds`: cumulative histograms of as many requests as
    there are in `Snapshot.scaled` seconds. A row is all zeros without a histogram; a value is NaN at a
    bound that its own histogram does not have.
    """
    quantile_values: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    """float64[R, Q], Q being the length of `Snapshot.quantile_levels`: quantiles that proxies computed
    themselves, in seconds; NaN where a row has none. float64[0, 0] if no row has any.
    """
    exponential: Bools = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    """bool[R]: rows with an exponential (native) histogram; bool[0] if no row has one."""

    def __len__(self) -> int:
        return len(self.reporter)

    @property
    def total(self) -> Floats:
        """The requests in the window, of either outcome: float64[R]."""
        return self.success + self.failure

    def only(self, kept: Bools) -> Calls:
        """Return the rows for which `kept`, a bool[R], is true."""
        return Calls(
            reporter=self.reporter[kept],
            peer=self.peer[kept],
            success=self.success[kept],
            failure=self.failure[kept],
            initial=self.initial[kept],
            buckets=self.buckets[kept],
            quantile_values=self.quantile_values[kept] if len(self.quantile_values) else self.quantile_values,
            exponential=self.exponential[kept] if len(self.exponential) else self.exponential,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """Properties of one profile that apply to every figure it reports."""

    profile: str
    """The name of the profile."""
    counted_from_start: Mapping[kinds.Side, bool]
    """For each side, what a missing series means. True: the count is unknown, because series of that side
    exist from the start of the process, or the mesh has none. False: there were no requests, because series
    appear with the first request.
    """
    fallback: bool = False
    """Whether other profiles that report the same requests take precedence."""
    names_callers: bool = False
    """Whether the callees' proxies report the caller; a peer of -1 on the server side is then an unknown
    caller.
    """
    timed_by_callees: bool = False
    """Whether the callees' proxies report latencies by caller, and the callers' proxies report none."""
    without: Mapping[kinds.Side, tuple[str, ...]] = field(default_factory=dict)
    """For each side, the requests that are counted and not timed, such as `timeouts`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One or several meshes at one time. Times are Unix seconds, durations are seconds."""

    meshes: tuple[Mesh, ...]
    mesh: tuple[int, ...]
    """For each reporter, the index of its mesh in `meshes`."""
    taken: float
    """When it was asked for."""
    timestamp: float
    """The newest scrape in it."""
    window: float
    """As requested, or two scrape intervals. That of one reporter may be longer (`Span.window`)."""
    scaled: float
    """The window as requested. Histograms are scaled to it: `Calls.buckets` ÷ `scaled` is a rate."""
    interval: float
    """The scrape interval of most proxies, as observed."""
    reporters: tuple[Reporter, ...]
    spans: tuple[Span, ...]
    """One per reporter."""
    peers: tuple[Peer, ...]
    bounds: Floats
    """float64[B]: upper bounds of the buckets, in seconds, ascending; the last is +Inf."""
    calls: Mapping[kinds.Side, Calls]
    sure: frozenset[number_types.ReporterNumber] = frozenset()
    """Reporters that certainly belong to their mesh: they have requests in a series that no other mesh
    exposes.
    """
    quantile_levels: tuple[float, ...] = ()
    """The quantiles that some proxies compute themselves, 0 to 1, ascending: the columns of
    `Calls.quantile_values`.
    """
    partial: bool = False
    """Whether it is incomplete: Prometheus warned that a part of its data may be missing."""
    absent: tuple[str, ...] = ()
    """The profiles that Prometheus has series of, all of which are stale."""

    @property
    def names_callers(self) -> bool:
        """Whether the callees' proxies of at least one mesh report the caller."""
        return any(mesh.names_callers for mesh in self.meshes)
