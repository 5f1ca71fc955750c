"""Reads YAML files that people write, with limits: no duplicate keys, no recursive or exploding aliases.

YAML libraries silently keep only the last of duplicate keys. A few lines with aliases can stand for
billions of values, or for a list that contains itself, which would keep a program busy for ever. libyaml
is used if it is installed, because reading the 21 profiles takes ten times as long without it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MANY = 5000
"""Characters that may open a level. If there are more, the depth is checked first, because libyaml crashes
the process on very deep documents.
"""
_DEEPEST = 100
"""Levels of nesting; a Pod has twelve."""
_REPEATED = 100_000
"""Values that aliases may add to the values that are written out."""
_SHOWN = 300
"""Characters of a reason."""
_PATH = 200
"""Characters of a path that are shown."""
_KEY = 80
"""Characters of a key that are shown."""
_FAULTS = 20
"""Mistakes that are reported for one file."""
LARGEST = 1 << 20
"""Bytes of the largest file that a person writes."""


class Malformed(ValueError):
    """A text that is not such a document; the message says where and why."""


def text(path: Path, *, most: int) -> str:
    """Return the text of a regular file of at most `most` bytes. Raises OSError, ValueError."""
    # Without O_NONBLOCK, opening a pipe blocks until another process writes to it.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is a directory, a pipe or a device; give a regular file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = b"" if status.st_size > most else file.read(most + 1)
    finally:
        os.close(handle)
    if max(status.st_size, len(content)) > most:
        raise ValueError(f"it has more than {most} bytes; give a smaller file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # `from None`: the error contains the content.
        raise ValueError("it is not text in UTF-8; save it as UTF-8") from None


def read(text: str) -> Any:
    """Return the value of a document; None if it is empty. Raises Malformed."""
    found = read_all(text)
    if len(found) > 1:
        raise Malformed("it holds several documents; keep only one")
    return found[0] if found else None


def read_all(text: str) -> list[Any]:
    """Return the value of each document in a text. Raises Malformed."""
    try:
        if sum(map(text.count, "[{-?")) > _MANY:
            _look_at_depth(text)
        loader = _LOADER(text)
        try:
            found = []
            while loader.check_node():
                node = loader.get_node()
                if faults := list(_faults(node)):
                    raise Malformed("; ".join(faults))
                found.append(loader.construct_document(node))
            return found
        finally:
            loader.dispose()
    except Malformed:
        raise
    except (yaml.YAMLError, RecursionError, ValueError, TypeError, OverflowError) as error:
        raise Malformed(_reason(error)) from error


def named(path: Path | str) -> str:
    """Return the name of a file in one line, at most about `_PATH` characters long."""
    text = str(path)
    text = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return text if len(text) <= _PATH else f"{text[: _PATH // 2]}…{text[-_PATH // 4 :]}"


def fault(place: Iterable[int | str], reason: str) -> str:
    """Return a message about a place in a document, in one line of at most `_SHOWN` characters."""
    said = ".".join(f"{part:.{_KEY}}" if isinstance(part, str) else str(part) for part in place)
    said = f"{said or '(top)'}: {reason.removeprefix('Value error, ')}"
    return " ".join("".join(sign if sign.isprintable() else " " for sign in said).split())[:_SHOWN]


def first(faults: Sequence[str]) -> str:
    """Return the first `_FAULTS` mistakes, one per line, and the number of the others."""
    further = len(faults) - _FAULTS
    return "\n".join([*faults[:_FAULTS], *([f"and {further} more, not shown"] if further > 0 else [])])


def unreadable(error: Exception) -> str:
    """Return the reason why a file cannot be read, and what to do, in one line."""
    if isinstance(error, OSError):
        return f"{error.strerror or type(error).__name__}; give a file that the user of this program may read"
    return " ".join(str(error).split())


def _look_at_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            where = f"line {event.start_mark.line + 1}: " if event.start_mark else ""
            raise Malformed(f"{where}nested more than {_DEEPEST} deep")


def _reason(error: Exception) -> str:
    """Return the reason in one line; the library's own message has several lines and quotes the text."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or error
    return f"{where}{' '.join(str(problem).split())[:_SHOWN]}"


def _faults(root: yaml.Node) -> Iterator[str]:
    """Yield a message for each duplicate key, for each value that contains itself, and for aliases that
    add too much.
    """
    sizes: dict[int, int] = {}
    yield from _walk(root, sizes, set())
    if sizes.get(id(root), 0) > len(sizes) + _REPEATED:
        yield f"aliases repeat more than {_REPEATED} values; write the values out"


def _walk(node: yaml.Node, sizes: dict[int, int], above: set[int]) -> Iterator[str]:
    """Store the number of values below each node in `sizes`, and yield mistakes. A node with aliases is
    walked once.
    """
    if isinstance(node, yaml.MappingNode):
        yield from _twice(node)
        below = [one for pair in node.value for one in pair]
    elif isinstance(node, yaml.SequenceNode):
        below = node.value
    else:
        sizes[id(node)] = 1
        return
    above.add(id(node))
    size = 1
    for one in below:
        if id(one) in above:
            yield f"line {one.start_mark.line + 1}: the value that begins here contains itself"
            continue
        if id(one) not in sizes:
            yield from _walk(one, sizes, above)
        size += sizes.get(id(one), 1)
    above.discard(id(node))
    sizes[id(node)] = size


def _twice(node: yaml.MappingNode) -> Iterator[str]:
    keys: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if key.value in keys:
                yield f"line {key.start_mark.line + 1}: the key {key.value[:_SHOWN]!r} occurs twice"
            keys.add(key.value)
