"""One question of an autoscaler: whose traffic, with whom, seen from which side; and its answer.

A question that names both ends is about one edge, which its caller's proxies tell. One that names the called
alone is about all it receives, told by its own proxies unless the callers' side is asked for.
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
from metrics_server.model import kinds
from metrics_server.ownership import graph
from metrics_server.store import store

Others = Callable[[declaration.Query], Awaitable[declaration.Verbatim]]
"""Who is asked for metrics that are not ours."""
_LAG = 10.0
"""Seconds by which figures may be older than fresh while newer ones are fetched: autoscalers ask together,
and a cluster's controller waits for five answers at a time.
"""


async def another_s(
    query: declaration.Query, metric: str, *, what: str, others: Others | None
) -> declaration.Verbatim:
    """Return what somebody else says of a metric that is not ours. Raises errors.StatusError."""
    if others is not None:
        return await others(query)
    told = [one.name for one in named_metrics.MEASURES]
    near = request.near_word(metric, told) or f"there are {', '.join(told)}"
    raise errors.NotFound(f"the server could not find the metric {metric} for {what}: {near}")


async def told(
    view: view.View,
    reach: declaration.Reach,
    wanted: named_metrics.Measure,
    asked: Mapping[str, str],
    *,
    side: kinds.Side,
    user: str,
    answer: Callable[[store.Moment], values.Value | values.Untold],
) -> tuple[store.Moment, values.Value | values.Untold]:
    """Return the one value asked for, and the moment it is of: with the latencies of a side, or of both where
    the other side tells them. Raises errors.StatusError.
    """
    found = await moment(view, reach, wanted, asked, sides=frozenset({side}), user=user)
    one = answer(found)
    if isinstance(one, values.Untold) and one.elsewhere:
        found = await moment(view, reach, wanted, asked, sides=kinds.SIDES, user=user)
        one = answer(found)
    return found, one


async def moment(
    view: view.View,
    reach: declaration.Reach,
    wanted: named_metrics.Measure,
    asked: Mapping[str, str],
    *,
    sides: frozenset[kinds.Side],
    user: str,
) -> store.Moment:
    """Return a moment that has what a reach covers, with the latencies of these sides if any are wanted; a
    fetch for it is the user's.

    Raises errors.StatusError.
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
            f"no {wanted.name}, for an autoscaler would obey what is missing: {'; '.join(why)}"
        )
    return found


def known(one: values.Value | values.Untold, what: str, wanted: named_metrics.Measure) -> values.Value:
    """Return a value, or raise why there is none. Raises errors.NotFound."""
    if isinstance(one, values.Untold):
        raise errors.NotFound(f"{what} has no {wanted.name}: {one.why}")
    return one


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Who calls and who is called (None: anybody), and from where it is to be seen.

    One end is in the namespace that was authorized. Of the other one its asker learns only how it deals with
    that one: an end elsewhere that never did is told apart from none at all only to whoever may read it.
    """

    caller: endpoints.End | None
    callee: endpoints.End | None
    side: kinds.Side | None
    within: str | None
    """Where one end has to be; None: anywhere."""
    reach: declaration.Reach
    """Where an end may be told of that deals with nobody in there."""

    @classmethod
    async def of(
        cls,
        asked: Mapping[str, str],
        described: endpoints.End | None,
        *,
        namespace: str,
        reach: declaration.Reach,
    ) -> Self:
        """Return the question that labels ask of a described resource, if there is one.

        `namespace`: where an end is for which none is given. Raises errors.BadRequest.
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
    def told_by(self) -> kinds.Side:
        """From where the answer is told, as a rule."""
        receives = self.caller is None and self.side is not kinds.Side.CLIENT
        return kinds.Side.SERVER if receives else kinds.Side.CLIENT

    @property
    def named(self) -> tuple[endpoints.End, ...]:
        """The ends that are not anybody."""
        return tuple(end for end in (self.caller, self.callee) if end is not None)

    def __str__(self) -> str:
        if self.caller is None or self.callee is None:
            return str(self.caller or self.callee)
        return f"{self.caller} to {self.callee}"

    def answer(
        self, view: view.View, moment: store.Moment, wanted: named_metrics.Measure
    ) -> values.Value | values.Untold:
        """Return the one value asked for. Raises errors.BadRequest, errors.Forbidden, errors.NotFound."""
        seen = endpoints.Seen(view=view, moment=moment, within=self.within, reach=self.reach)
        if self.caller is None and self.callee is not None and self.side is not kinds.Side.CLIENT:
            return self._received(seen, self.callee, wanted)
        if self.side is kinds.Side.SERVER:
            raise errors.BadRequest(
                "metric selector: what somebody calls is seen at the caller only; leave out side=server"
            )
        ref, side, telling, told = self._seen(seen)
        figures = endpoints.between(moment, side, telling, told, wanted.quantiles)
        return values.of_figures(ref, figures, wanted, moment)

    def _seen(
        self, seen: endpoints.Seen
    ) -> tuple[kinds.Ref, kinds.Side, Sequence[int] | None, Sequence[int] | None]:
        """Return whose value it is, and which proxies tell of which peers, on which side."""
        ref, called = kinds.UNKNOWN, None
        if self.callee is not None:
            ref, called = seen.callees(self.callee)
        if self.caller is None:
            self._check(seen, ref)
            return ref, kinds.Side.CLIENT, None, called
        caller = seen.caller(self.caller)
        self._check(seen, ref, caller.ref)
        if caller.tells:
            return caller.ref, kinds.Side.CLIENT, caller.numbers, called
        telling = seen.telling(self.callee) if self.callee is not None else None
        return caller.ref, kinds.Side.SERVER, telling, caller.numbers

    def _received(
        self, seen: endpoints.Seen, end: endpoints.End, wanted: named_metrics.Measure
    ) -> values.Value | values.Untold:
        ref, _ = seen.callees(end)
        self._check(seen, ref)
        moment = seen.moment
        for kind in (graph.WORKLOAD, ref.kind):
            told = values.received(moment, kind, wanted.quantiles).get(ref)
            if told is not None:
                return values.of_figures(ref, told, wanted, moment)
        return values.Untold(
            "none of its proxies is scraped by Prometheus; side=client asks those of its callers"
        )

    def check(self) -> None:
        """Raise errors.Forbidden unless one of the ends is asked for where one has to be."""
        if self.within is not None and all(end.home != self.within for end in self.named):
            raise self._elsewhere()

    def _check(self, seen: endpoints.Seen, *found: kinds.Ref) -> None:
        """Raise errors.Forbidden unless one of the ends really is there: a host is in no namespace, whichever
        it is asked for in.
        """
        if not any(seen.is_here(ref) for ref in found):
            raise self._elsewhere()

    def _elsewhere(self) -> errors.Forbidden:
        return errors.Forbidden(
            f"a metric of namespace {self.within} has an end in it, and neither has {self}; "
            "ask in the namespace of one of them"
        )


def end(
    asked: Mapping[str, str], name: str, *, namespace: str, prefix: str | None = None
) -> endpoints.End | None:
    """Return the end that a label names, with those for its kind and namespace, such as from_kind.

    Raises errors.BadRequest.
    """
    before = f"{name}_" if prefix is None else prefix
    kind = endpoints.kind_of(asked.get(f"{before}kind", ""))
    within = asked.get(f"{before}namespace", namespace)
    if name in asked:
        return endpoints.End(kind, within, asked[name])
    if kind == kinds.NAMESPACE.name:
        return endpoints.End(kind, within, within)
    if kind or f"{before}namespace" in asked:
        raise errors.BadRequest(
            f"metric selector: {before}kind and {before}namespace need {name}=NAME beside them"
        )
    return None


def _only(given: endpoints.End | None, described: endpoints.End, label: str) -> endpoints.End:
    if given is not None:
        raise errors.BadRequest(
            f"metric selector: {label} and the described resource are the same end; leave one of them out"
        )
    return described
