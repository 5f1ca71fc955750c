"""Build the site: with one identity for everyone, or with a login for each viewer."""

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

_SPARE_THREADS = 8  # for logins, of which six may wait, and for requests that are answered at once


@dataclasses.dataclass(frozen=True, slots=True)
class Site:
    """An application, the options of waitress for it, and a function that releases its resources."""

    application: flask.Flask
    options: Mapping[str, Any]
    close: Callable[[], None]


def to_everyone(source: api.TrafficApi, *, thresholds: verdict.Thresholds, host: str) -> Site:
    """A site that reads with the same credential for everyone."""
    shared = feed.Feed(source)
    application = app.build(shared, thresholds=thresholds, host=host)
    return Site(application, {"threads": 16}, shared.close)


def to_each(
    cluster: incluster.InClusterAddress,
    *,
    thresholds: verdict.Thresholds,
    host: str,
    key: pathlib.Path | None,
    length: dt.timedelta,
    proxies: int = 0,
    failures: login_throttle.LoginThrottle | None = None,
) -> Site:
    """A site on which each viewer signs in and reads with their own token.

    `length` is how long a login lasts, `proxies` how many proxies in front append to X-Forwarded-For,
    `failures` the counts of failed logins.
    """
    sealing = session_cookie.SessionCookie(session_cookie.keys(key), length=length)
    with contextlib.ExitStack() as unfinished:
        known = viewers.Viewers(cluster.connect)
        unfinished.callback(known.close)
        entrance = auth.Login(known, sealing=sealing, failures=failures)
        application = app.build(entrance, thresholds=thresholds, host=host, entrance=entrance)
        unfinished.pop_all()
    options = {
        "threads": viewers.WAITING + _SPARE_THREADS,
        "trusted_proxy": "*",
        "trusted_proxy_count": max(proxies, 1),
        # A client that forges the first two weakens only its own cookie, and other sites cannot send them.
        # With a forged X-Forwarded-For it would avoid the login limits, so it counts only behind a proxy.
        "trusted_proxy_headers": {
            "x-forwarded-proto",
            "x-forwarded-host",
            *(["x-forwarded-for"] if proxies else []),
        },
    }
    return Site(application, options, known.close)
