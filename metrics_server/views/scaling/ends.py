"""Who calls, and who is called: names in a metric selector to the traffic between them.

A name without a kind is that of a workload, or of a service where no workload has it. An end that exists and
does not appear in any figure has no traffic; an end that nobody knows is an error, with the nearest names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from apiservice import errors
from metrics_server import ownership, rollup, store, words
from metrics_server.views import sight

Numbers = Mapping[words.Ref, Sequence[int]]
_Among = Callable[[str], Numbers]
"""What is seen as a kind."""


@dataclass(frozen=True, slots=True)
class End:
    """One end of some traffic, as it was asked for; the kind is empty where none was given."""

    kind: str
    namespace: str
    name: str

    @property
    def home(self) -> str:
        """The namespace it is in; none for what is in none."""
        if self.kind == words.NAMESPACE.name:
            return self.name
        known = words.KIND_BY_NAME.get(self.kind)
        return self.namespace if known is None or known.namespaced else ""

    def __str__(self) -> str:
        what = self.kind.lower() or "workload"
        return (
            f'{what} "{self.name}" of namespace "{self.namespace}"' if self.home else f'{what} "{self.name}"'
        )


def kind_of(text: str) -> str:
    """Return a kind as it is spelled, whichever case it was given in."""
    return next((name for name in words.KIND_BY_NAME if name.lower() == text.lower()), text)


def callers(view: sight.View, moment: store.Moment, end: End) -> tuple[words.Ref, Sequence[int]]:
    """Return who calls, and the numbers of its proxies. Raises errors.BadRequest, errors.NotFound."""
    found = _find(end, lambda kind: _callers(moment, kind))
    if found is None:
        known = {ref.name for ref in _callers(moment, ownership.WORKLOAD) if ref.namespace == end.namespace}
        raise _unknown(view, end, known)
    return found


def callees(view: sight.View, moment: store.Moment, end: End) -> tuple[words.Ref, Sequence[int]]:
    """Return who is called, and the numbers by which callers know it; none if nobody ever called it.

    Raises errors.BadRequest, errors.NotFound.
    """
    found = _find(end, lambda kind: _callees(moment, kind))
    if found is not None:
        return found
    uncalled = _find(end, lambda kind: {row.resource: () for row in moment.rollup.received(kind, ())})
    if uncalled is not None:
        return uncalled
    things = [ref for ref in view.moments.things.things if _is(ref, end)]
    if things:
        return things[0], ()
    known = {ref.name for ref in _callees(moment, ownership.WORKLOAD) if ref.namespace == end.namespace}
    raise _unknown(view, end, known)


def between(
    moment: store.Moment,
    calling: Sequence[int] | None,
    called: Sequence[int] | None,
    quantiles: rollup.Quantiles,
) -> rollup.Figures:
    """Return the traffic of some proxies with some peers, by their numbers; None means any."""
    callers, callees = (None if one is None else tuple(one) for one in (calling, called))
    return moment.once(
        ("between", callers, callees, quantiles),
        lambda: moment.rollup.between(callers, callees, quantiles),
    )


def _callers(moment: store.Moment, kind: str) -> Numbers:
    return moment.once(("callers", kind), lambda: _numbered(moment.owners.callers(kind)))


def _callees(moment: store.Moment, kind: str) -> Numbers:
    return moment.once(("callees", kind), lambda: _numbered(moment.owners.peers(kind)))


def _numbered(refs: Sequence[words.Ref]) -> Numbers:
    numbers: dict[words.Ref, list[int]] = {}
    for number, ref in enumerate(refs):
        numbers.setdefault(ref, []).append(number)
    return numbers


def _find(end: End, among: _Among) -> tuple[words.Ref, Sequence[int]] | None:
    """Return the end among what is seen as its kind; without one, as workload and then as service."""
    known = end.kind in words.KIND_BY_NAME
    for kind in (end.kind,) if known else (ownership.WORKLOAD, words.SERVICE.name):
        numbers = among(kind)
        found = [ref for ref in numbers if _is(ref, end)]
        if len(found) > 1:
            kinds = " and ".join(sorted(ref.kind for ref in found))
            raise errors.BadRequest(
                f"metric selector: {end.name!r} is {kinds} in namespace {end.namespace}; name the kind, too"
            )
        if found:
            return found[0], numbers[found[0]]
    return None


def _is(ref: words.Ref, end: End) -> bool:
    return ref.name == end.name and ref.namespace in (end.namespace, "") and end.kind in ("", ref.kind)


def _unknown(view: sight.View, end: End, known: Collection[str]) -> errors.NotFound:
    things = (ref for ref in view.moments.things.things if _is(ref, end))
    ref = next(things, words.Ref(end.kind, end.namespace, end.name))
    return errors.NotFound(f"{end} not found: {view.absence(ref, end.name, known)}")
