"""Prometheus' remote write protocol 1.0, as far as samples of a history need it.

A message is protobuf (`prompb.WriteRequest`) in a Snappy block, in which nothing is compressed here.
https://prometheus.io/docs/specs/remote_write_spec/
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

HEADERS: Mapping[str, str] = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
_LITERAL = 1 << 16
"""Bytes of a literal whose length is two bytes long."""
_LENGTH_OF_TWO_BYTES = 61 << 2
_DOUBLE, _VARINT = b"\x09", b"\x10"
"""The keys of a sample's value (field 1) and time (field 2)."""


def message(series: Iterable[tuple[Mapping[str, str], Sequence[tuple[float, float]]]]) -> bytes:
    """Return the body of a request with series: their labels, and pairs of Unix time and value."""
    return _snappy(b"".join(_field(1, _series(labels, samples)) for labels, samples in series))


def _series(labels: Mapping[str, str], samples: Sequence[tuple[float, float]]) -> bytes:
    named = (
        _field(1, _field(1, name.encode()) + _field(2, value.encode()))
        for name, value in sorted(labels.items())
    )
    counted = (
        _field(2, _DOUBLE + struct.pack("<d", value) + _VARINT + _varint(round(at * 1000)))
        for at, value in samples
    )
    return b"".join((*named, *counted))


def _field(number: int, content: bytes) -> bytes:
    """Return a field that is a text or a message."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def _snappy(content: bytes) -> bytes:
    parts = [_varint(len(content))]
    for begin in range(0, len(content), _LITERAL):
        part = content[begin : begin + _LITERAL]
        parts += [bytes([_LENGTH_OF_TWO_BYTES]), struct.pack("<H", len(part) - 1), part]
    return b"".join(parts)
