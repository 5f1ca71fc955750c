"""A dump: the expositions of scrape targets at one or several times, in text files.

    # TARGET {job="mesh",instance="10.0.0.1:15090",namespace="shop",pod="cart-1"}
    requests_total{code="200"} 40

`# TARGET` begins the exposition of a scrape target, with the labels that the scrape gives it. Without it a
target is known by `job` and `instance` of its series, as in what Prometheus' `/federate` answers. `# SCRAPE`
begins a later scrape of all targets; so does a further file. `honor_labels` after the labels of a target is
Prometheus' setting of that name: the series' own labels win.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metrics_server.dumps import exposition
from metrics_server.profiles import schema, strict_yaml
from metrics_server.query import plan

TARGET, _SCRAPE = "# TARGET", "# SCRAPE"
_HONORS = " honor_labels"
LARGEST = 1 << 28
"""Bytes of a file."""
EVERY = 15.0
"""Seconds between two scrapes, as they are given to the decoder."""
_BEFORE, _AFTER = 4, 3
"""How often the first and the last scrape are repeated, so that a window spans enough scrapes."""
_STARTED = 1_000_000.0
_FIRST = _STARTED + 100_000.0
"""Unix seconds: of the start of processes and of the first scrape, as they are given to the decoder."""

Key = tuple[tuple[str, str], ...]


class BadDump(ValueError):
    """A file that is no dump; the message says file, line and reason."""


@dataclass(slots=True)
class Scrape:
    """All targets at one time."""

    values: dict[Key, float] = field(default_factory=dict)
    """By name (as `__name__`) and labels, those of the target included."""
    targets: list[Mapping[str, str]] = field(default_factory=list)
    """The labels of the targets that the dump itself names."""


def read(paths: Sequence[Path]) -> list[Scrape]:
    """Return the scrapes in some files, oldest first. Raises BadDump."""
    scrapes: list[Scrape] = []
    for path in paths:
        try:
            text = strict_yaml.text(path, most=LARGEST)
        except (OSError, ValueError) as error:
            raise BadDump(
                f"{strict_yaml.named(path)}: cannot be read: {strict_yaml.unreadable(error)}"
            ) from error
        scrapes += parsed(text, source=strict_yaml.named(path))
    return scrapes


def parsed(text: str, *, source: str) -> list[Scrape]:
    """Return the scrapes in a text. `source`: its name for messages. Raises BadDump."""
    scrapes: list[Scrape] = [Scrape()]
    target: Mapping[str, str] = {}
    honors = False
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            if line.startswith(TARGET):
                labels, honors = target_of(line)
                target = _with_place(labels)
                scrapes[-1].targets.append(target)
            elif line.startswith(_SCRAPE):
                target, honors = {}, False
                if scrapes[-1].values:
                    scrapes.append(Scrape())
            elif line.strip() and not line.startswith("#"):
                sample = exposition.read(line)
                scrapes[-1].values[_key(sample, target, honors=honors)] = sample.value
        except exposition.BadLine as error:
            raise BadDump(
                f"{source}: line {number}: {error}; give the text that the proxies or /federate expose"
            ) from error
    if not scrapes[-1].values:
        raise BadDump(f"{source}: holds no sample; give the text that the proxies or /federate expose")
    return scrapes


def target_of(line: str) -> tuple[dict[str, str], bool]:
    """Return the labels in a line that begins a target, and whether the series' own labels win. Raises
    exposition.BadLine.
    """
    text = line.removeprefix(TARGET).strip()
    return exposition.labels(text.removesuffix(_HONORS).strip()), text.endswith(_HONORS)


def target_line(labels: Mapping[str, str], *, honors: bool) -> str:
    """Return the line that begins a target."""
    return f"{TARGET} {exposition.written_labels(labels)}{_HONORS if honors else ''}"


def _with_place(labels: Mapping[str, str]) -> Mapping[str, str]:
    """Return the labels of a target, with a job and an instance if they lack these."""
    return {plan.JOB: "dump", "instance": ",".join(map("=".join, sorted(labels.items()))), **labels}


def _key(sample: exposition.Sample, target: Mapping[str, str], *, honors: bool) -> Key:
    """Return the series of a sample as Prometheus stores it: unless the target honors labels, its own win,
    and the sample's are kept as `exported_…`.
    """
    if honors:
        return tuple(sorted({"__name__": sample.name, **target, **sample.labels}.items()))
    own = {f"exported_{label}" if label in target else label: value for label, value in sample.labels.items()}
    labels = {"__name__": sample.name, **own, **target}
    return tuple(sorted((label, value) for label, value in labels.items() if value))


def answer(scrapes: Sequence[Scrape], mesh: schema.Profile) -> list[dict[str, Any]]:
    """Return the series of a profile as the query API answers a range of raw samples.

    The growth between the first scrape and the last is inside the window of `window`. If there is one scrape
    only, all of its counters grew from 0.
    """
    if len(scrapes) == 1:
        scrapes = [Scrape(dict.fromkeys(scrapes[0].values, 0.0)), *scrapes]
    played = [*[scrapes[0]] * (_BEFORE - 1), *scrapes, *[scrapes[-1]] * (_AFTER - 1)]
    times = [_FIRST + EVERY * step for step in range(len(played))]
    counters = {name for view in mesh.views for name in view.counters}
    found = []
    for key in dict.fromkeys(itertools.chain.from_iterable(scrape.values for scrape in scrapes)):
        labels = dict(key)
        name = labels["__name__"]
        if mesh.process and name == mesh.process.metric:
            found.append(_series(labels, [(time, _process(mesh.process, time)) for time in times]))
        elif name in counters:
            there = [
                (time, one.values[key]) for time, one in zip(times, played, strict=True) if key in one.values
            ]
            found.append(_series(labels, there))
    return [*found, *_ups(scrapes, mesh, times)]


def span(scrapes: Sequence[Scrape]) -> tuple[float, float]:
    """Return the window that holds all growth, in seconds, and the time of the newest scrape."""
    count = max(len(scrapes), 2)
    return EVERY * (count + _AFTER - 2), _FIRST + EVERY * (_BEFORE + count + _AFTER - 3)


def names(scrapes: Sequence[Scrape]) -> set[str]:
    """Return the names of all metrics."""
    return {dict(key)["__name__"] for scrape in scrapes for key in scrape.values}


def _series(labels: Mapping[str, str], samples: Iterable[tuple[float, float]]) -> dict[str, Any]:
    return {"metric": dict(labels), "values": [[time, repr(value)] for time, value in samples]}


def _process(process: schema.Process | None, time: float) -> float:
    """Return the age or the start of a process that runs all the time: a restart shows in its counters."""
    if process is None:
        return 0.0
    return (time - _STARTED if process.tells == "age" else _STARTED) / process.scale


def _ups(scrapes: Sequence[Scrape], mesh: schema.Profile, times: Sequence[float]) -> Iterator[dict[str, Any]]:
    """Yield the series `up` of each target. A dump may lack it, or hold that of a failed scrape."""
    ends = (end for view in mesh.views for end in (view.reporter, view.peer) if end is not None)
    of_requests = {label for end in ends for label in end.label_names}
    labels_of_target = mesh.target.label_names - of_requests
    targets = {_place(labels): dict(labels) for scrape in scrapes for labels in scrape.targets}
    for labels in (dict(key) for scrape in scrapes for key in scrape.values):
        if labels.pop("__name__") == plan.UP:
            targets[_place(labels)] = labels
        elif _place(labels) not in targets:
            known = {label: value for label, value in labels.items() if label in labels_of_target}
            targets[_place(labels)] = known
    for labels in targets.values():
        yield _series({"__name__": plan.UP, **labels}, [(time, 1.0) for time in times])


def _place(labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(labels.get(label, "") for label in plan.TARGET)
