"""docs/standalone.md: its table of the settings, generated from `Settings`."""

from collections.abc import Iterator
from pathlib import Path

from metrics_server.settings import options
from tests.deploy import written_part

FILE = Path(__file__).resolve().parents[2] / "docs" / "standalone.md"
_HEAD = ("option", "variable", "default", "what", "read again")


def written() -> str:
    """The page with the current table."""
    return written_part.replaced(FILE, "settings", _lines(), head=_HEAD)


def _lines() -> Iterator[tuple[str, ...]]:
    for one in options.every():
        spellings = ", ".join(f"`{spelling}`" for spelling in one.names)
        yield spellings, f"`{one.variable}`", _default(one), one.description, one.about.read_again


def _default(one: options.Option) -> str:
    in_words = one.about.default or one.default in (options.REQUIRED, options.NONE) or one.type is bool
    return one.default if in_words else f"`{one.default}`"
