"""Build the site: with one credential for all, or with a login for each viewer."""

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


def shared(source: api.TrafficApi, *, thresholds: verdict.Thresholds, host: str) -> Site:
    """A site that reads with the same credential for everyone."""
    readings = feed.Feed(source)
    application = app.build(readings, thresholds=thresholds, host=host)
    return Site(application, {"threads": 16}, readings.close)


def with_login(
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
    cookies = session_cookie.SessionCookie(session_cookie.keys(key), length=length)
    with contextlib.ExitStack() as unfinished:
        viewer_store = viewers.Viewers(cluster.connect)
        unfinished.callback(viewer_store.close)
        login = auth.Login(viewer_store, cookies=cookies, failures=failures)
        application = app.build(login, thresholds=thresholds, host=host, login=login)
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
    return Site(application, options, viewer_store.close)
