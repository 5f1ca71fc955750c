"""What the browser may load and who may show or ask for the page.

The page is served with its viewer's rights, so no other site may frame it, and a server on loopback answers
to loopback names only: otherwise any web site could read the figures by letting its own name point to
127.0.0.1.
"""

import ipaddress
import re
from collections.abc import Sequence

import flask

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def protect(server: flask.Flask, *, script_hashes: Sequence[str], host: str) -> None:
    """Headers on every answer, GET and Dash's own POST only, and no foreign host names on loopback."""
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
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
    names = (*_LOOPBACK_NAMES, host) if _is_loopback(host) else ()

    @server.before_request
    def refuse_foreign_names() -> tuple[str, int] | None:
        if names and _without_port(flask.request.host) not in names:
            return f"This server answers to {', '.join(dict.fromkeys(names))} only.\n", 421
        return None

    @server.after_request
    def add_headers(response: flask.Response) -> flask.Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        return response


def _without_port(host: str) -> str:
    return re.sub(r":\d*$", "", host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
