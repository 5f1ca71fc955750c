"""Kubernetes quantities as exact numbers.

A quantity such as `48200u` is a decimal number, which a binary float does not hold exactly, so the value is a
`Fraction`. The code that shows it rounds it.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import re
from fractions import Fraction

_LARGEST = 10**40  # far above what Kubernetes allows; sums still fit into a float
_LONGEST = 64  # characters; the text of every float is shorter
_SCALES = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 10**3),
    "": Fraction(1),
    **{suffix: Fraction(1000**power) for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Fraction(1024**power) for power, suffix in enumerate("KMGTPE", start=1)},
}

# `1E` is exa, `1E3` is a thousand: the pattern tries the exponent before the suffix.
_FORM = re.compile(
    r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?:[eE](?P<exponent>[+-]?\d{1,3})|(?P<suffix>[A-Za-z]*))"
)


def parse(text: str) -> Fraction:
    """The exact number. Raises ValueError."""
    form = _FORM.fullmatch(text) if len(text) <= _LONGEST else None
    if form is None:
        raise ValueError(f"not a quantity: {text[:_LONGEST]!r}")
    number = Fraction(form["number"]) * _scale(form, text)
    if abs(number) > _LARGEST:
        raise ValueError(f"not a quantity: {text!r} (too large)")
    return number


def _scale(form: re.Match[str], text: str) -> Fraction:
    if form["exponent"] is not None:
        return Fraction(10) ** int(form["exponent"])
    if form["suffix"] not in _SCALES:
        raise ValueError(f"not a quantity: {text!r} (unknown suffix {form['suffix']!r})")
    return _SCALES[form["suffix"]]
