"""Reads the body of an answer of the backend, within the limit for memory."""

from __future__ import annotations

import aiohttp

from metrics_server.settings import memory_budget
from metrics_server.upstream import time_limits

EXPLAINED = 1 << 16
"""Bytes. No more is read of an answer whose status is not 200."""


async def read(
    response: aiohttp.ClientResponse, progress: time_limits.Progress, share: memory_budget.Reservation
) -> bytearray:
    """Return the decompressed body; if the status is not 200, only its first `EXPLAINED` bytes or a
    little more.

    Raises faults.BackendRefused for a body that is too long. After a failure the body is freed.
    """
    body = bytearray()
    try:
        while chunk := await response.content.readany():
            progress.size += len(chunk)
            share.take(len(chunk))
            body += chunk
            if response.status != 200 and len(body) >= EXPLAINED:
                break
    except BaseException:
        body.clear()
        share.give_back()
        raise
    return body
