"""Answers that come from Prometheus' door and not from its query API, in words that say what to do.

A login page, a proxy without our token and a wrong path are all answers in HTTP; without an explanation each
of them looks like a defect of Prometheus. What a user reads names no address; what an operator needs is in
the detail. Queries of addresses are left out of both: logins carry secrets there.
"""

from __future__ import annotations

import yarl

from metrics_server.model import faults

_MOVED = range(300, 400)
_PLAIN_TO_TLS = b"HTTP request to an HTTPS server"
"""What Go's server says, with status 400."""


def refusal(
    status: int, *, body: bytes | bytearray, location: str = "", presented: str = "nothing"
) -> faults.BackendRefused | None:
    """Return what an answer means that is none of the query API; None for one that may be."""
    if status in _MOVED:
        return faults.BackendRefused(
            "Prometheus' address leads elsewhere",
            detail=f"status {status} to {_bare(location)}, which is not followed; "
            "give --prometheus the address that answers itself, and credentials if that is a login",
        )
    if status in (401, 403):
        return faults.BackendRefused(
            "Prometheus refuses the server's credentials",
            detail=f"status {status}; presented was {presented}; see the options --prometheus-…",
        )
    if status < 400 and body.lstrip()[:1] == b"<":
        return faults.BackendRefused(
            "Prometheus' address answers with a web page instead of figures",
            detail=f"status {status}; is --prometheus the base of a query API, or a login before it?",
        )
    return None


def hint(status: int, body: bytes | bytearray) -> str:
    """Return what to look at, where the status or the words tell; with a comma before it."""
    if status == 404:
        return ", is the path of --prometheus right?"
    if _PLAIN_TO_TLS in body:
        return ", give --prometheus https://…"
    return ""


def _bare(location: str) -> str:
    try:
        return str(yarl.URL(location).with_query(None).with_fragment(None).with_user(None)) or "nowhere"
    except ValueError:
        return "an address that is none"
