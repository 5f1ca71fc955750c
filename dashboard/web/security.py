"""What the browser may load, and which sites may show the page or ask for it.

The page is served with its viewer's rights, so no other site may frame it, and a server on loopback answers
to loopback names only: otherwise any web site could read the figures by letting its own name point to
127.0.0.1. What acts, a POST, has to come from the page itself.
"""

import ipaddress
import re
import urllib.parse
from collections.abc import Sequence

import flask

HEALTH = "/healthz"
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def protect(server: flask.Flask, *, script_hashes: Sequence[str], host: str, forms: bool = False) -> None:
    """Headers on every answer, no foreign sites, and no foreign host names on loopback.

    `forms` is whether the page has any to send.
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
    def refuse_foreigners() -> tuple[str, int] | None:
        if flask.request.path == HEALTH:
            return "ok\n", 200
        if names and without_port(flask.request.host) not in names:
            return f"This server answers to {', '.join(dict.fromkeys(names))} only.\n", 421
        if flask.request.method not in ("GET", "HEAD", "OPTIONS") and not _is_from_here():
            return "Only the page itself may ask this.\n", 403
        return None

    @server.after_request
    def add_headers(response: flask.Response) -> flask.Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        # Under no-referrer the browser does not even tell us which site sends a form.
        response.headers["Referrer-Policy"] = "same-origin" if forms else "no-referrer"
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        return response


def _is_from_here() -> bool:
    """Sec-Fetch-Site is sent by HTTPS and on loopback; else the Origin says as much."""
    if site := flask.request.headers.get("Sec-Fetch-Site"):
        return site == "same-origin"
    origin = flask.request.headers.get("Origin", "")
    try:
        return urllib.parse.urlsplit(origin).netloc == flask.request.host
    except ValueError:
        return False


def without_port(host: str) -> str:
    return re.sub(r":\d*$", "", host)


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
