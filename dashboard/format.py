"""Text for figures, the same on the page and in the terminal.

Rates have a unit and no trailing zeros; latencies use the unit in which three digits are enough. An unknown
figure is `-`, never 0.
"""

UNKNOWN = "-"


def success(share: float | None) -> str:
    """`0.9983` → `99.83%`. Only an exact 1 is `100.00%`: 99.999 % is written `99.99%`."""
    if share is None:
        return UNKNOWN
    percent = share * 100
    if percent < 100 and f"{percent:.2f}" == "100.00":
        return "99.99%"
    return f"{percent:.2f}%"


def failure(share: float) -> str:
    """`0.004` → `0.4%err`, `0.37` → `37%err`."""
    percent = share * 100
    if percent < 0.1:
        return "<0.1%err"
    return f"{percent:.1f}%err" if percent < 1 else f"{percent:.0f}%err"


def rate(per_second: float | None) -> str:
    """`12.345` → `12.3rps`: three digits at most, without trailing zeros."""
    if per_second is None:
        return UNKNOWN
    if 0 < per_second < 0.01:
        return "<0.01rps"
    if per_second >= 10_000:
        return f"{per_second / 1000:.3g}krps"
    digits = 0 if per_second >= 100 else 1 if per_second >= 10 else 2
    text = f"{per_second:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if digits else text}rps"


def latency(
    seconds: float | None, *, clamped: bool = False, below: float | None = None, approximate: bool = False
) -> str:
    """`0.0482` → `48ms`, `1.25` → `1.25s`, `0.00073` → `730µs`.

    `>3600s` where it is clamped, a lower limit; `<5s` where only the upper limit `below` is known; `~48ms`
    where it is approximate.
    """
    if seconds is None:
        return UNKNOWN
    mark = "~" if approximate else ""
    if below is not None:
        return f"{mark}<{_duration(below)}"
    return f"{mark}>{_duration(seconds)}" if clamped else f"{mark}{_duration(seconds)}"


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.0f}s" if seconds >= 100 else f"{seconds:.3g}s"
    if seconds >= 0.9995:
        return "1s"
    if seconds >= 0.0009995:
        return f"{seconds * 1e3:.3g}ms" if seconds < 0.00995 else f"{seconds * 1e3:.0f}ms"
    return f"{seconds * 1e6:.0f}µs"


def count(number: float | None) -> str:
    """`1198.0` → `1,198`. Without decimals, although the API may send fractions of a request."""
    if number is None:
        return UNKNOWN
    return f"{number:,.0f}"
