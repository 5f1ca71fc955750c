"""A site for each audience: one identity for everyone, or each viewer as themselves."""

import contextlib
import dataclasses
import datetime as dt
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import flask

from dashboard.client import api, incluster
from dashboard.health import verdict
from dashboard.web import app, auth, feed, login_throttle, session_cookie, viewers

_SPARE_THREADS = 8  # for sign-ins, of which six may wait, and for what is answered at once


@dataclasses.dataclass(frozen=True, slots=True)
class Site:
    """An application, what waitress has to know to serve it, and how to give back what it holds."""

    application: flask.Flask
    options: Mapping[str, Any]
    close: Callable[[], None]


def to_everyone(source: api.TrafficApi, *, thresholds: verdict.Thresholds, host: str) -> Site:
    """Whoever reaches the page reads with the same credential."""
    shared = feed.Feed(source)
    application = app.build(shared, thresholds=thresholds, host=host)
    return Site(application, {"threads": 16}, shared.close)


def to_each(
    cluster: incluster.Cluster,
    *,
    thresholds: verdict.Thresholds,
    host: str,
    key: pathlib.Path | None,
    length: dt.timedelta,
    proxies: int = 0,
    failures: login_throttle.Attempts | None = None,
) -> Site:
    """Whoever signs in reads with their own.

    `proxies` is how many in front say truly who asks, `failures` what is known of wrong tokens.
    """
    sealing = session_cookie.Seal(session_cookie.keys(key), length=length)
    with contextlib.ExitStack() as unfinished:
        known = viewers.Viewers(cluster.connect)
        unfinished.callback(known.close)
        entrance = auth.Door(known, sealing=sealing, failures=failures)
        application = app.build(entrance, thresholds=thresholds, host=host, entrance=entrance)
        unfinished.pop_all()
    options = {
        "threads": viewers.WAITING + _SPARE_THREADS,
        "trusted_proxy": "*",
        "trusted_proxy_count": max(proxies, 1),
        # Whoever invents the first two betrays only their own cookie; a browser lets no site send them.
        # Whoever invents the last would never be locked out: it counts only if a proxy is known to write it.
        "trusted_proxy_headers": {
            "x-forwarded-proto",
            "x-forwarded-host",
            *(["x-forwarded-for"] if proxies else []),
        },
    }
    return Site(application, options, known.close)
