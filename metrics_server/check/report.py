"""The report of `check`: lines for people, and whether all is well."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_SHOWN = 5
"""How many names are listed."""


@dataclass(slots=True)
class CheckReport:
    """The lines of the report, and whether all is well."""

    lines: list[str] = field(default_factory=list)
    healthy: bool = True
    proposed: str | None = None
    """The YAML of the profile that was proposed; None if none was."""

    def good(self, text: str) -> None:
        """Add a finding that is correct."""
        self.lines.append(f"ok    {text}")

    def note(self, text: str) -> None:
        """Add information."""
        self.lines.append(f"      {text}")

    def bad(self, text: str) -> None:
        """Add a fault that has to be corrected."""
        self.healthy = False
        self.lines.append(f"WRONG {text}")


def some(names: Iterable[object], most: int = _SHOWN) -> str:
    """Return the first names in a list, and `…` if there are more."""
    listed: Sequence[str] = [str(name) for name in names]
    return ", ".join(listed[:most]) + (", …" if len(listed) > most else "")


def counted(number: int, what: str) -> str:
    """Return a number of something: `1 target`, `3 targets`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
