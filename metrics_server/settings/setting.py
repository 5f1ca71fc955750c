"""What a field of `Settings` says about itself beyond its name, type, default and docstring.

The command line and docs/standalone.md are made from it (`options`), so that a new setting is one field.
"""

from __future__ import annotations

from dataclasses import dataclass

AT_START = "at the start"
EVERY_QUERY = "with every query"
"""When a file that a setting names is read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Metadata of one field, given in its `Annotated` type."""

    metavar: str | None = None
    """What stands for the value in `--help`; None: the name of its type."""

    default: str | None = None
    """The default in words, where the value itself does not say it."""

    read_again: str = ""
    """When a changed file takes effect; empty if the setting names no file that is read again."""

    secret: bool = False
    """Whether the file that it names is a secret."""

    checks: bool = False
    """Whether it is an option of `check`, too."""
