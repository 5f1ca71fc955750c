"""Reads and checks the fields of objects that split traffic: names that are possible in Kubernetes, and
weights that are finite and not negative.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Annotated, Any, TypeVar

import pydantic

from metrics_server.model import kinds, quantity

T = TypeVar("T", bound=pydantic.BaseModel)
_FAULTS = 5
"""Faults named in the message about one object."""
_LONGEST = 64
"""Characters of a weight, or of a key in a message."""
_HEAVIEST = Decimal(10) ** 9
"""The highest weight."""
ONE, NONE = Decimal(1), Decimal(0)
_NANO = Decimal("1e-9")
_SERVICE = re.compile(r"([a-z0-9-]{1,63})")
_FULL = re.compile(r"([a-z0-9-]{1,63})\.([a-z0-9-]{1,63})\.svc(?:\.[a-z0-9.-]*)?")
_PAIR = re.compile(r"([a-z0-9-]{1,63})\.([a-z0-9-]{1,63})")


class ObjectFields(pydantic.BaseModel):
    """A part of an object. Unknown fields are ignored."""

    model_config = pydantic.ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceObject:
    """An object of a source: its name, labels and spec, which is not checked yet."""

    ref: kinds.Ref
    labels: Mapping[str, str] = field(default_factory=dict)
    spec: Any = None


class Malformed(ValueError):
    """The object is invalid for its kind; the message names each invalid field and why."""


def _weight(given: object) -> Decimal:
    if isinstance(given, bool) or not isinstance(given, int | float | str | Decimal):
        raise ValueError("is no number")
    try:
        text = str(given)
        value = quantity.parse(text) if len(text) <= _LONGEST else Decimal("NaN")
    except (ValueError, InvalidOperation):
        value = Decimal("NaN")
    if not value.is_finite() or not 0 <= value <= _HEAVIEST:
        raise ValueError("is no weight: give a number from 0 to 1000000000, or a quantity such as 500m")
    return value.quantize(_NANO, rounding=ROUND_HALF_EVEN)


def _host(given: str) -> str:
    return given.lower().rstrip(".").partition(":")[0]


Weight = Annotated[Decimal, pydantic.BeforeValidator(_weight)]
Name = Annotated[str, pydantic.Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
"""The name of an object."""
Label = Annotated[str, pydantic.Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
"""The name of a namespace or a service."""
Kind = Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9]{1,63}$")]
Host = Annotated[
    str,
    pydantic.Field(max_length=260, pattern=r"^[A-Za-z0-9*_]([A-Za-z0-9*._-]*[A-Za-z0-9_.])?(:[0-9]{1,5})?$"),
    pydantic.AfterValidator(_host),
]
"""A host name, perhaps with a wildcard, in small letters; a port and a final dot are removed."""


class _Metadata(ObjectFields):
    name: Name
    namespace: Label
    labels: Mapping[str, str] | None = None


class _Object(ObjectFields):
    metadata: _Metadata
    spec: Any = None


def given(content: object, *, kind: str) -> SourceObject:
    """Return an object of a kind from the content of a file. Raises Malformed."""
    try:
        found = _Object.model_validate(content)
    except pydantic.ValidationError as error:
        raise _malformed(error) from error
    meta = found.metadata
    return SourceObject(
        ref=kinds.Ref(kind, meta.namespace, meta.name), labels=meta.labels or {}, spec=found.spec
    )


def spec(given: SourceObject, model: type[T]) -> T:
    """Return the spec of an object as this model. Raises Malformed."""
    try:
        return model.model_validate(given.spec)
    except pydantic.ValidationError as error:
        raise _malformed(error, "spec") from error


def _malformed(error: pydantic.ValidationError, *within: str) -> Malformed:
    return Malformed(
        "; ".join(
            f"{'.'.join([*within, *map(_shown, one['loc'])])}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors()[:_FAULTS]
        )
    )


def _shown(key: int | str) -> str:
    """Return the key of a field for a message: short, and without line breaks."""
    return str(key)[:_LONGEST].encode("unicode_escape").decode()


def service(host: str, *, namespace: str, pairs: bool = False) -> kinds.Ref:
    """Return the service that a host name means in a namespace, else the host.

    A service is `name` or `name.namespace.svc…`; with `pairs` also `name.namespace`.
    """
    if _SERVICE.fullmatch(host):
        return kinds.Ref(kinds.SERVICE.name, namespace, host)
    if found := _FULL.fullmatch(host) or (_PAIR.fullmatch(host) if pairs else None):
        return kinds.Ref(kinds.SERVICE.name, found[2], found[1])
    return kinds.Ref(kinds.HOST, "", host)
