"""What a dialect's sources expose, as the text of a dump."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Mapping

from metrics_server.dumps import exposition as dump_lines
from metrics_server.dumps import trial
from tests.dialects import exposition, writers

_AGE = 3600.0


def text(dialect: writers.Dialect, *, times: int = 1) -> str:
    """Return one scrape of all sources, after the traffic has happened so many times."""
    began = time.time() - _AGE
    parts = ["# SCRAPE\n"]
    for source in dialect.sources(dialect.calls):
        target = {"job": dialect.job, "instance": source.instance, **source.labels}
        samples = [
            dataclasses.replace(one, value=one.value * (times if one.grows else 1)) for one in source.samples
        ]
        parts += [
            f"# TARGET {dump_lines.written_labels(target)}\n",
            exposition.text([*dialect.alive(began), *samples], fixed=source.fixed),
        ]
    return "".join(parts)


def shape(figures: trial.Figures) -> Mapping[object, int]:
    """Return how often each node, as its counts and those of its edges, is there."""
    nodes = {*figures.received, *(name for pair in figures.edges for name in pair)}
    seen = {
        node: (
            figures.received.get(node),
            tuple(sorted(counts for (caller, _), counts in figures.edges.items() if caller == node)),
            tuple(sorted(counts for (_, callee), counts in figures.edges.items() if callee == node)),
            node.partition(".")[0].rpartition("/")[2],
        )
        for node in nodes
    }
    named = {pair: (seen[pair[0]], seen[pair[1]], counts) for pair, counts in figures.edges.items()}
    return Counter([*seen.values(), *named.values()])
