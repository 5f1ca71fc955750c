"""Values → bytes in the negotiated format, compressed if the answer is long."""

import asyncio
import gzip
from typing import Any

import orjson
import yaml

_LONGEST = 1024
"""Characters of an Accept-Encoding header that are read. The rest is ignored."""
COMPRESSION_FROM = 128 * 1024
"""Bytes; shorter answers are not compressed. The kube-apiserver has the same limit:
https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/handlers/responsewriters/writers.go
"""

_COMPACT = orjson.OPT_APPEND_NEWLINE
_INDENTED = orjson.OPT_APPEND_NEWLINE | orjson.OPT_INDENT_2


class _Dumper(yaml.CSafeDumper):
    """A YAML dumper without anchors and aliases, although objects share parts in memory."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def dump(value: Any, *, subtype: str, pretty: bool) -> bytes:
    """The value as YAML if `subtype` is `yaml`, else as JSON, which `pretty` indents."""
    if subtype == "yaml":
        text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
        return text.encode()
    return orjson.dumps(value, option=_INDENTED if pretty else _COMPACT)


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the client accepts gzip: https://www.rfc-editor.org/rfc/rfc9110#field.accept-encoding"""
    for clause in accept_encoding[:_LONGEST].lower().split(","):
        coding, _, quality = clause.replace(" ", "").partition(";q=")
        if coding in {"gzip", "*"}:
            return quality.strip("0.") != "" or quality == ""
    return False


async def compress(body: bytes) -> bytes:
    """The body, compressed with gzip in a thread: a large list must not delay other requests."""
    return await asyncio.to_thread(gzip.compress, body, compresslevel=1, mtime=0)
