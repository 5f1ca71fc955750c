"""Security headers, and checks of the Host and Origin of requests.

The page is served with its viewer's rights, so no other site may frame it. A server on loopback answers only
for loopback host names, which prevents DNS rebinding: a web site whose name points to 127.0.0.1. A POST must
come from the page itself, which prevents cross-site request forgery.
"""

import ipaddress
import re
import urllib.parse
from collections.abc import Sequence

import flask

HEALTH = "/healthz"
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def protect(server: flask.Flask, *, script_hashes: Sequence[str], host: str, forms: bool = False) -> None:
    """Add the headers to each answer, and refuse requests of other sites.

    `forms` is whether the page has forms; `script_hashes` are those of its inline scripts.
    """
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' {' '.join(script_hashes)}",
            # Mantine, AG Grid and React set styles at run time.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'" if forms else "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
    names = (*_LOOPBACK_NAMES, host) if is_loopback(host) else ()

    @server.before_request
    def check_request() -> tuple[str, int] | None:
        if flask.request.path == HEALTH:
            return "ok\n", 200
        if names and without_port(flask.request.host) not in names:
            return f"This server answers for the host names {', '.join(dict.fromkeys(names))} only.\n", 421
        if flask.request.method not in ("GET", "HEAD", "OPTIONS") and not _is_from_here():
            return "Only the dashboard's own page may send this request.\n", 403
        return None

    @server.after_request
    def add_headers(response: flask.Response) -> flask.Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        # With no-referrer the browser sends `Origin: null` with a form.
        response.headers["Referrer-Policy"] = "same-origin" if forms else "no-referrer"
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        return response


def _is_from_here() -> bool:
    """Whether the page itself sent the request. Sec-Fetch-Site exists with HTTPS and on loopback only."""
    if site := flask.request.headers.get("Sec-Fetch-Site"):
        return site == "same-origin"
    origin = flask.request.headers.get("Origin", "")
    try:
        return urllib.parse.urlsplit(origin).netloc == flask.request.host
    except ValueError:
        return False


def without_port(host: str) -> str:
    """The host of a `Host` header."""
    return re.sub(r":\d*$", "", host)


def is_loopback(host: str) -> bool:
    """Whether a host is localhost or a loopback address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
