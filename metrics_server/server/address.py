"""Listening on the address in the settings; an error says which address to give instead."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import socket
import ssl
from collections.abc import AsyncIterator

from apiservice.server import handler, sockets
from metrics_server.settings import formats, mistakes, settings

_REASONS = {
    errno.EADDRINUSE: "another program listens there; give another port, or end that program",
    errno.EADDRNOTAVAIL: "this machine has no such address; give one of its own, such as 127.0.0.1",
    errno.EACCES: "this user may not listen on ports below 1024; give another port",
    errno.EPERM: "this user may not listen on ports below 1024; give another port",
    errno.EAFNOSUPPORT: "this machine does not support this kind of address; give one of another kind",
}


@contextlib.asynccontextmanager
async def bound(
    chosen: settings.Settings, served: handler.Handler, *, tls: ssl.SSLContext
) -> AsyncIterator[sockets.Bound]:
    """Listen until the block is left. Raises mistakes.BadSettings."""
    host, port = chosen.address
    async with contextlib.AsyncExitStack() as stack:
        try:
            there = await stack.enter_async_context(
                sockets.serve(served, host=host, port=port, tls=tls, pause=chosen.shutdown_delay)
            )
        except OSError as error:
            reason = f"{chosen.listen}: {_explained(error)}"
            raise mistakes.BadSettings(mistakes.mistake("listen", reason)) from error
        yield there


def public_url(chosen: settings.Settings, there: sockets.Bound) -> str:
    """Return the URL for the kubeconfig, whose host is one that the server's certificate names.

    That is the host of `--listen`; where it stands for all addresses, the first further name, or loopback.
    """
    host, _ = chosen.address
    if formats.is_any(host):
        loopback = "::1" if ":" in host else "127.0.0.1"
        host = next(iter(chosen.further_names), loopback)
    return dataclasses.replace(there, host=host.removesuffix(".")).url


def _explained(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "this name has no address; give another name, or an address such as 127.0.0.1"
    known = _REASONS.get(error.errno or 0)
    return known or f"{' '.join((error.strerror or str(error)).split())}; give another address"
