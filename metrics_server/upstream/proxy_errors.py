"""Explains HTTP responses that come from a proxy or login in front of Prometheus, not from its query API.

A login page, a refused token and a wrong path are all HTTP responses; without an explanation each of them
looks like a defect of Prometheus. The message for the user contains no address; the detail for the
operator does, and says what to do. The query part of a URL is left out of both, because logins put secrets
there.
"""

from __future__ import annotations

import yarl

from metrics_server.model import faults

_MOVED = range(300, 400)
_PLAIN_TO_TLS = b"HTTP request to an HTTPS server"
"""The body of status 400 from a Go server that expects TLS."""
_NO_TENANT = b"no org id"
"""In the body of Mimir, Cortex and Loki if no tenant is named."""


def refusal(
    status: int, *, body: bytes | bytearray, location: str = "", presented: str = "none"
) -> faults.BackendRefused | None:
    """Return the fault for a response that does not come from the query API; None for one that may.

    `presented`: a description of the credentials that were sent, without secrets.
    """
    if status in _MOVED:
        return faults.BackendRefused(
            "Prometheus' address redirects to another address",
            detail=f"status {status} to {_bare(location)}, which is not followed; "
            "give --prometheus the final address, and credentials if that is a login",
        )
    if status == 401 and _NO_TENANT in body:
        return faults.BackendRefused(
            "Prometheus asks for the name of a tenant",
            detail=f"status {status}; give the header X-Scope-OrgID with --prometheus-headers",
        )
    if status in (401, 403):
        return faults.BackendRefused(
            "Prometheus refuses the server's credentials",
            detail=f"status {status}; client credential sent: {presented}; see the options --prometheus-…",
        )
    if status < 400 and body.lstrip()[:1] == b"<":
        return faults.BackendRefused(
            "Prometheus' address answers with a web page instead of figures",
            detail=f"status {status}; is --prometheus the base URL of a query API, "
            "or is a login in front of it?",
        )
    return None


def hint(status: int, body: bytes | bytearray) -> str:
    """Return advice for this status and body, with a comma before it; an empty text if there is none."""
    if status == 404:
        return ", is the path of --prometheus right?"
    if _PLAIN_TO_TLS in body:
        return ", give --prometheus https://…"
    return ""


def _bare(location: str) -> str:
    """Return a redirect's target without query, fragment and user, which may contain secrets."""
    try:
        return (
            str(yarl.URL(location).with_query(None).with_fragment(None).with_user(None)) or "an empty address"
        )
    except ValueError:
        return "an invalid address"
