"""What a dialect's sources expose, as the text of a dump."""

from __future__ import annotations

import dataclasses
import time

from metrics_server.dumps import exposition as dump_lines
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
