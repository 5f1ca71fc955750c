"""Mistakes in settings: one sentence each, with the option, the variable and the reason."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from apiservice.runtime import files
from metrics_server.settings import messages

PREFIX = "TRAFFIC_"
"""How the environment variables begin."""


class BadSettings(ValueError):
    """Invalid settings. The message has a line for each, with its reason."""


@contextlib.contextmanager
def about(*names: str, paths: Sequence[Path] = ()) -> Iterator[None]:
    """Turn errors in the block into mistakes of the settings `names`, whose files are `paths`: of the setting
    whose file an error names, or else of the first. Raises BadSettings.
    """
    try:
        yield
    except BadSettings:
        raise
    except (OSError, ValueError) as error:
        by_path = dict(zip(paths, names, strict=False))
        name = by_path.get(files.named(error) or Path(), names[0])
        said = [files.explained(error, path=paths[0])] if paths else str(error).splitlines()
        raise BadSettings("\n".join(mistake(name, messages.with_remedy(line)) for line in said)) from error


def mistake(name: str, reason: str) -> str:
    """Return the message for a mistake in a setting: option, variable and reason."""
    return f"{option(name)} ({variable(name)}): {reason}"


def option(name: str) -> str:
    """Return the option of a setting."""
    return f"--{name.replace('_', '-')}"


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{PREFIX}{name.upper()}"
