"""The files that people write: one YAML document each, in which no key stands twice.

Of a key that stands twice YAML libraries keep the last one and say nothing. It is read by libyaml where that
is there, as 21 profiles take ten times as long without.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MANY = 5000
"""Signs that may open something, beyond which libyaml is not used: deep enough, it ends the process."""


class Malformed(ValueError):
    """A text that is no such document; the message says where and why."""


def read(text: str) -> Any:
    """Return what a document holds, None if it is empty. Raises Malformed."""
    try:
        many = sum(map(text.count, "[{-?")) > _MANY
        loader: Any = yaml.SafeLoader(text) if many else _LOADER(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            if twice := list(_twice(node, set())):
                raise Malformed("; ".join(twice))
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except Malformed:
        raise
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Malformed(str(error)) from error


def _twice(node: yaml.Node, seen: set[int]) -> Iterator[str]:
    """Say which keys stand twice in one mapping; what is referred to again is looked at once."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in keys:
                    yield f"line {key.start_mark.line + 1}: the key {key.value!r} stands twice"
                keys.add(key.value)
            yield from _twice(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _twice(value, seen)
