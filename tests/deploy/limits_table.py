"""docs/security.md: handwritten text, and between two marks the table of the limits."""

from collections.abc import Iterator
from pathlib import Path

from tests.deploy import limits, written_part

FILE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
_HEAD = ("limit", "value", "setting", "beyond it")
_SIZES = ("bytes", "KiB", "MiB", "GiB")


def written() -> str:
    """The page with the current table."""
    return written_part.replaced(FILE, "limits", _lines(), head=_HEAD)


def _lines() -> Iterator[tuple[str, ...]]:
    for part, bounding in limits.LIMITS.items():
        yield (f"**{part}**", "", "", "")
        for limit in bounding:
            setting = f"`--{limit.setting.replace('_', '-')}`" if limit.setting else "—"
            yield limit.name, shown(limit), setting, limit.beyond


def shown(limit: limits.Limit) -> str:
    """The value with its unit, as people write it."""
    if limit.unit == limits.BYTES:
        power = next((n for n in (3, 2, 1) if limit.value and limit.value % (1 << 10 * n) == 0), 0)
        return f"{limit.value / (1 << 10 * power):,.0f} {_SIZES[power]}"
    unit = "s" if limit.unit == limits.SECONDS else limit.unit
    return f"{limit.value:,.3f}".rstrip("0").rstrip(".") + f" {unit}"
