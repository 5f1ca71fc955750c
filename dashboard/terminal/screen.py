"""All output of `kubectl traffic`, so that no text from the API controls the terminal.

A line consists of pieces. Each piece is escaped here; only this module adds colours and line ends. JSON and
CSV are already escaped by `escaping`.
"""

import dataclasses
import sys
from collections.abc import Iterable, Sequence

import click

from dashboard import escaping

_CLEAR = "\x1b[H\x1b[2J"


@dataclasses.dataclass(frozen=True, slots=True)
class Mark:
    """A piece with a colour, which is used in a terminal only."""

    text: str
    colour: str


Line = str | Sequence[str | Mark]


def is_terminal() -> bool:
    """Whether the output is a terminal, not a pipe or a file."""
    return sys.stdout.isatty()


def render(lines: Iterable[Line], *, colour: bool) -> str:
    """The lines as one text, escaped."""
    return "\n".join(_line(line, colour=colour) for line in lines)


def write(lines: Iterable[Line]) -> None:
    """Write lines, in colour if the output is a terminal."""
    click.echo(render(lines, colour=is_terminal()))


def write_document(text: str) -> None:
    """Write JSON or CSV, whose line ends are kept."""
    write(text.split("\n"))


def write_remark(text: str) -> None:
    """Write one line to stderr."""
    click.echo(escaping.one_line(text), err=True)


def clear() -> None:
    """Clear the screen if the output is a terminal."""
    if is_terminal():
        click.echo(_CLEAR, nl=False)


class Failure(click.ClickException):
    """An error message in one line, and exit code 1."""

    def __init__(self, error: Exception) -> None:
        super().__init__(escaping.message(str(error)))


def _line(line: Line, *, colour: bool) -> str:
    pieces = [line] if isinstance(line, str) else line
    return "".join(_piece(piece, colour=colour) for piece in pieces)


def _piece(piece: str | Mark, *, colour: bool) -> str:
    if isinstance(piece, str):
        return escaping.one_line(piece)
    text = escaping.one_line(piece.text)
    return click.style(text, fg=piece.colour) if colour else text
