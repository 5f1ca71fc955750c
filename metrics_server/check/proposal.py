"""Proposes a profile for metrics that no profile reads, from a sample of their series. Pure.

The proposal is a YAML text with comments that say what each guess comes from. It is a beginning: whoever
knows the mesh corrects it, and tries it with `try`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import yaml

from metrics_server.check import families, label_roles
from metrics_server.model import kinds
from metrics_server.query import promql

Labels = Mapping[str, str]
_UNITS = (
    ("ms", re.compile(r"(?:milliseconds?|millis|_ms)(?:_|$)")),
    ("us", re.compile(r"(?:microseconds?|micros|_us)(?:_|$)")),
    ("ns", re.compile(r"(?:nanoseconds?|nanos|_ns)(?:_|$)")),
    ("s", re.compile(r"seconds?(?:_|$)")),
)  # fmt: skip
_LONGEST = ((1e9, "ns"), (3.7e6, "us"), (500.0, "ms"))
"""The greatest bound of a histogram from which its unit is taken to be this one."""
_PATTERNS = (
    "(.*[|/:@])?(?P<service>[a-z0-9-]+)[.](?P<namespace>[a-z0-9-]+)[.]svc([.:|/_;].*)?",
    "spiffe://[^/]+/ns/(?P<namespace>[^/]+)/sa/(?P<workload>[^/]+)",
    "(?P<workload>[a-z0-9-]+)[.](?P<namespace>[a-z0-9-]+)[.]serviceaccount[.].+",
    "(?P<address>[0-9]+[.][0-9]+[.][0-9]+[.][0-9]+)(:(?P<port>[0-9]+))?",
    "(?P<namespace>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)",
    "(?P<service>[a-z0-9-]+)[.](?P<namespace>[a-z0-9-]+)(:(?P<port>[0-9]+))?",
    "(?P<name>[a-z0-9-]+)(:(?P<port>[0-9]+))?",
    "(?P<host>.+)",
)
"""Patterns for a name in one label, the most exact first."""
_SENDS = re.compile(r"(?:^|[_:.])(?:client|upstream|outbound|egress|backend|sent)(?:[_:.]|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What is known of one family."""

    family: families.Family
    series: Sequence[Labels]
    """Labels of some of its series."""
    bounds: Sequence[float] = ()
    """The finite bounds of its histogram's buckets; empty if they are not known."""


@dataclass(frozen=True, slots=True)
class Process:
    """A metric that shows when a process started."""

    metric: str
    tells: str
    """`age` or `start`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    side: kinds.Side
    sample: Sample
    reporter: label_roles.End | None = None
    peer: label_roles.End | None = None
    match: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


def write(samples: Sequence[Sample], *, process: Process | None) -> str:
    """Return the YAML of a profile that reads these families, of different sides if there are several."""
    views: dict[kinds.Side, _View] = {}
    for sample in samples:
        for view in _views(sample):
            views.setdefault(view.side, view)
    return "\n".join([*_head(samples, process), *(line for one in views.values() for line in _view(one)), ""])


def sides(sample: Sample) -> set[kinds.Side]:
    """Return the sides on which a family reports requests."""
    return {view.side for view in _views(sample)}


def _head(samples: Sequence[Sample], process: Process | None) -> Iterator[str]:
    first = samples[0].family
    name = re.sub(r"[^a-z0-9]+", "-", first.stem.lower()).strip("-") or "mesh"
    counters = ", ".join(sample.family.counter for sample in samples)
    yield "# Proposed by `trafficmetrics-server check --learn`, with the reason of each guess."
    yield "# Correct what is wrong, and compare the figures with what really happened (docs/meshes.md)."
    yield f"name: learned-{name}"
    yield f"about: {_text(f'learned from {counters}')}"
    if process is None:
        yield "# No metric of the processes' start was found: a restart shows only in counters that fall."
    else:
        yield "# From its start a process is known to have counted from 0."
        yield f"process: {{metric: {process.metric}, tells: {process.tells}, shows_proxies: false}}"
    values = label_roles.values_of(one for sample in samples for one in sample.series)
    if unusual := label_roles.target(values):
        yield "# The labels that name the scraped pod."
        yield f"target: {_mapping({key: list(labels) for key, labels in unusual.items()})}"
    yield "views:"


def _views(sample: Sample) -> list[_View]:
    """Return the views of a family: one for each side that its labels show."""
    apart = label_roles.side_label(label_roles.values_of(sample.series))
    if apart is not None:
        return [_of_side(sample, apart, side) for side in apart.values]
    callee, caller = _ends(sample.series)
    if callee is not None and caller is not None:
        return _between(sample, callee, caller)
    sends = callee is not None or (caller is None and _SENDS.search(sample.family.counter) is not None)
    if callee is not None:
        reason = "A label looks like the name of the callee."
    elif caller is not None:
        reason = "A label looks like the name of the caller."
    else:
        what = "sent" if sends else "received"
        reason = f"No label names an end. By the metric's name these are requests {what}."
    side = kinds.Side.CLIENT if sends else kinds.Side.SERVER
    return [_View(side=side, sample=sample, peer=callee or caller, reason=reason)]


def _ends(series: Sequence[Labels]) -> tuple[label_roles.End | None, label_roles.End | None]:
    """Return the labels of the callee and those of the caller."""
    values = label_roles.values_of(series)
    apart = label_roles.side_label(values)
    taken = {rule.label for rule in label_roles.outcome(values)} | ({apart.label} if apart else set())
    return (
        label_roles.end(values, callee=True, taken=taken),
        label_roles.end(values, callee=False, taken=taken),
    )


def _of_side(sample: Sample, apart: label_roles.SideLabel, side: kinds.Side) -> _View:
    """Return the view of the series that one side reports."""
    value = apart.values[side]
    series = [labels for labels in sample.series if labels.get(apart.label) == value]
    callee, caller = _ends(series)
    own, other = (caller, callee) if side is kinds.Side.CLIENT else (callee, caller)
    by_other = own is not None and other is not None and not _scraped(series, own)
    reason = f"The label {apart.label} says at which end a request was observed."
    if by_other:
        reason += " Its pod is not scraped: another program reports."
    return _View(
        side=side,
        sample=sample,
        reporter=own if by_other else None,
        peer=other,
        match={apart.label: promql.literal(value)},
        reason=reason,
    )


def _between(sample: Sample, callee: label_roles.End, caller: label_roles.End) -> list[_View]:
    """Return the views of series that name both ends: which of them is the scrape target?"""
    sent, received = _scraped(sample.series, caller), _scraped(sample.series, callee)
    if sent > received:
        reason = "Labels name both ends, and the scraped pod is the caller."
        return [_View(side=kinds.Side.CLIENT, sample=sample, peer=callee, reason=reason)]
    if received > sent:
        reason = "Labels name both ends, and the scraped pod is the callee."
        return [_View(side=kinds.Side.SERVER, sample=sample, peer=caller, reason=reason)]
    reason = "Labels name both ends, and the scraped pod is neither: another program reports for them."
    return [
        _View(side=kinds.Side.CLIENT, sample=sample, reporter=caller, peer=callee, reason=reason),
        _View(side=kinds.Side.SERVER, sample=sample, reporter=callee, peer=caller),
    ]


def _scraped(series: Sequence[Labels], end: label_roles.End) -> int:
    """Return how many series name the scraped pod as this end."""
    namespaces = end.labels.get("namespace", ())
    names = [label for label in end.names if label not in namespaces]
    return sum(
        any(
            (name := labels.get(label, "")) and any(f"{own}-".startswith(f"{name}-") for own in _own(labels))
            for label in names
        )
        for labels in series
    )


def _own(labels: Labels) -> list[str]:
    """Return the names of the scraped pod in the labels of one of its series."""
    return [
        labels[label] for label in (*label_roles.TARGET_POD, "app", "external_workload") if labels.get(label)
    ]


def _view(view: _View) -> Iterator[str]:
    family, values = view.sample.family, label_roles.values_of(view.sample.series)
    if view.reason:
        yield f"  # {view.reason}"
    yield f"  - side: {view.side}"
    yield f"    requests: {_word(family.counter)}"
    yield "    # `at start` if the series of an idle proxy exist and are 0."
    yield "    appears: with first request"
    if view.match:
        yield f"    match: {_mapping(view.match)}"
    if ignored := label_roles.ignored(values):
        yield "    # These look like probes and scrapes."
        yield f"    ignore: {_mapping({label: promql.any_of(probes) for label, probes in ignored.items()})}"
    if family.histogram:
        unit, reason = _unit(family.histogram, view.sample.bounds)
        yield f"    # {reason}"
        yield f"    latency: {{metric: {_word(family.histogram)}, unit: {unit}}}"
    else:
        yield "    # No histogram of durations was found, so there are no latencies."
    yield from _outcome(values)
    for key, end in (("reporter", view.reporter), ("peer", view.peer)):
        if end is not None:
            yield from _end(key, end, values)
            if view.reporter is not None and not end.labels.get("namespace"):
                yield "      # Without a namespace, each name must be the only one in Kubernetes."
                yield "      anywhere: true"
    if view.peer is None:
        what = "the callee" if view.side is kinds.Side.CLIENT else "the caller"
        yield f"    # No label looks like the name of {what}: there are no edges from these series."


def _outcome(values: label_roles.Values) -> Iterator[str]:
    rules = label_roles.outcome(values)
    if not rules:
        yield "    # No label looks like an outcome: every request counts as a success."
    for label in dict.fromkeys(rule.label for rule in rules):
        yield f"    # {label} has the outcome; seen: {_shown(values[label])}"
    yield "    outcome:"
    for rule in rules:
        yield f"      - {{label: {_word(rule.label)}, matches: {_text(rule.matches)}, is: {rule.outcome}}}"
    yield "      - {is: success}"


def _end(key: str, end: label_roles.End, values: label_roles.Values) -> Iterator[str]:
    if not end.named:
        for label in end.names:
            yield f"    # {label}: {_shown(values[label])}"
        yield f"    {key}:"
        for part, labels in end.labels.items():
            yield f"      {part}: {json.dumps(list(labels))}"
        if end.kinds:
            yield f"      kinds: {_mapping(end.kinds)}"
        return
    yield f"    # Seen: {_shown(values[end.named])}"
    yield f"    {key}:"
    yield f"      label: {_word(end.named)}"
    yield "      patterns:"
    fitting = {
        next((one for one in _PATTERNS if re.fullmatch(one, value)), _PATTERNS[-1])
        for value in values[end.named]
    }
    for pattern in _PATTERNS:
        if pattern in fitting or pattern == _PATTERNS[-1]:
            yield f"        - {_text(pattern)}"


def _unit(metric: str, bounds: Sequence[float]) -> tuple[str, str]:
    """Return the unit of a histogram, and what it is guessed from."""
    for unit, pattern in _UNITS:
        if pattern.search(metric):
            return unit, "The unit is in the name."
    if not bounds:
        return "s", "The unit is neither in the name nor seen in bounds: seconds are a guess."
    unit = next((unit for most, unit in _LONGEST if max(bounds) >= most), "s")
    return unit, f"The unit is guessed from the greatest bound, {max(bounds):g}."


def _shown(values: Collection[str]) -> str:
    """Return a few values in one line."""
    ordered = sorted(values)
    return ", ".join(_text(one[:60]) for one in ordered[:4]) + (", …" if len(ordered) > 4 else "")


def _mapping(given: Mapping[str, str | Sequence[str]]) -> str:
    """Return a mapping in one line of YAML."""
    return "{" + ", ".join(f"{_word(key)}: {json.dumps(value)}" for key, value in given.items()) + "}"


def _word(name: str) -> str:
    """Return the name of a label or a metric, in quotes if YAML takes it for something else, such as `on`."""
    return name if yaml.safe_load(name) == name else _text(name)


def _text(value: str) -> str:
    """Return a text in quotes, as YAML and JSON write it."""
    return json.dumps(value)
