"""Caller and callee of a metric selector: from names to the traffic between them.

A name without a kind is that of a workload, or else of a service. An end that exists and appears in no figure
has no traffic. An end that does not exist is an error with similar names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from apiservice.http import errors
from apiservice.resources import declaration
from metrics_server.aggregate import rollup
from metrics_server.api import request
from metrics_server.api import view as api_view
from metrics_server.api.autoscaling import edge_visibility
from metrics_server.model import kinds as model_kinds
from metrics_server.model import number_types
from metrics_server.ownership import graph
from metrics_server.store import moment as store_moment
from metrics_server.store import store

N = TypeVar("N", bound=int)
"""Number of a reporter or of a peer."""
Named = Mapping[str, Mapping[model_kinds.Ref, Sequence[N]]]
"""The numbers of each resource in the snapshot, as reporter or as peer, by name and by resource."""
_Reporters = Named[number_types.ReporterNumber]
_Peers = Named[number_types.PeerNumber]


@dataclass(frozen=True, slots=True)
class RequestedEndpoint:
    """One end of the traffic as the request names it; the kind is empty if the request gives none."""

    kind: str
    namespace: str
    name: str

    @property
    def home(self) -> str:
        """Return the namespace of the end; empty if it is cluster-scoped."""
        if self.kind == model_kinds.NAMESPACE.name:
            return self.name
        known = model_kinds.KIND_BY_NAME.get(self.kind)
        return self.namespace if known is None or known.namespaced else ""

    def __str__(self) -> str:
        what = self.kind.lower() or "workload"
        return (
            f'{what} "{self.name}" of namespace "{self.namespace}"' if self.home else f'{what} "{self.name}"'
        )


def kind_of(text: str) -> str:
    """Return the spelling of a kind that is given in any case, such as `Pod` for `pod`."""
    return next((name for name in model_kinds.KIND_BY_NAME if name.lower() == text.lower()), text)


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller and its numbers in the snapshot, as reporter or as peer."""

    ref: model_kinds.Ref
    reporters: Sequence[number_types.ReporterNumber] = ()
    """Those of its own proxies; empty if these report nothing and its callees report it."""
    peers: Sequence[number_types.PeerNumber] = ()
    """If `reporters` is empty: those of the peer that its callees report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibleTraffic:
    """What a user may see of a snapshot: resources within the reach, and their callers and callees."""

    view: api_view.SnapshotReader
    moment: store.Moment
    within: str | None
    """The authorized namespace; None: all."""
    reach: declaration.Reach

    def is_here(self, ref: model_kinds.Ref) -> bool:
        """Return whether a resource is in the authorized namespace."""
        return self.within in (None, request.home(ref))

    def caller(self, end: RequestedEndpoint) -> Caller:
        """Return the caller. Raises errors.BadRequest, errors.NotFound."""
        moment = self.moment
        reporting = self._find(end, lambda kind: _reporters(moment, kind))
        if reporting and moment.rollup.reports(reporting[1]):
            return Caller(reporting[0], reporters=reporting[1])
        if moment.snapshot.names_callers and (found := self._find(end, lambda kind: _peers(moment, kind))):
            return Caller(found[0], peers=found[1])
        if reporting:
            return Caller(reporting[0], reporters=reporting[1])
        raise self._unknown(end, _reporters(moment, graph.WORKLOAD))

    def reporting(self, end: RequestedEndpoint) -> Sequence[number_types.ReporterNumber]:
        """Return the numbers of the proxies of an end, as reporters. Raises errors.BadRequest."""
        found = self._find(end, lambda kind: _reporters(self.moment, kind))
        return found[1] if found is not None else ()

    def callees(self, end: RequestedEndpoint) -> tuple[model_kinds.Ref, Sequence[number_types.PeerNumber]]:
        """Return the callee and its numbers as a peer; without numbers if no caller reports it.

        Raises errors.BadRequest, errors.NotFound.
        """
        found = self._find(end, lambda kind: _peers(self.moment, kind))
        if found is not None:
            return found
        uncalled = self._find(end, lambda kind: _uncalled(self.moment, kind))
        if uncalled is not None:
            return uncalled
        known = self._object(end)
        if known is not None:
            return known, ()
        raise self._unknown(end, _peers(self.moment, graph.WORKLOAD))

    def _shows(self, ref: model_kinds.Ref, kind: str) -> bool:
        if self.reach.namespace is None or self.reach.covers(request.home(ref)):
            return True
        return ref in edge_visibility.with_namespace(self.moment, kind, self.reach.namespace)

    def _find(
        self, end: RequestedEndpoint, among: Callable[[str], Named[N]]
    ) -> tuple[model_kinds.Ref, Sequence[N]] | None:
        """Return the end among the resources of its kind; without a kind, among workloads, then services.

        `among`: returns the numbers of the resources of a kind.
        """
        known = end.kind in model_kinds.KIND_BY_NAME
        for kind in (end.kind,) if known else (graph.WORKLOAD, model_kinds.SERVICE.name):
            numbers = among(kind).get(end.name, {})
            found = [ref for ref in numbers if _is(ref, end) and self._shows(ref, kind)]
            if len(found) > 1:
                kinds = " and ".join(sorted(ref.kind for ref in found))
                raise errors.BadRequest(
                    f"metric selector: {end.name!r} is {kinds} in namespace {end.namespace}; "
                    "name the kind, too"
                )
            if found:
                return found[0], numbers[found[0]]
        return None

    def _object(self, end: RequestedEndpoint) -> model_kinds.Ref | None:
        """Return the end among the objects of the inventory, within the reach."""
        known = self.view.moments.inventory.objects
        return next((ref for ref in known if _is(ref, end) and self.reach.covers(request.home(ref))), None)

    def _unknown(
        self, end: RequestedEndpoint, among: Mapping[str, Collection[model_kinds.Ref]]
    ) -> errors.NotFound:
        if not self.reach.covers(end.home):
            return errors.NotFound(
                f"{end} not found among the callers and callees of namespace {self.within}"
            )
        ref = self._object(end) or model_kinds.Ref(end.kind, end.namespace, end.name)
        known = [
            request.HintName(request.home(ref), name)
            for name, refs in among.items()
            for ref in refs
            if ref.namespace == end.namespace
        ]
        why = self.view.absence(ref, end.name, known, reach=self.reach)
        return errors.NotFound(f"{end} not found: {why}")


def between(
    moment: store.Moment,
    side: model_kinds.Side,
    reporters: Sequence[number_types.ReporterNumber] | None,
    peers: Sequence[number_types.PeerNumber] | None,
    quantiles: rollup.Quantiles,
    *,
    of_pod: bool,
) -> rollup.Figures:
    """Return what these reporters report about these peers, given by number; None means any.

    `of_pod`: the reporters are those of one pod.
    """
    of = None if reporters is None else tuple(reporters)
    to = None if peers is None else tuple(peers)
    return moment.once(
        ("between", side, of, to, quantiles, of_pod),
        lambda: moment.rollup.between(side, of, to, quantiles, of_pod=of_pod),
        sort=store_moment.PAIRS,
    )


def _reporters(moment: store.Moment, kind: str) -> _Reporters:
    return moment.once_and_again(
        ("reporters", kind), lambda moment: _all(number_types.ReporterNumber, moment.owners.callers(kind))
    )


def _peers(moment: store.Moment, kind: str) -> _Peers:
    return moment.once_and_again(
        ("peers", kind), lambda moment: _all(number_types.PeerNumber, moment.owners.peers(kind))
    )


def _all(number: Callable[[int], N], refs: Sequence[model_kinds.Ref]) -> Named[N]:
    """Return the index of each resource in `refs`, as a number of this type."""
    return _numbered(zip(number_types.all_of(number, len(refs)), refs, strict=True))


def _uncalled(moment: store.Moment, kind: str) -> _Peers:
    """Return resources that only their own proxies report, so that they have no numbers as peers."""
    return moment.once_and_again(
        ("uncalled", kind),
        lambda moment: _numbered((None, row.resource) for row in moment.rollup.received(kind, ())),
    )


def _numbered(refs: Iterable[tuple[N | None, model_kinds.Ref]]) -> Named[N]:
    named: dict[str, dict[model_kinds.Ref, list[N]]] = {}
    for number, ref in refs:
        numbers = named.setdefault(ref.name, {}).setdefault(ref, [])
        if number is not None:
            numbers.append(number)
    return named


def _is(ref: model_kinds.Ref, end: RequestedEndpoint) -> bool:
    return ref.name == end.name and ref.namespace in (end.namespace, "") and end.kind in ("", ref.kind)
