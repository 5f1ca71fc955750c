"""Tries a profile on a dump: the figures that it gives, next to the true ones.

The truth is a YAML file. Resources are named `NAMESPACE/KIND.NAME`, without the namespace if they have none,
and a caller that no proxy names is `unknown`.

    tolerance: 0.01                     # the share by which a count may differ; 0 by default
    received:
      shop/deployment.cart: {succeeded: 40, failed: 2}
    edges:                              # all edges with requests; several right names are a list
      - {from: shop/deployment.web, to: [shop/deployment.cart, shop/service.cart], succeeded: 40, failed: 2}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pydantic

from metrics_server.decode import decoder, targets
from metrics_server.dumps import dump
from metrics_server.inventory import objects
from metrics_server.model import kinds
from metrics_server.ownership import graph
from metrics_server.profiles import fields, schema, strict_yaml
from metrics_server.store import store

_SAME = 1e-6
"""Requests by which equal counts may differ, because they are sums of fractions."""


class BadTruth(ValueError):
    """An invalid truth; the message says file, key and reason."""


def _several(given: object) -> object:
    return (given,) if isinstance(given, str) else given


_Count = Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)]
_Names = Annotated[tuple[str, ...], pydantic.BeforeValidator(_several), pydantic.Field(min_length=1)]


class _Counts(fields.StrictModel):
    succeeded: _Count
    failed: _Count = 0.0


class _Edge(_Counts):
    from_: _Names = pydantic.Field(alias="from")
    to: _Names


class Truth(fields.StrictModel):
    """What really happened between the first scrape of a dump and the last."""

    tolerance: Annotated[float, pydantic.Field(ge=0, lt=1)] = 0.0
    """The share by which a count may differ."""
    received: dict[str, _Counts] = pydantic.Field(default_factory=dict)
    """Of these resources; others are not compared."""
    edges: tuple[_Edge, ...] | None = None
    """All edges between workloads that have requests; None if edges are not compared."""

    @pydantic.model_validator(mode="after")
    def _says_something(self) -> Truth:
        if not self.received and self.edges is None:
            raise ValueError("give `received`, `edges` or both")
        return self


def load(path: Path) -> Truth:
    """Return the truth in a file. Raises BadTruth with all mistakes."""
    source = strict_yaml.named(path)
    try:
        content = strict_yaml.read(strict_yaml.text(path, most=strict_yaml.LARGEST))
        return Truth.model_validate(content)
    except pydantic.ValidationError as error:
        faults = [f"{source}: {strict_yaml.fault(e['loc'], e['msg'])}" for e in error.errors()]
        raise BadTruth(strict_yaml.first(faults)) from error
    except strict_yaml.Malformed as error:
        raise BadTruth(f"{source}: not YAML: {error}") from error
    except (OSError, ValueError) as error:
        raise BadTruth(f"{source}: cannot be read: {strict_yaml.unreadable(error)}") from error


Counts = tuple[float, float]
"""Requests that succeeded and that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One true figure and the one that the profile gives."""

    name: str
    true: Counts | None
    """None: there should be no such row."""
    given: Counts | None
    """None: the profile gives none."""
    is_right: bool

    @property
    def deviation(self) -> float | None:
        """The difference of all requests as a share of the true ones; None if one of them is not known."""
        if self.true is None or self.given is None:
            return None
        true, given = sum(self.true), sum(self.given)
        return (given - true) / true if true else None


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures that a profile gives of a dump."""

    received: Mapping[str, Counts]
    """By resource, where they are known."""
    edges: Mapping[tuple[str, str], Counts]
    """By caller and callee, those with requests."""


def figures(mesh: schema.Profile, scrapes: Sequence[dump.Scrape], inventory: objects.Inventory) -> Figures:
    """Return the figures of the growth between the first scrape and the last. Of a single scrape, all
    requests count.

    Raises faults.BackendRefused or one of `validation.SENSELESS` for samples that have no sense.
    """
    answer = dump.answer(scrapes, mesh)
    proxies = targets.find(answer, mesh)
    if not proxies.found:
        proxies = targets.find_by_requests(answer, mesh)
    if not proxies.found:
        return Figures({}, {})
    window, taken = dump.span(scrapes)
    read = decoder.read(answer, [], proxies=proxies, taken=taken, window=window, interval=dump.EVERY)
    rollup = store.Moment(read, inventory, arrived=taken).rollup
    received = {
        name(one.resource): (one.figures.success, one.figures.failure)
        for kind in (graph.WORKLOAD, *(kind.name for kind in kinds.KINDS))
        for one in rollup.received(kind)
        if one.figures.success is not None and one.figures.failure is not None
    }
    edges = {
        (name(one.caller), name(one.callee)): (one.figures.success, one.figures.failure)
        for one in rollup.edges(graph.WORKLOAD)
        if one.figures.success is not None and one.figures.failure is not None and one.figures.total
    }
    return Figures(received, edges)


def name(resource: kinds.Ref) -> str:
    """Return the name of a resource as a truth has it."""
    return f"{resource.namespace}/{resource}" if resource.namespace else str(resource)


def compare(truth: Truth, given: Figures) -> list[Row]:
    """Return a row for each true figure, and for each edge that should not be there."""
    rows = [
        _row(one, _counts(counts), given.received.get(one), truth.tolerance)
        for one, counts in truth.received.items()
    ]
    if truth.edges is None:
        return rows
    rest = dict(given.edges)
    for edge in truth.edges:
        found = [pair for pair in rest if pair[0] in edge.from_ and pair[1] in edge.to]
        pair = found[0] if found else (edge.from_[0], edge.to[0])
        # A second row of the same edge stays in the rest, and is wrong.
        rows.append(_row(_edge(pair), _counts(edge), rest.pop(pair, None), truth.tolerance))
    return rows + [_row(_edge(pair), None, counts, truth.tolerance) for pair, counts in rest.items()]


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of a table for people."""
    cells = [("", "RESOURCE OR EDGE", "TRUE", "GIVEN", "DEVIATION")]
    for row in rows:
        off = "-" if row.deviation is None else f"{row.deviation:+.1%}"
        state = "ok" if row.is_right else "WRONG"
        cells.append((state, row.name, _text(row.true), _text(row.given), off))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def missing(mesh: schema.Profile, scrapes: Sequence[dump.Scrape]) -> Iterator[str]:
    """Yield a sentence for each metric of the profile that the dump lacks."""
    there = dump.names(scrapes)
    counters = dict.fromkeys(one for view in mesh.views for one in view.counters)
    for one in counters:
        if one not in there:
            yield f"the dump has no {one}, whose requests the profile counts"
    if mesh.process is not None and mesh.process.metric not in there:
        yield f"the dump has no {mesh.process.metric}: every target that counts requests is taken for a proxy"
    timed = dict.fromkeys(view.latency.metric for view in mesh.views if view.latency)
    for one in timed:
        if not {one, f"{one}_bucket"} & there:
            yield f"the dump has no {one}: there will be no latencies"


def _row(what: str, true: Counts | None, given: Counts | None, tolerance: float) -> Row:
    is_right = true is not None and given is not None and _are_near(zip(true, given, strict=True), tolerance)
    return Row(name=what, true=true, given=given, is_right=is_right)


def _are_near(pairs: Iterable[tuple[float, float]], tolerance: float) -> bool:
    return all(abs(given - true) <= tolerance * true + _SAME for true, given in pairs)


def _counts(given: _Counts) -> Counts:
    return given.succeeded, given.failed


def _edge(pair: tuple[str, str]) -> str:
    return " -> ".join(pair)


def _text(counts: Counts | None) -> str:
    """Return counts as text: `40 + 2 failed`."""
    return "none" if counts is None else f"{counts[0]:.10g} + {counts[1]:.10g} failed"
