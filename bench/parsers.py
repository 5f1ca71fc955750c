"""How the time of each parser of what clients send grows with the length of the text.

    python -m bench parsers

For each parser the worst texts of `tests.apiservice.parsers` are shown: the longest time, and the growth of
the time when the text is twice as long. If the growth exceeds the aim, a client can keep the parser busy.
"""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from apiservice.http import errors
from bench import report
from tests.apiservice import parsers

_FOLDER = Path(".bench/parsers").resolve()
_LENGTH = 100_000
_ROUNDS = 9
_AIM = 2.5
_NOISE = 0.005
"""Seconds. A shorter time depends more on the machine than on the parser."""


def seconds(parser: Callable[[str], Any], text: str) -> float:
    """Return the shortest of some times, in seconds of the processor."""
    times = []
    for _ in range(_ROUNDS):
        began = time.thread_time()
        with contextlib.suppress(errors.StatusError, ValueError):
            parser(text)
        times.append(time.thread_time() - began)
    return min(times)


def measure(parser: Callable[[str], Any]) -> report.Cells:
    """Return the figures of the text with the longest time, and of the text with the largest growth."""
    slowest, growth = 0.0, 0.0
    for once, twice in zip(parsers.texts(_LENGTH), parsers.texts(2 * _LENGTH), strict=True):
        short, long = seconds(parser, once), seconds(parser, twice)
        slowest = max(slowest, long)
        if long > _NOISE:
            growth = max(growth, long / max(short, _NOISE / 2))
    return {"slowest, ms": slowest * 1000, "growth": growth, "aim": "met" if growth <= _AIM else "missed"}


@click.command()
def main() -> None:
    """Measure how the parsers of what clients send grow with the text."""
    with report.sitting(_FOLDER, pods=0, width=100) as tables:
        tables.show(
            report.Table(
                name="parsers",
                about=f"{2 * _LENGTH} characters; growth is their time by that of half as many, aim {_AIM:g}",
                rows={name: measure(parser) for name, parser in parsers.PARSERS.items()},
                compared="slowest, ms",
            )
        )
