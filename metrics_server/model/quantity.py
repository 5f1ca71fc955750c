"""Converts Kubernetes quantities and durations to and from text, exactly.

A value is written as the canonical quantity with nano precision, as Kubernetes prints it: `0.0482` is
`48200u`, `12` is `12`. Rounding is half to even at the ninth decimal. A number that is not finite has no
quantity. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

_NANO = Decimal("1e-9")
_UNITS = tuple((suffix, 1000**power) for power, suffix in enumerate(("n", "u", "m", "", *"kMGTPE")))[::-1]
"""Suffixes with their factor in nano, largest first. The canonical one is the largest without a fraction."""
_SUFFIX: dict[str, Decimal] = {
    **{suffix: Decimal(scale).scaleb(-9) for suffix, scale in _UNITS},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}
_LONGEST = 64
"""Characters. Longer quantities and durations are refused; Kubernetes prints at most 30."""
_QUANTITY = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:([eE][+-]?\d{1,3})|([a-zA-Z]*))", re.ASCII)
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_DURATION = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)


def render(value: float) -> str:
    """Return `value` as a canonical quantity. Raises ValueError for NaN and infinities, which have none."""
    if not math.isfinite(value):
        raise ValueError(f"{value} has no quantity")
    with localcontext() as context:
        context.prec = 40
        nanos = int((Decimal(value) / _NANO).to_integral_value(rounding=ROUND_HALF_EVEN))
    suffix, scale = next(unit for unit in _UNITS if nanos % unit[1] == 0)
    return f"{nanos // scale}{suffix}" if nanos else "0"


def parse(text: str) -> Decimal:
    """Return the exact value of a quantity such as `250m`. Raises ValueError with the reason."""
    found = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None or (found[3] and found[3] not in _SUFFIX):
        raise ValueError(
            f"{_shown(text)} is not a quantity; write a number with an optional suffix such as 250m, 12 or 4k"
        )
    if found[2]:
        return Decimal(found[1] + found[2])
    return Decimal(found[1]) * _SUFFIX[found[3] or ""]


def duration(text: str) -> float:
    """Return the seconds of a duration such as `30s` or `1h30m`. Raises ValueError with the reason."""
    if len(text) > _LONGEST or not _DURATION.fullmatch(text):
        raise ValueError(f"{_shown(text)} is not a duration; write one such as 30s, 5m or 1h30m")
    return sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _PART.findall(text))


def _shown(text: str) -> str:
    return repr(text) if len(text) <= _LONGEST else f"{text[:_LONGEST]!r}… ({len(text)} characters)"


def render_duration(seconds: float, *, decimals: int = 0) -> str:
    """Return a duration as Go prints it but without zero parts: `30s`, `5m`, `1h30m`, `13.872s`.

    `decimals`: to how many places the seconds are rounded.
    """
    exact = round(seconds, decimals)
    whole = int(exact)
    rest = f"{whole % 60 + exact % 1:.{decimals}f}".rstrip("0").rstrip(".") if exact % 1 else whole % 60
    parts = ((whole // 3600, "h"), (whole % 3600 // 60, "m"), (rest, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"
