"""Durations in the notation of Go and of the API: `30s`, `1h30m`, `1.5s`."""

import re

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_LONGEST = 64  # characters
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|h|m|s)")


def parse(text: str) -> float:
    """The seconds of a duration. Raises ValueError."""
    parts = _PART.findall(text) if len(text) <= _LONGEST else []
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"not a duration: {text[:_LONGEST]!r} (write 30s, 5m or 1h30m)")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def text(seconds: float) -> str:
    """The shortest text in whole hours, minutes and seconds: `90.0` → `1m30s`, `0.5` → `0.5s`."""
    whole, fraction = divmod(seconds, 1)
    if fraction:
        return f"{seconds:g}s"
    minutes, rest = divmod(int(whole), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{value}{unit}" for value, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if value]
    return "".join(parts) or "0s"
