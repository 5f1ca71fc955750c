"""A mesh as facts: what it calls its metrics, and where in them the two ends of a request are told.

A profile is a YAML file and holds no PromQL. Whatever is wrong with one is refused with file, key and
reason, all at once.
"""

from __future__ import annotations

import enum
import functools
import itertools
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import pydantic

from metrics_server.model import kinds
from metrics_server.profiles import endpoints, fields, strict_yaml
from metrics_server.profiles.fields import Facts, LabelName, MetricName, Pattern


class Outcome(enum.StrEnum):
    """What became of a request."""

    SUCCESS = "success"
    FAILURE = "failure"
    CLIENT_ERROR = "client-error"
    """The caller's own mistake (4xx): a success, unless the settings say otherwise."""


class Process(Facts):
    """The series every proxy exposes from its start: it tells how old the process is (`age`) or when it began
    (`start`). Where others have a series of that name, too, `match` says which are the mesh's.
    """

    metric: MetricName
    tells: Literal["age", "start"]
    unit: Literal["s", "ms"] = "s"
    match: dict[LabelName, Pattern] = pydantic.Field(default_factory=dict)
    shows_proxies: bool = True
    """Whether who has it is a proxy. Else who counts requests is one, and may have it."""

    @property
    def scale(self) -> float:
        """Seconds per unit."""
        return fields.SECONDS[self.unit]


class Latency(Facts):
    """A histogram, classic or native: the name without `_bucket`, and its unit.

    With a `quantile_label`, it is quantiles that the proxies worked out themselves: those of several cannot
    be joined into one, so that what is said of them is approximate.
    """

    metric: MetricName
    unit: Literal["s", "ms", "us", "ns"]
    quantile_label: LabelName | None = None
    """Its values are 0.99, or P99."""
    without: tuple[str, ...] = ()
    """Requests that are counted and not timed, in a word each, such as `timeouts`."""

    @property
    def scale(self) -> float:
        """Seconds per unit."""
        return fields.SECONDS[self.unit]


class OutcomeRule(Facts):
    """A request whose `label` matches is a success or a failure; without a label the rule holds for all."""

    label: LabelName | None = None
    matches: Pattern | None = None
    is_: Outcome = pydantic.Field(alias="is")

    @pydantic.model_validator(mode="after")
    def _both_or_none(self) -> OutcomeRule:
        if (self.label is None) != (self.matches is None):
            raise ValueError("a rule has both `label` and `matches`, or neither")
        return self


_COUNTING = ("one counter", "a counter each")
_Counters = Annotated[
    Annotated[MetricName, pydantic.Tag("one counter")]
    | Annotated[dict[MetricName, Outcome], pydantic.Field(min_length=1), pydantic.Tag("a counter each")],
    pydantic.Discriminator(lambda given: _COUNTING[isinstance(given, dict)]),
]


class View(Facts):
    """What one side of a proxy reports."""

    side: kinds.Side
    requests: _Counters
    """One counter, whose labels tell the outcome; or a counter for each outcome."""
    appears: Literal["at start", "with first request"]
    latency: Latency | None = None
    match: dict[LabelName, Pattern] = pydantic.Field(default_factory=dict)
    outcome: tuple[OutcomeRule, ...] = ()
    reporter: endpoints.AnyParty | None = None
    """Who reports, where that is not the scrape target."""
    peer: endpoints.AnyParty | None = None
    shared: bool = False
    """Whether proxies of other meshes have such series, too: then they do not show whose proxy it is."""
    unknown: tuple[str, ...] = ()

    @pydantic.field_validator("outcome")
    @classmethod
    def _ends_with_default(cls, rules: tuple[OutcomeRule, ...]) -> tuple[OutcomeRule, ...]:
        if rules and (rules[-1].label is not None or any(rule.label is None for rule in rules[:-1])):
            raise ValueError(
                "the last rule, and only the last, has no `label`: it decides what no other rule does"
            )
        return rules

    @pydantic.model_validator(mode="after")
    def _tells_the_outcome_once(self) -> View:
        if isinstance(self.requests, str) != bool(self.outcome):
            raise ValueError("the outcome is told by rules in `outcome`, or by a counter each in `requests`")
        return self

    @property
    def counters(self) -> tuple[str, ...]:
        """The metrics that count its requests."""
        return (self.requests,) if isinstance(self.requests, str) else tuple(self.requests)

    def became(self, labels: Mapping[str, str]) -> Outcome:
        """Return what became of the requests that a series of this view counts."""
        if not isinstance(self.requests, str):
            return self.requests[labels["__name__"]]
        return next(
            rule.is_
            for rule in self.outcome
            if rule.label is None or fields.all_match({rule.label: rule.matches or ""}, labels)
        )

    @property
    def outcome_labels(self) -> tuple[str, ...]:
        """The labels that tell the outcome."""
        return tuple(rule.label for rule in self.outcome if rule.label)


class Profile(Facts):
    """One mesh."""

    name: Annotated[str, pydantic.Field(pattern=r"^[a-z0-9-]+$")]
    about: str
    process: Process | None = None
    """None where the mesh's proxies have no such series: then a restart shows only in counters that fall."""
    target: endpoints.Target = endpoints.Target()
    views: tuple[View, ...]
    fallback: bool = False
    """Whether it is the last to be believed of a proxy of which another profile tells, too."""
    auto: bool = True
    """Whether it is read where nobody names it: not one whose answer is another and no better one."""

    @pydantic.field_validator("views")
    @classmethod
    def _one_view_per_series(cls, views: tuple[View, ...]) -> tuple[View, ...]:
        if not views:
            raise ValueError("a mesh has at least one view")
        for one, other in itertools.combinations(views, 2):
            if fields.are_apart(one.match, other.match):
                continue
            if set(one.counters) & set(other.counters) and not _are_two_sides(one, other):
                raise ValueError(
                    "two views read the same `requests` metric, and no plain value in `match` tells them "
                    "apart: every request would count twice"
                )
            if one.side is other.side and one.latency and other.latency:
                raise ValueError(
                    "two views of one side have a latency, and no plain value in `match` tells them apart: "
                    "their buckets could not be told apart, either"
                )
        return views

    @functools.cached_property
    def sign(self) -> tuple[str, ...]:
        """The metrics by which a scrape target is seen to be of this mesh."""
        if self.process is not None and self.process.shows_proxies:
            return (self.process.metric,)
        return tuple(dict.fromkeys(name for view in self.views for name in view.counters))

    @functools.cached_property
    def recognises_proxies(self) -> bool:
        """Whether the proxies of this mesh are told from those of others, by what they are scraped with."""
        return self.process is not None and self.process.shows_proxies and bool(self.process.match)

    @functools.cached_property
    def reports_of_targets(self) -> bool:
        """Whether scrape targets themselves are reporters."""
        return any(view.reporter is None for view in self.views)


def _are_two_sides(one: View, other: View) -> bool:
    """Whether one series tells of both ends of a call."""
    return one.side is not other.side and one.reporter is not None and other.reporter is not None


class BadProfile(ValueError):
    """A profile that is not one; the message names file, key and reason of each fault."""


def read(text: str, *, source: str) -> Profile:
    """Return the profile in a YAML text. Raises BadProfile with everything that is wrong."""
    try:
        content = strict_yaml.read(text)
    except strict_yaml.Malformed as error:
        raise BadProfile(f"{source}: not YAML: {error}") from error
    if not isinstance(content, dict):
        raise BadProfile(
            f"{source}: a profile is a mapping that starts with `name:`, this is {type(content).__name__}"
        )
    try:
        return Profile.model_validate(content)
    except pydantic.ValidationError as error:
        faults = [f"{source}: {strict_yaml.fault(_key(e['loc']), e['msg'])}" for e in error.errors()]
        raise BadProfile(strict_yaml.first(faults)) from error


def _key(place: Sequence[int | str]) -> Sequence[int | str]:
    """Return where in a file something is wrong, in the file's own keys."""
    return [part for part in place if part not in (*endpoints.WAYS, *_COUNTING)]


def load(path: Path) -> Profile:
    """Return the profile in a file. Raises BadProfile."""
    try:
        text = strict_yaml.text(path, most=strict_yaml.LARGEST)
    except (OSError, ValueError) as error:
        raise BadProfile(
            f"{strict_yaml.named(path)}: cannot be read: {strict_yaml.unreadable(error)}"
        ) from error
    return read(text, source=strict_yaml.named(path))


@functools.cache
def shipped() -> tuple[Profile, ...]:
    """Return the profiles that come with the product, by name."""
    files = (entry for entry in resources.files(__package__).iterdir())
    texts = {entry.name: entry.read_text(encoding="utf-8") for entry in files if entry.name.endswith(".yaml")}
    found = (read(text, source=name) for name, text in texts.items())
    return tuple(sorted(found, key=lambda mesh: mesh.name))
