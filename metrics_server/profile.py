"""A mesh as facts: what it calls its metrics, and where in them a peer's identity sits.

A profile is a YAML file and holds no PromQL. Whatever is wrong with one is refused with file, key and
reason, all at once. Patterns are matched in full, against values of at most 1,024 characters, and are kept
in a dialect that Prometheus (RE2) and Python read alike.
"""

from __future__ import annotations

import enum
import itertools
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import yaml

from metrics_server import words

LONGEST_VALUE = 1024
_LABEL = r"^[a-zA-Z_][a-zA-Z0-9_]*$"
_METRIC = r"^[a-zA-Z_:][a-zA-Z0-9_:]*$"
_PEER_GROUPS = frozenset({"namespace", "service", "name", "host", "port", "subset"})
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def _check_pattern(text: str) -> str:
    """Refuse what does not compile, what RE2 does not know and what can backtrack without end."""
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a pattern: {error}") from error
    if re.search(r"\(\?[=!<#]|\\\d|[+*}]\)[+*{]|\(\?P=", text.replace("(?P<", "(")):
        raise ValueError("look-around, back references and nested repetition are not allowed")
    return text


LabelName = Annotated[str, pydantic.Field(pattern=_LABEL)]
MetricName = Annotated[str, pydantic.Field(pattern=_METRIC)]
Pattern = Annotated[str, pydantic.AfterValidator(_check_pattern)]


class Outcome(enum.StrEnum):
    """What became of a request."""

    SUCCESS = "success"
    FAILURE = "failure"


class _Facts(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class Process(_Facts):
    """The series every proxy exposes from its start: it tells how old the process is (`age`) or when it began
    (`start`). Where others have a series of that name, too, `match` says which are the mesh's.
    """

    metric: MetricName
    tells: Literal["age", "start"]
    unit: Literal["s", "ms"] = "s"
    match: dict[LabelName, Pattern] = pydantic.Field(default_factory=dict)

    @property
    def scale(self) -> float:
        """Seconds per unit."""
        return _SECONDS[self.unit]


class Target(_Facts):
    """The labels of a scrape target that say whose proxy it is; of each list, the first that is set
    counts.
    """

    namespace: tuple[LabelName, ...] = ("namespace",)
    pod: tuple[LabelName, ...] = ("pod",)
    node: tuple[LabelName, ...] = ("node",)
    machine: tuple[LabelName, ...] = ()
    controller_kind: tuple[LabelName, ...] = ()
    controller_name: tuple[LabelName, ...] = ()
    other: tuple[LabelName, ...] = ("job", "instance")

    @property
    def identity(self) -> tuple[str, ...]:
        """The labels by which figures of one proxy are told from another's."""
        return (*self.namespace, *self.pod, *self.machine, "instance")


class Latency(_Facts):
    """A classic histogram: the name without `_bucket`, and its unit."""

    metric: MetricName
    unit: Literal["s", "ms", "us", "ns"]

    @property
    def scale(self) -> float:
        """Seconds per unit."""
        return _SECONDS[self.unit]


class OutcomeRule(_Facts):
    """A request whose `label` matches is a success or a failure; without a label the rule holds for all."""

    label: LabelName | None = None
    matches: Pattern | None = None
    is_: Outcome = pydantic.Field(alias="is")

    @pydantic.model_validator(mode="after")
    def _both_or_none(self) -> OutcomeRule:
        if (self.label is None) != (self.matches is None):
            raise ValueError("a rule has both `label` and `matches`, or neither")
        return self


class Labelled(_Facts):
    """The other end of a request, told by labels of its own; of each list, the first that is set counts.

    A label whose value is `unknown` tells nothing.
    """

    namespace: tuple[LabelName, ...] = ()
    pod: tuple[LabelName, ...] = ()
    workload: tuple[LabelName, ...] = ()
    """Its name alone; what kind it is, Kubernetes knows."""
    kinds: dict[LabelName, str] = pydantic.Field(default_factory=dict)
    """Labels that name the workload and by that its kind, the uppermost first."""
    machine: tuple[LabelName, ...] = ()
    service: tuple[LabelName, ...] = ()
    service_namespace: tuple[LabelName, ...] = ()
    unknown: Pattern = "unknown"

    @pydantic.model_validator(mode="after")
    def _names_somebody(self) -> Labelled:
        if not (self.pod or self.workload or self.kinds or self.machine or self.service):
            raise ValueError("a peer is told by `pod`, `workload`, `kinds`, `machine` or `service`")
        return self

    @property
    def told_by(self) -> tuple[str, ...]:
        """All labels that tell it."""
        return (
            *self.namespace, *self.pod, *self.workload, *self.kinds, *self.machine, *self.service,
            *self.service_namespace,
        )  # fmt: skip


class Named(_Facts):
    """The other end of a request, named in one label: what does not count as one, and how a name is read."""

    label: LabelName
    exclude: tuple[Pattern, ...] = ()
    patterns: tuple[Pattern, ...]

    @pydantic.field_validator("patterns")
    @classmethod
    def _known_groups(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        if not patterns:
            raise ValueError("a peer is read by at least one pattern")
        for pattern in patterns:
            groups = set(re.compile(pattern).groupindex)
            if stray := groups - _PEER_GROUPS:
                raise ValueError(
                    f"{pattern!r} names {sorted(stray)}; known groups are {sorted(_PEER_GROUPS)}"
                )
            if not groups & {"service", "name", "host"}:
                raise ValueError(f"{pattern!r} names no peer; it needs a group `service`, `name` or `host`")
        return patterns

    @property
    def excluded(self) -> str:
        """One pattern of all that is left out, or an empty text."""
        return "|".join(f"({pattern})" for pattern in self.exclude)

    @property
    def told_by(self) -> tuple[str, ...]:
        """The one label."""
        return (self.label,)


Peer = Named | Labelled
_WAYS = ("named", "labelled")


def _way(peer: object) -> str:
    """Which of the two a peer is meant to be."""
    named, labelled = _WAYS
    return named if isinstance(peer, Named) or (isinstance(peer, dict) and "label" in peer) else labelled


_AnyPeer = Annotated[
    Annotated[Named, pydantic.Tag("named")] | Annotated[Labelled, pydantic.Tag("labelled")],
    pydantic.Discriminator(_way),
]


class View(_Facts):
    """What one side of a proxy reports."""

    side: words.Side
    requests: MetricName
    appears: Literal["at start", "with first request"]
    latency: Latency | None = None
    match: dict[LabelName, Pattern] = pydantic.Field(default_factory=dict)
    outcome: tuple[OutcomeRule, ...]
    peer: _AnyPeer | None = None
    unknown: tuple[str, ...] = ()

    @pydantic.field_validator("outcome")
    @classmethod
    def _ends_with_default(cls, rules: tuple[OutcomeRule, ...]) -> tuple[OutcomeRule, ...]:
        if not rules or rules[-1].label is not None or any(rule.label is None for rule in rules[:-1]):
            raise ValueError(
                "the last rule, and only the last, has no `label`: it decides what no other rule does"
            )
        return rules


class Profile(_Facts):
    """One mesh."""

    name: Annotated[str, pydantic.Field(pattern=r"^[a-z0-9-]+$")]
    about: str
    process: Process
    target: Target = Target()
    views: tuple[View, ...]

    @pydantic.field_validator("views")
    @classmethod
    def _one_view_per_series(cls, views: tuple[View, ...]) -> tuple[View, ...]:
        if not views:
            raise ValueError("a mesh has at least one view")
        for one, other in itertools.combinations(views, 2):
            if one.requests == other.requests and not _are_apart(one.match, other.match):
                raise ValueError(
                    "two views read the same `requests` metric, and no label tells them apart by two plain "
                    "values in `match`: every request would count twice"
                )
        timed = [view.side for view in views if view.latency]
        if len(set(timed)) != len(timed):
            raise ValueError("two views of one side have a latency: their buckets could not be told apart")
        return views


def _are_apart(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether some label must have two different plain values."""
    return any(
        value != other[label] and re.escape(value) == value and re.escape(other[label]) == other[label]
        for label, value in one.items()
        if label in other
    )


class BadProfile(ValueError):
    """A profile that is not one; the message names file, key and reason of each fault."""


def read(text: str, *, source: str) -> Profile:
    """Return the profile in a YAML text. Raises BadProfile with everything that is wrong."""
    try:
        content: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadProfile(f"{source}: not YAML: {error}") from error
    if not isinstance(content, dict):
        raise BadProfile(
            f"{source}: a profile is a mapping that starts with `name:`, this is {type(content).__name__}"
        )
    try:
        return Profile.model_validate(content)
    except pydantic.ValidationError as error:
        faults = (
            f"{source}: {_key(e['loc'])}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()
        )
        raise BadProfile("\n".join(faults)) from error


def _key(place: Sequence[int | str]) -> str:
    """Return where in a file something is wrong, in the file's own keys."""
    return ".".join(str(part) for part in place if part not in _WAYS) or "(top)"


def load(path: Path) -> Profile:
    """Return the profile in a file. Raises BadProfile."""
    try:
        return read(path.read_text(encoding="utf-8"), source=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise BadProfile(f"{path}: cannot be read: {error}") from error


def shipped() -> tuple[Profile, ...]:
    """Return the profiles that come with the product, by name."""
    files = (entry for entry in resources.files(__package__).joinpath("profiles").iterdir())
    texts = {entry.name: entry.read_text(encoding="utf-8") for entry in files if entry.name.endswith(".yaml")}
    return tuple(read(texts[name], source=name) for name in sorted(texts))
