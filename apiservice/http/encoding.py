"""Values → bytes in the negotiated format, and smaller where that pays."""

import asyncio
import gzip
from typing import Any

import orjson
import yaml

_LONGEST = 1024
"""Characters of an Accept-Encoding header that are read. What comes later is as if it were not there."""
COMPRESSION_FROM = 128 * 1024
"""Bytes. Below that compression costs more than it saves, as Kubernetes found."""

_COMPACT = orjson.OPT_APPEND_NEWLINE
_INDENTED = orjson.OPT_APPEND_NEWLINE | orjson.OPT_INDENT_2


class _Dumper(yaml.CSafeDumper):
    """Without anchors: objects share parts in memory, and readers should not see that."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def dump(value: Any, *, subtype: str, pretty: bool) -> bytes:
    if subtype == "yaml":
        text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
        return text.encode()
    return orjson.dumps(value, option=_INDENTED if pretty else _COMPACT)


def accepts_gzip(accept_encoding: str) -> bool:
    """https://www.rfc-editor.org/rfc/rfc9110#field.accept-encoding"""
    for clause in accept_encoding[:_LONGEST].lower().split(","):
        coding, _, quality = clause.replace(" ", "").partition(";q=")
        if coding in {"gzip", "*"}:
            return quality.strip("0.") != "" or quality == ""
    return False


async def compress(body: bytes) -> bytes:
    """In a thread: a large list takes longer than other requests should wait."""
    return await asyncio.to_thread(gzip.compress, body, compresslevel=1, mtime=0)
