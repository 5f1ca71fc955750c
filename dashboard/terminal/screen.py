"""The one place where `kubectl traffic` writes: nothing from outside steers the terminal.

A line is made of pieces. Every piece is made plain, wherever it came from; colour and line ends are added
here and nowhere else. What is written for programs, JSON and CSV, comes plain from `outside`.
"""

import dataclasses
import sys
from collections.abc import Iterable, Sequence

import click

from dashboard import outside

_CLEAR = "\x1b[H\x1b[2J"


@dataclasses.dataclass(frozen=True, slots=True)
class Mark:
    """A piece that is coloured for people."""

    text: str
    colour: str


Line = str | Sequence[str | Mark]


def is_for_people() -> bool:
    """Whether somebody looks, rather than a pipe."""
    return sys.stdout.isatty()


def spell(lines: Iterable[Line], *, colour: bool) -> str:
    """Lines as they are written."""
    return "\n".join(_line(line, colour=colour) for line in lines)


def write(lines: Iterable[Line]) -> None:
    """For people, coloured where one looks."""
    click.echo(spell(lines, colour=is_for_people()))


def write_document(text: str) -> None:
    """JSON or CSV; line ends are its own."""
    write(text.split("\n"))


def remark(text: str) -> None:
    """One line beside the output."""
    click.echo(outside.plain(text), err=True)


def clear() -> None:
    """An empty screen, where somebody looks."""
    if is_for_people():
        click.echo(_CLEAR, nl=False)


class Failure(click.ClickException):
    """One sentence of an error, and exit code 1."""

    def __init__(self, error: Exception) -> None:
        super().__init__(outside.message(str(error)))


def _line(line: Line, *, colour: bool) -> str:
    pieces = [line] if isinstance(line, str) else line
    return "".join(_piece(piece, colour=colour) for piece in pieces)


def _piece(piece: str | Mark, *, colour: bool) -> str:
    if isinstance(piece, str):
        return outside.plain(piece)
    text = outside.plain(piece.text)
    return click.style(text, fg=piece.colour) if colour else text
