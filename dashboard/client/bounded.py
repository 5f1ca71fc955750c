"""Read files and YAML with limits on size, time and nesting.

A kubeconfig may come from a pipe (`--kubeconfig <(…)`). The writer of the pipe has 10 seconds.
"""

import os
import pathlib
import select
import stat
import time
from typing import Any

import yaml

_LARGEST = 1 << 20  # bytes
_PIPE_TIMEOUT_S = 10.0
_MOST_LEVELS = 100
_LONGEST_REASON = 200  # characters of a reason
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Malformed(ValueError):
    """The text is not YAML. The message says where and why, in one line."""


def text(path: pathlib.Path) -> str:
    """The content of a file or a pipe. Raises OSError, and ValueError if it is not UTF-8 or too large."""
    # Without O_NONBLOCK, open() of a pipe blocks until there is a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
            raise ValueError("it is a directory or a device")
        content = _content(descriptor)
    finally:
        os.close(descriptor)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # The UnicodeDecodeError contains the content, which may be secret.
        raise ValueError("it is not UTF-8 text") from None


def _content(descriptor: int) -> bytes:
    content, deadline = bytearray(), time.monotonic() + _PIPE_TIMEOUT_S
    while len(content) <= _LARGEST:
        try:
            part = os.read(descriptor, _LARGEST)
        except BlockingIOError:
            if not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise ValueError(f"the pipe had no data for {_PIPE_TIMEOUT_S:.0f} s") from None
            continue
        if not part:
            return bytes(content)
        content += part
    raise ValueError(f"it is larger than {_LARGEST} bytes")


def document(text: str) -> Any:
    """The one YAML document of a text. Raises Malformed."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _MOST_LEVELS:
                raise Malformed(f"nested more than {_MOST_LEVELS} deep")
        return yaml.load(text, Loader=_LOADER)  # noqa: S506 - one of the safe loaders
    except Malformed:
        raise
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Malformed(_problem(error)) from error


def _problem(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f"line {mark.line + 1}: " if mark is not None else ""
    message = getattr(error, "problem", None) or getattr(error, "reason", None) or error
    return f"{line}{' '.join(str(message).split())[:_LONGEST_REASON]}"


def reason(error: Exception) -> str:
    """The message of an error for a file that cannot be read, in one line without a full stop."""
    message = error.strerror if isinstance(error, OSError) else None
    return " ".join((message or str(error)).split()).rstrip(".")
