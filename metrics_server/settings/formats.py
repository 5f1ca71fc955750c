"""The formats of single settings. An error says what to give instead."""

from __future__ import annotations

import ipaddress
import re

import yarl

from metrics_server.model import label_matchers
from metrics_server.splits import sources as splitting

_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_HOST = r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?"
NO_SPLITS = "none"
_OWN_PARAMETERS = frozenset({"query", "time", "latency_offset"})
"""Parameters of the query API that the server sets itself."""
_SECRET = re.compile(r"token|secret|passw|api_?key|^key$|signature|^sig$|auth", re.IGNORECASE)
"""Names of parameters that are secrets."""


def http_url(text: str) -> str:
    """Return the text if it is the base URL of a query API. Raises ValueError."""
    url = yarl.URL(text)
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("give the base of the query API, such as http://prometheus.monitoring:9090")
    if url.user is not None or url.password is not None:
        raise ValueError("holds a name or a password; give --prometheus-username and --prometheus-password")
    if url.fragment:
        raise ValueError("give the base of the query API, without #")
    if own := sorted(set(url.query) & _OWN_PARAMETERS):
        raise ValueError(f"sets the parameter {own[0]}, which the server sets itself; remove it")
    if secret := next((name for name in url.query if _SECRET.search(name)), None):
        raise ValueError(
            f"holds a credential in the parameter {secret[:40]!r}; give --prometheus-headers, a file, instead"
        )
    return text


def base(url: str) -> str:
    """Return a URL without the values of its parameters, to be logged."""
    whole = yarl.URL(url)
    names = "&".join(f"{name}=…" for name in dict.fromkeys(whole.query))
    return f"{whole.with_query(None)}?{names}" if names else url


def selector(text: str) -> str:
    """Return the text if it is a list of label matchers. Raises ValueError."""
    label_matchers.parse(text)
    return text


def service(text: str) -> str:
    """Return the text if it is `NAME.NAMESPACE` or `NAME.NAMESPACE:PORT` of a Service. Raises ValueError."""
    called, colon, port = text.partition(":")
    is_port = port.isdecimal() and 0 < int(port) < 65536
    if not re.fullmatch(rf"{_LABEL}\.{_LABEL}", called) or (colon and not is_port):
        raise ValueError("give the Service of the fallback adapter, NAME.NAMESPACE or NAME.NAMESPACE:PORT")
    return text


def address(text: str) -> str:
    """Return the text if it is an address to listen on, with a port. Raises ValueError."""
    host, _, port = text.rpartition(":")
    is_port = port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) < 65536
    if not is_port or not _is_host(host):
        raise ValueError("give an address and a port, such as 127.0.0.1:8443 or [::1]:8443")
    return text


def names(text: str) -> str:
    """Return host names and addresses, each once, separated by commas. Raises ValueError."""
    named = [name.strip().removeprefix("[").removesuffix("]") for name in text.split(",")]
    for name in named:
        if not name or not _is_host(name) or is_any(name):
            raise ValueError(
                f"{name[:40]!r} is no name of one host; give host names and addresses, separated by commas, "
                "such as traffic.example,192.0.2.7"
            )
    return ",".join(dict.fromkeys(named))


def is_any(host: str) -> bool:
    """Return whether a host stands for all addresses of the machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _is_host(text: str) -> bool:
    inside = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        address = ipaddress.ip_address(inside)
    except ValueError:
        return len(text) <= 253 and re.fullmatch(_HOST, text) is not None
    # A link-local address has a zone (`%eth0`), which no certificate can contain.
    return "%" not in inside and (text == inside or address.version == 6)


def sources(text: str) -> str:
    """Return the names of the sources of splits, each once, or `none`. Raises ValueError."""
    named = [name.strip() for name in text.split(",")]
    if named == [NO_SPLITS]:
        return NO_SPLITS
    for name in named:
        if name not in splitting.NAMES:
            raise ValueError(
                f"{name[:40]!r} is no source of splits; give some of {', '.join(splitting.NAMES)}, "
                f"separated by commas, or {NO_SPLITS} alone"
            )
    return ",".join(dict.fromkeys(named))
