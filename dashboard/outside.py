"""Text from outside, made fit to be shown.

A name or a message that the API passes on was chosen by somebody else: the owner of a workload, of an HPA, of
a backend. In a terminal its control characters would move the cursor, colour or erase what stands there; a
line break would begin a line that looks like ours; characters that turn the direction of writing would change
what is read, on a page as well. kubectl escapes what it prints for the same reason
(`cli-runtime/pkg/printers/terminal.go`).
"""

import json
import logging
from typing import Any

LONGEST = 4000  # characters of one message that a person is shown
_FORMULA = tuple("=+-@＝＋－＠")


def plain(text: str) -> str:
    """The same text, in one line, with whatever a person cannot see spelled as in Python: `\\x1b`, `\\n`.

    What is plain already stays as it is, so it does no harm to ask twice.
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "backslashreplace").decode()
        for letter in text
    )


def message(text: str) -> str:
    """A plain text of a bounded length."""
    return plain(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")


def cell(text: str) -> str:
    """A plain text that no spreadsheet takes for a formula.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    shown = plain(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown


def document(value: object) -> str:
    """JSON for programs, which a terminal can show: every character that is not plain is a `\\u` escape."""
    written = json.dumps(value, indent=2, ensure_ascii=False)
    return "".join(
        letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1] for letter in written
    )


class _Plainly(logging.Formatter):
    """One line for a message, whatever it quotes; a traceback keeps its lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        return message(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's name
        return "\n".join(message(line) for line in super().formatException(ei).split("\n"))


def log_plainly(level: int) -> None:
    """Write log lines to stderr, made plain."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Plainly("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
