"""Loads profiles: those that this package contains, and those in files of the operator."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import pydantic

from metrics_server.profiles import endpoints, schema, strict_yaml


class BadProfile(ValueError):
    """An invalid profile; the message has file, key and reason of each mistake."""


def read(text: str, *, source: str) -> schema.Profile:
    """Return the profile in a YAML text. `source`: its name for messages. Raises BadProfile with all
    mistakes.
    """
    try:
        content = strict_yaml.read(text)
    except strict_yaml.Malformed as error:
        raise BadProfile(f"{source}: not YAML: {error}") from error
    if not isinstance(content, dict):
        raise BadProfile(
            f"{source}: a profile is a mapping that starts with `name:`, this is {type(content).__name__}"
        )
    try:
        return schema.Profile.model_validate(content)
    except pydantic.ValidationError as error:
        faults = [f"{source}: {strict_yaml.fault(_key(e['loc']), e['msg'])}" for e in error.errors()]
        raise BadProfile(strict_yaml.first(faults)) from error


def _key(place: Sequence[int | str]) -> Sequence[int | str]:
    """Return the place of a mistake in the file's own keys, without pydantic's tags."""
    return [part for part in place if part not in (*endpoints.WAYS, *schema.COUNTING)]


def load(path: Path) -> schema.Profile:
    """Return the profile in a file. Raises BadProfile."""
    try:
        text = strict_yaml.text(path, most=strict_yaml.LARGEST)
    except (OSError, ValueError) as error:
        raise BadProfile(
            f"{strict_yaml.named(path)}: cannot be read: {strict_yaml.unreadable(error)}"
        ) from error
    return read(text, source=strict_yaml.named(path))


@functools.cache
def shipped() -> tuple[schema.Profile, ...]:
    """Return the profiles that this package contains, sorted by name."""
    files = (entry for entry in resources.files(__package__).iterdir())
    texts = {entry.name: entry.read_text(encoding="utf-8") for entry in files if entry.name.endswith(".yaml")}
    found = (read(text, source=name) for name, text in texts.items())
    return tuple(sorted(found, key=lambda mesh: mesh.name))
