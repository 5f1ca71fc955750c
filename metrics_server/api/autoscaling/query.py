"""One request of an autoscaler: caller, callee and side of the traffic; and its answer.

A request that names both ends asks for one edge, as the caller's proxies report it. A request that names only
the callee asks for all traffic that it receives, as its own proxies report it, or with `side=client` as its
callers' proxies do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from apiservice.http import errors
from apiservice.resources import declaration
from metrics_server.aggregate import named_metrics
from metrics_server.api import request, view
from metrics_server.api.autoscaling import endpoints, metric_selector, values
from metrics_server.model import kinds, number_types
from metrics_server.ownership import graph
from metrics_server.store import store

Others = Callable[[declaration.Query], Awaitable[declaration.Verbatim]]
"""Forwards a request to the fallback adapter."""
_LAG = 10.0
"""Seconds for which an expired snapshot is still served to autoscalers while the next one is fetched. Their
requests come together, and the controller of a cluster has five of them under way at a time.
"""


async def from_others(
    query: declaration.Query,
    metric: str,
    *,
    what: str,
    others: Others | None,
    served: named_metrics.ServedMetrics,
) -> declaration.Verbatim:
    """Return the fallback adapter's answer for a metric that this server does not serve. Raises
    errors.StatusError.
    """
    if others is not None:
        return await others(query)
    near = request.near_word(metric, served.names) or f"there are {', '.join(served.names)}"
    raise errors.NotFound(f"the server could not find the metric {metric} for {what}: {near}")


async def value(
    view: view.SnapshotReader,
    reach: declaration.Reach,
    wanted: named_metrics.NamedMetric,
    asked: Mapping[str, str],
    *,
    side: kinds.Side,
    user: str,
    answer: Callable[[store.Moment], values.Value | values.NoValue],
) -> tuple[store.Moment, values.Value | values.NoValue]:
    """Return the requested value and its snapshot. Raises errors.StatusError.

    The snapshot has the latencies of `side`; of both sides, if only the other side reports them.
    """
    found = await moment(view, reach, wanted, asked, sides=frozenset({side}), user=user)
    one = answer(found)
    if isinstance(one, values.NoValue) and one.elsewhere:
        found = await moment(view, reach, wanted, asked, sides=kinds.SIDES, user=user)
        one = answer(found)
    return found, one


async def moment(
    view: view.SnapshotReader,
    reach: declaration.Reach,
    wanted: named_metrics.NamedMetric,
    asked: Mapping[str, str],
    *,
    sides: frozenset[kinds.Side],
    user: str,
) -> store.Moment:
    """Return a snapshot of what a reach covers. Raises errors.StatusError.

    It has the latencies of `sides` if the metric needs latencies. A fetch for it counts as one of the user's.
    """
    found = await view.at(
        reach,
        window=metric_selector.window(asked, default=view.window),
        latency=sides if wanted.quantiles else frozenset(),
        lag=_LAG,
        user=user,
    )
    if found is None:
        raise errors.NotFound(
            f"no {wanted.name}: no proxy of namespace {reach.namespace} is scraped by Prometheus"
        )
    if why := request.missing(found):
        raise errors.ServiceUnavailable(
            f"no {wanted.name}, as an autoscaler would act on incomplete figures: {'; '.join(why)}"
        )
    return found


def known(one: values.Value | values.NoValue, what: str, wanted: named_metrics.NamedMetric) -> values.Value:
    """Return a value. Raises errors.NotFound with the reason if there is none."""
    if isinstance(one, values.NoValue):
        raise errors.NotFound(f"{what} has no {wanted.name}: {one.why}")
    return one


@dataclass(frozen=True, slots=True)
class _ObservedTraffic:
    """The traffic that a value is about."""

    ref: kinds.Ref
    """The resource of the value."""
    side: kinds.Side
    reporters: Sequence[number_types.ReporterNumber] | None
    """The numbers of those that report it; None: any."""
    peers: Sequence[number_types.PeerNumber] | None
    """The numbers of their peers; None: any."""
    observed: kinds.Ref = kinds.UNKNOWN
    """The resource whose proxies report it; kinds.UNKNOWN for those of several resources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricQuery:
    """Caller and callee (None: any), and the side on which their traffic is observed.

    One end is in the authorized namespace. Of the other end the user learns only its traffic with that
    namespace: whether an end without such traffic exists is shown only to users who may read its namespace.
    """

    caller: endpoints.RequestedEndpoint | None
    callee: endpoints.RequestedEndpoint | None
    side: kinds.Side | None
    within: str | None
    """The namespace in which one end has to be; None: any."""
    reach: declaration.Reach
    """What the user may read about ends without traffic with that namespace."""

    @classmethod
    async def of(
        cls,
        asked: Mapping[str, str],
        described: endpoints.RequestedEndpoint | None,
        *,
        namespace: str,
        reach: declaration.Reach,
    ) -> Self:
        """Return the request that labels make, about a described resource if there is one.

        `namespace` is that of an end for which the labels give none. Raises errors.BadRequest.
        """
        caller, callee = (end(asked, name, namespace=namespace) for name in ("from", "to"))
        if described is not None:
            if metric_selector.direction(asked) is kinds.Direction.TO:
                caller = _only(caller, described, "from")
            else:
                callee = _only(callee, described, "to")
        if caller is None and callee is None:
            raise errors.BadRequest(
                "metric selector: say whose traffic is meant: name=…, or from=… and to=… for one edge"
            )
        within, named = reach.namespace, [one for one in (caller, callee) if one is not None]
        if not all(reach.covers(one.home) for one in named):
            reach = await reach.widest()
        return cls(caller=caller, callee=callee, side=metric_selector.side(asked), within=within, reach=reach)

    @property
    def reporting_side(self) -> kinds.Side:
        """Return the side whose proxies usually report the answer."""
        receives = self.caller is None and self.side is not kinds.Side.CLIENT
        return kinds.Side.SERVER if receives else kinds.Side.CLIENT

    @property
    def named(self) -> tuple[endpoints.RequestedEndpoint, ...]:
        """Return the ends that are named."""
        return tuple(end for end in (self.caller, self.callee) if end is not None)

    def __str__(self) -> str:
        if self.caller is None or self.callee is None:
            return str(self.caller or self.callee)
        return f"{self.caller} to {self.callee}"

    def answer(
        self, view: view.SnapshotReader, moment: store.Moment, wanted: named_metrics.NamedMetric
    ) -> values.Value | values.NoValue:
        """Return the requested value. Raises errors.BadRequest, errors.Forbidden, errors.NotFound."""
        seen = endpoints.VisibleTraffic(view=view, moment=moment, within=self.within, reach=self.reach)
        if self.caller is None and self.callee is not None and self.side is not kinds.Side.CLIENT:
            return self._received(seen, self.callee, wanted)
        if self.side is kinds.Side.SERVER:
            raise errors.BadRequest(
                "metric selector: what a caller sends is observed at the caller only; leave out side=server"
            )
        found = self._seen(seen)
        figures = endpoints.between(
            moment,
            found.side,
            found.reporters,
            found.peers,
            wanted.quantiles,
            of_pod=found.observed.kind == kinds.POD.name,
        )
        return values.of_figures(found.ref, figures, wanted, moment)

    def _seen(self, seen: endpoints.VisibleTraffic) -> _ObservedTraffic:
        ref, called = kinds.UNKNOWN, None
        if self.callee is not None:
            ref, called = seen.callees(self.callee)
        if self.caller is None:
            self._check(seen, ref)
            return _ObservedTraffic(ref, kinds.Side.CLIENT, None, called)
        caller = seen.caller(self.caller)
        self._check(seen, ref, caller.ref)
        if caller.reporters:
            return _ObservedTraffic(
                caller.ref, kinds.Side.CLIENT, caller.reporters, called, observed=caller.ref
            )
        reporters = seen.reporting(self.callee) if self.callee is not None else None
        return _ObservedTraffic(caller.ref, kinds.Side.SERVER, reporters, caller.peers, observed=ref)

    def _received(
        self,
        seen: endpoints.VisibleTraffic,
        end: endpoints.RequestedEndpoint,
        wanted: named_metrics.NamedMetric,
    ) -> values.Value | values.NoValue:
        ref, _ = seen.callees(end)
        self._check(seen, ref)
        moment = seen.moment
        for kind in (graph.WORKLOAD, ref.kind):
            figures = values.received(moment, kind, wanted.quantiles).get(ref)
            if figures is not None:
                return values.of_figures(ref, figures, wanted, moment)
        return values.NoValue(
            "none of its proxies is scraped by Prometheus; side=client reads those of its callers"
        )

    def check(self) -> None:
        """Raise errors.Forbidden unless the request names an end in the authorized namespace."""
        if self.within is not None and all(end.home != self.within for end in self.named):
            raise self._elsewhere()

    def _check(self, seen: endpoints.VisibleTraffic, *found: kinds.Ref) -> None:
        """Raise errors.Forbidden unless one of the ends that were found is in the authorized namespace.

        A host has no namespace, even if the request gives one.
        """
        if not any(seen.is_here(ref) for ref in found):
            raise self._elsewhere()

    def _elsewhere(self) -> errors.Forbidden:
        return errors.Forbidden(
            f"{self} has no end in namespace {self.within}; ask in the namespace of one of its ends"
        )


def end(
    asked: Mapping[str, str], name: str, *, namespace: str, prefix: str | None = None
) -> endpoints.RequestedEndpoint | None:
    """Return the end that a label names, with the labels for its kind and namespace, such as from_kind.

    Raises errors.BadRequest.
    """
    before = f"{name}_" if prefix is None else prefix
    kind = endpoints.kind_of(asked.get(f"{before}kind", ""))
    within = asked.get(f"{before}namespace", namespace)
    if name in asked:
        return endpoints.RequestedEndpoint(kind, within, asked[name])
    if kind == kinds.NAMESPACE.name:
        return endpoints.RequestedEndpoint(kind, within, within)
    if kind or f"{before}namespace" in asked:
        raise errors.BadRequest(f"metric selector: {before}kind and {before}namespace need {name}=NAME, too")
    return None


def _only(
    given: endpoints.RequestedEndpoint | None, described: endpoints.RequestedEndpoint, label: str
) -> endpoints.RequestedEndpoint:
    if given is not None:
        raise errors.BadRequest(
            f"metric selector: {label} and the described resource are the same end; leave one of them out"
        )
    return described
