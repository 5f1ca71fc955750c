"""Each setting as users see it: option, variable, default and description, read from `Settings`.

`--help` and the table of docs/standalone.md are made from these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from pydantic.fields import FieldInfo

from metrics_server.settings import mistakes, setting, settings

_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_SENTENCE_END = re.compile(r"(?<=\.)\s")
REQUIRED, NONE = "required", "none"
"""Where a default is no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One setting."""

    name: str
    """The field of `Settings`."""

    type: type
    """`str`, `int`, `float`, `bool` or `Path`."""

    default: str
    """The default as text; `required` or `none` where there is no value."""

    description: str
    """Sentences, in Markdown."""

    about: setting.Setting

    @property
    def names(self) -> tuple[str, ...]:
        """Return the option; for a switch also the one that turns it off."""
        on = mistakes.option(self.name)
        return (on, f"--no-{on.removeprefix('--')}") if self.type is bool else (on,)

    @property
    def variable(self) -> str:
        """Return the environment variable."""
        return mistakes.variable(self.name)

    @property
    def help(self) -> str:
        """Return the first sentence of the description, with the default if there is one."""
        sentence = _LINK.sub(r"\1", _SENTENCE_END.split(self.description, maxsplit=1)[0])
        return sentence if self.default in (REQUIRED, NONE) else f"{sentence.rstrip('.')} [{self.default}]."


def every() -> Iterator[Option]:
    """Return all settings, in the order of `Settings`."""
    return (_option(name, field) for name, field in settings.Settings.model_fields.items())


def _option(name: str, field: FieldInfo) -> Option:
    about = next(one for one in field.metadata if isinstance(one, setting.Setting))
    return Option(
        name=name,
        type=_plain(field.annotation),
        default=about.default or (REQUIRED if field.is_required() else _text(field.default)),
        description=" ".join((field.description or "").split()),
        about=about,
    )


def _plain(annotation: Any) -> type:
    """Return a type without what is added to it: `float` of `Annotated[float, …] | None`."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if isinstance(annotation, type):
        return annotation
    (given,) = (one for one in get_args(annotation) if one is not NoneType)
    return _plain(given)


def _text(default: str | float | bool | Path | None) -> str:
    if default is None:
        return NONE
    if isinstance(default, bool):
        return "yes" if default else "no"
    return f"{default:g}" if isinstance(default, float) else str(default)
