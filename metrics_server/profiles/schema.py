"""The schema of a profile: the metrics and labels of one mesh, and the rules for endpoints and outcomes.

A profile is a YAML file without PromQL. All mistakes in it are reported at once, with file, key and reason.
"""

from __future__ import annotations

import enum
import functools
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

import pydantic

from metrics_server.model import kinds
from metrics_server.profiles import endpoints, fields
from metrics_server.profiles.fields import LabelName, MetricName, Pattern, StrictModel


class Outcome(enum.StrEnum):
    """The outcome of a request."""

    SUCCESS = "success"
    FAILURE = "failure"
    CLIENT_ERROR = "client-error"
    """A response 4xx, or such a status of gRPC: a success, unless the policy says otherwise."""
    TOTAL = "total"
    """Requests of every outcome: the view's other counter counts those of them that failed."""


class Process(StrictModel):
    """The series that every proxy exposes from its start, with the age of its process or the time it started.

    If other programs expose a metric of that name too, `match` selects the series of the mesh.
    """

    metric: MetricName
    tells: Literal["age", "start"]
    """`age`: the value is the time since the start. `start`: it is the Unix time of the start."""
    unit: Literal["s", "ms"] = "s"
    match: dict[LabelName, Pattern] = pydantic.Field(default_factory=dict)
    shows_proxies: bool = True
    """Whether every target with this series is a proxy. Else a target is a proxy if it counts requests."""

    @property
    def scale(self) -> float:
        """Seconds per unit."""
        return fields.SECONDS[self.unit]


class Latency(StrictModel):
    """The metric with latencies: a histogram, classic or native, named without `_bucket`.

    With a `quantile_label` it is a metric with quantiles that proxies computed themselves. Those of
    several proxies cannot be summed, so figures from them are approximate.
    """

    metric: MetricName
    unit: Literal["s", "ms", "us", "ns"]
    quantile_label: LabelName | None = None
    """The label with the quantile, such as `0.99` or `P99`."""
    without: tuple[str, ...] = ()
    """Requests that are counted and not timed, for users to read, such as `timeouts`."""

    @property
    def scale(self) -> float:
        """Seconds per unit."""
        return fields.SECONDS[self.unit]


class OutcomeRule(StrictModel):
    """The outcome of requests whose `label` matches; without a label, of all requests."""

    label: LabelName | None = None
    matches: Pattern | None = None
    is_: Outcome = pydantic.Field(alias="is")

    @pydantic.model_validator(mode="after")
    def _both_or_none(self) -> OutcomeRule:
        if (self.label is None) != (self.matches is None):
            raise ValueError("a rule has both `label` and `matches`, or neither")
        return self


COUNTING = ("one counter", "a counter each")
_Counters = Annotated[
    Annotated[MetricName, pydantic.Tag("one counter")]
    | Annotated[dict[MetricName, Outcome], pydantic.Field(min_length=1), pydantic.Tag("a counter each")],
    pydantic.Discriminator(lambda given: COUNTING[isinstance(given, dict)]),
]


class SideSeries(StrictModel):
    """The series that proxies report about requests on one side."""

    side: kinds.Side
    requests: _Counters
    """One counter, whose labels decide the outcome by the rules in `outcome`; or one counter per outcome."""
    appears: Literal["at start", "with first request"]
    """When a series first exists, which decides what its absence means."""
    latency: Latency | None = None
    match: dict[LabelName, Pattern] = pydantic.Field(default_factory=dict)
    """The label values of the view's series; others with the same metric do not belong to it."""
    ignore: dict[LabelName, Pattern] = pydantic.Field(default_factory=dict)
    """Series in which any of these labels matches are no traffic, such as probes; a pattern needs a value."""
    outcome: tuple[OutcomeRule, ...] = ()
    reporter: endpoints.AnyParty | None = None
    """The labels that name the reporter, if it is not the scrape target."""
    peer: endpoints.AnyParty | None = None
    """The labels that name the peer; None if the mesh does not report it."""
    shared: bool = False
    """Whether proxies of other meshes expose these series too, so that they do not identify the mesh."""
    unknown: tuple[str, ...] = ()
    """What this view cannot show, for users to read."""

    @pydantic.field_validator("ignore")
    @classmethod
    def _keeps_series_without_label(cls, ignored: dict[str, str]) -> dict[str, str]:
        for label, pattern in ignored.items():
            if re.fullmatch(pattern, ""):
                raise ValueError(
                    f"{pattern!r} matches an empty value, and so every series without the label `{label}`: "
                    "the view would read nothing of a mesh without it"
                )
        return ignored

    @pydantic.field_validator("outcome")
    @classmethod
    def _ends_with_default(cls, rules: tuple[OutcomeRule, ...]) -> tuple[OutcomeRule, ...]:
        if rules and (rules[-1].label is not None or any(rule.label is None for rule in rules[:-1])):
            raise ValueError(
                "the last rule, and only the last, has no `label`: it is for requests without a matching rule"
            )
        return rules

    @pydantic.model_validator(mode="after")
    def _has_what_a_total_contains(self) -> SideSeries:
        given = () if isinstance(self.requests, str) else tuple(self.requests.values())
        if Outcome.TOTAL in given and set(given) != {Outcome.TOTAL, Outcome.FAILURE}:
            raise ValueError("beside a counter that is `total`, give those that are `failure`, and no others")
        if any(rule.is_ is Outcome.TOTAL for rule in self.outcome):
            raise ValueError("`total` is for a counter in `requests`, not for a label")
        return self

    @property
    def has_total(self) -> bool:
        """Whether the failures are also in a counter of all requests."""
        return not isinstance(self.requests, str) and Outcome.TOTAL in self.requests.values()

    @pydantic.model_validator(mode="after")
    def _tells_the_outcome_once(self) -> SideSeries:
        if isinstance(self.requests, str) != bool(self.outcome):
            raise ValueError("give either rules in `outcome`, or one counter per outcome in `requests`")
        return self

    def reads(self, labels: Mapping[str, str]) -> bool:
        """Return whether a series of one of its counters is of this view, and counts traffic."""
        return fields.all_match(self.match, labels) and not fields.any_match(self.ignore, labels)

    @property
    def counters(self) -> tuple[str, ...]:
        """The metrics that count its requests."""
        return (self.requests,) if isinstance(self.requests, str) else tuple(self.requests)

    def became(self, labels: Mapping[str, str]) -> Outcome:
        """Return the outcome of the requests that a series of this view counts."""
        if not isinstance(self.requests, str):
            return self.requests[labels["__name__"]]
        return next(
            rule.is_
            for rule in self.outcome
            if rule.label is None or fields.all_match({rule.label: rule.matches or ""}, labels)
        )

    @property
    def deciding_labels(self) -> tuple[str, ...]:
        """The labels that decide whether a series is of this view and counts traffic, and the outcome."""
        return (*self.match, *self.ignore, *(rule.label for rule in self.outcome if rule.label))


VERSION = 1
"""The version of the format of profiles that this release reads."""


def _known_version(given: int) -> int:
    """Return the version of a profile's format. Raises ValueError for one that this release does not read."""
    if given != VERSION:
        raise ValueError(
            f"this release reads profiles of version {VERSION}; write the profile in that format, or "
            "install the release that the profile was written for"
        )
    return given


class WithoutRequests(StrictModel):
    """A metric that shows that the mesh is there where it counts no requests, and why it counts none."""

    metric: MetricName
    because: Annotated[str, pydantic.Field(max_length=300)]


class Profile(StrictModel):
    """The metrics, labels and outcomes of one mesh."""

    version: Annotated[int, pydantic.AfterValidator(_known_version)] = VERSION
    """The version of the format of this file. A later release that changes the meaning of a key counts up."""
    revision: Annotated[str, pydantic.Field(max_length=100)] = ""
    """The author's own version of the profile, for users to read."""
    name: Annotated[str, pydantic.Field(pattern=r"^[a-z0-9-]+$")]
    about: str
    process: Process | None = None
    """None if the proxies have no such series: a restart is then visible only in counters that decrease."""
    target: endpoints.TargetLabels = endpoints.TargetLabels()
    views: tuple[SideSeries, ...]
    without_requests: tuple[WithoutRequests, ...] = ()
    """What to say if the views read nothing."""
    fallback: bool = False
    """Whether every other profile that reports the same proxy takes precedence."""
    auto: bool = True
    """Whether `auto` includes it. False if another profile reads the same proxies and neither is better in
    all cases.
    """

    @pydantic.field_validator("views")
    @classmethod
    def _one_view_per_series(cls, views: tuple[SideSeries, ...]) -> tuple[SideSeries, ...]:
        if not views:
            raise ValueError("a mesh has at least one view")
        for one, other in itertools.combinations(views, 2):
            if fields.are_apart(one.match, other.match):
                continue
            if set(one.counters) & set(other.counters) and not _are_two_sides(one, other):
                raise ValueError(
                    "two views read the same `requests` metric, and no plain value in `match` separates "
                    "them: every request would count twice"
                )
            if one.side is other.side and one.latency and other.latency:
                raise ValueError(
                    "two views of one side have a latency, and no plain value in `match` separates them: "
                    "nothing would show to which view a bucket belongs"
                )
        return views

    @functools.cached_property
    def sign(self) -> tuple[str, ...]:
        """The metrics that show that a scrape target belongs to this mesh."""
        if self.process is not None and self.process.shows_proxies:
            return (self.process.metric,)
        return tuple(dict.fromkeys(name for view in self.views for name in view.counters))

    @functools.cached_property
    def recognises_proxies(self) -> bool:
        """Whether the process metric distinguishes proxies of this mesh from those of others."""
        return self.process is not None and self.process.shows_proxies and bool(self.process.match)

    @functools.cached_property
    def finds_other_meshes(self) -> bool:
        """Whether the process metric shows proxies of other meshes as well."""
        return self.process is not None and self.process.shows_proxies and not self.process.match

    def recognises(self, labels: Mapping[str, str]) -> bool:
        """Return whether a scrape target with these labels is certainly a proxy of this mesh."""
        return (
            self.process is not None
            and self.recognises_proxies
            and fields.all_match(self.process.match, labels)
        )

    def patterns(self) -> Iterator[str]:
        """Yield every pattern for values of labels in the profile."""
        yield from _patterns(self.model_dump())

    @functools.cached_property
    def reports_of_targets(self) -> bool:
        """Whether the scrape targets of at least one view are its reporters."""
        return any(view.reporter is None for view in self.views)


_PATTERNS = frozenset({"ignore", "match", "matches", "outside", "exclude", "passthrough", "patterns"})
"""The keys of a profile that have patterns; `unknown` has one where its value is a text."""


def _patterns(given: object, *, has: bool = False) -> Iterator[str]:
    """Yield the texts below the keys that have patterns. `has`: whether `given` is below one."""
    if isinstance(given, dict):
        for key, value in given.items():
            yield from _patterns(value, has=has or key in _PATTERNS or (key, type(value)) == ("unknown", str))
    elif isinstance(given, list | tuple):
        for value in given:
            yield from _patterns(value, has=has)
    elif isinstance(given, str) and has:
        yield given


def _are_two_sides(one: SideSeries, other: SideSeries) -> bool:
    """Whether two views read the two sides of the same series, which names both caller and callee."""
    return one.side is not other.side and one.reporter is not None and other.reporter is not None
