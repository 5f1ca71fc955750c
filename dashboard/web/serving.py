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
from dashboard.web import app, door, feed, seal, viewers

_LARGEST_REQUEST = 1 << 20  # bytes; a page sends a few kilobytes


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
    return Site(application, {"threads": 8}, shared.close)


def to_each(
    cluster: incluster.Cluster,
    *,
    thresholds: verdict.Thresholds,
    host: str,
    key: pathlib.Path | None,
    length: dt.timedelta,
) -> Site:
    """Whoever signs in reads with their own."""
    sealing = seal.Seal(seal.keys(key), length=length)
    with contextlib.ExitStack() as unfinished:
        known = viewers.Viewers(cluster.connect)
        unfinished.callback(known.close)
        entrance = door.Door(known, sealing=sealing)
        application = app.build(entrance, thresholds=thresholds, host=host, entrance=entrance)
        unfinished.pop_all()
    options = {
        "threads": 16,
        "max_request_body_size": _LARGEST_REQUEST,
        # Whoever invents them betrays only their own cookie; a browser lets no site send them.
        "trusted_proxy": "*",
        "trusted_proxy_headers": {"x-forwarded-proto", "x-forwarded-host"},
    }
    return Site(application, options, known.close)
