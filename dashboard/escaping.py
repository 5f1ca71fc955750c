"""Escape text that other programs chose, before it is shown.

Names and messages in the API's answers are chosen by the owner of a workload, an HPA or a backend. In a
terminal, control characters move the cursor and erase or colour text, and a line break starts a line that
looks like our own output. Characters that change the direction of writing also deceive on a web page. kubectl
escapes its output for the same reason (`cli-runtime/pkg/printers/terminal.go`).
"""

import json
import logging
from typing import Any

LONGEST = 4000  # characters of a message that are shown
_FORMULA = tuple("=+-@＝＋－＠")


def one_line(text: str) -> str:
    """The text in one line, with each unprintable character written as a Python escape: `\\x1b`, `\\n`.

    Idempotent: a text without unprintable characters is unchanged.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "backslashreplace").decode()
        for character in text
    )


def message(text: str) -> str:
    """The text as `one_line` writes it, cut after `LONGEST` characters."""
    return one_line(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")


def spreadsheet_cell(text: str) -> str:
    """The text as `one_line` writes it, with an apostrophe before what a spreadsheet would run as a formula.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    shown = one_line(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown


def json_document(value: object) -> str:
    """JSON in which each unprintable character is a `\\u` escape, so that a terminal can show it."""
    written = json.dumps(value, indent=2, ensure_ascii=False)
    return "".join(
        character if character.isprintable() or character == "\n" else json.dumps(character)[1:-1]
        for character in written
    )


class _EscapingFormatter(logging.Formatter):
    """Writes a message in one line and a traceback in several, both escaped."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        return message(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's name
        return "\n".join(message(line) for line in super().formatException(ei).split("\n"))


def configure_logging(level: int) -> None:
    """Write log lines to stderr, escaped."""
    handler = logging.StreamHandler()
    handler.setFormatter(_EscapingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
