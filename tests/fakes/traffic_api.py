"""A TrafficMetrics API made of the golden lists: real HTTPS, a real bearer token, and faults on demand.

It answers from `tests/golden/`, so that a test of a client fails if and only if the wire format changes.
"""

import asyncio
import collections
import copy
import dataclasses
import datetime as dt
import json
import pathlib
import threading
from typing import Any

from aiohttp import web

from tests.fakes import secured

_GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
_GROUP = "/apis/metrics.smi-spec.io/v1alpha1"
_WINDOWS = {"30s": 1, "1m": 2, "5m": 10, "15m": 30}


@dataclasses.dataclass(frozen=True, slots=True)
class Viewer:
    """A user with a token; `namespaces` are those that the user may read, None for all."""

    name: str
    namespaces: frozenset[str] | None = None


class FakeTrafficApi(secured.Server):
    """Public attributes may be changed at any time."""

    def __init__(self) -> None:
        super().__init__("fake-traffic-api")
        self.metrics: list[dict[str, Any]] = []
        self.edges: list[dict[str, Any]] = []
        self.mode = ""
        self.live = False  # the age of the data follows the wall clock, not the golden lists
        self.viewers: dict[str, Viewer] = {}
        self.requests: collections.Counter[str] = collections.Counter()
        self.reset()
        self._came = threading.Condition()
        self._release = asyncio.Event()

    def reset(self) -> None:
        """Restore the golden mesh, without faults."""
        self.metrics = _items("trafficmetrics")
        self.edges = _items("trafficedges")
        self.viewers = {self.token: Viewer("viewer")}
        self.mode = "well"  # or: unavailable, denied, forbidden, hanging, garbage, absent

    def edge(self, name: str) -> dict[str, Any]:
        """The item of an edge, by its `metadata.name`, to be changed in place by `set_counts`."""
        return next(item for item in self.edges if item["metadata"]["name"] == name)

    def set_counts(self, item: dict[str, Any], *, successes: int, failures: int) -> None:
        counts = {"success_count": str(successes), "failure_count": str(failures)}
        item["metrics"] = [
            {**metric, "value": counts.get(metric["name"], metric["value"])} for metric in item["metrics"]
        ]

    def arrived(self, count: int, *, deadline: float = 10) -> None:
        """Wait until this many requests have arrived in total."""
        with self._came:
            if not self._came.wait_for(lambda: self.requests.total() >= count, deadline):
                raise TimeoutError(f"{self.requests.total()} of {count} requests came within {deadline} s")

    def release(self) -> None:
        """End the `hanging` of requests that are waiting, and of later ones."""
        self.do(self._release.set)

    def routes(self, app: web.Application) -> None:
        app.router.add_get(_GROUP + "/namespaces/{namespace}/{plural}", self._list)
        app.router.add_get(_GROUP + "/{plural}", self._list)
        app.router.add_post("/apis/authentication.k8s.io/v1/selfsubjectreviews", self._review)

    def ending(self) -> None:
        self._release.set()

    async def _review(self, request: web.Request) -> web.Response:
        with self._came:
            self.requests[request.path_qs] += 1
        viewer = self._viewer(request)
        if viewer is None or self.mode == "denied":
            return _status(401, "Unauthorized", "Unauthorized")
        if self.mode == "unavailable":
            return _status(503, "ServiceUnavailable", "etcd is away")
        return web.json_response(
            {"kind": "SelfSubjectReview", "status": {"userInfo": {"username": viewer.name}}}, status=201
        )

    def _viewer(self, request: web.Request) -> Viewer | None:
        return self.viewers.get(request.headers.get("Authorization", "").removeprefix("Bearer "))

    async def _list(self, request: web.Request) -> web.Response:
        with self._came:
            self.requests[request.path_qs] += 1
            self._came.notify_all()
        refusal = await self._misbehave(request)
        if refusal is not None:
            return refusal
        namespace = request.match_info.get("namespace")
        plural = request.match_info["plural"]
        window = request.query.get("window", "30s")
        if window not in _WINDOWS:
            return _status(400, "BadRequest", f"window {window!r} is not one this fake knows")
        items = self.edges if plural == "trafficedges" else self.metrics
        described = request.query.get("fieldSelector", "").removeprefix("resource.kind=")
        if plural not in ("trafficedges", "trafficmetrics"):
            described = plural.removesuffix("s")
        seen = [_as_seen_from(item, namespace) for item in items]
        if namespace and not any(_as_seen_from(item, namespace) for item in (*self.metrics, *self.edges)):
            return _status(404, "NotFound", f'namespaces "{namespace}" not found')
        kind = "TrafficEdgeList" if plural == "trafficedges" else "TrafficMetricsList"
        answer = {
            "kind": kind,
            "apiVersion": "metrics.smi-spec.io/v1alpha1",
            "metadata": {"resourceVersion": ""},
            "resource": {},
            "items": [
                self._dated(item, window)
                for item in seen
                if item
                and (not described or item["resource"]["kind"].lower() == described.lower())
                and _selected(item, request.query.get("labelSelector", ""))
            ],
        }
        return web.json_response(answer)

    async def _misbehave(self, request: web.Request) -> web.Response | None:
        viewer = self._viewer(request)
        if viewer is None or self.mode == "denied":
            return _status(401, "Unauthorized", "Unauthorized")
        place = request.match_info.get("namespace")
        if viewer.namespaces is not None and place not in viewer.namespaces:
            where = f'in the namespace "{place}"' if place else "at the cluster scope"
            reply = f'User "{viewer.name}" cannot list resource "{request.match_info["plural"]}" {where}'
            return _status(403, "Forbidden", f"{request.match_info['plural']} is forbidden: {reply}")
        match self.mode:
            case "unavailable":
                return _status(503, "ServiceUnavailable", "Prometheus at 127.0.0.1:9090 refuses connections")
            case "forbidden":
                return _status(
                    403, "Forbidden", 'trafficmetrics is forbidden: User "viewer" cannot list them'
                )
            case "absent":
                return web.Response(status=404, text="404 page not found")
            case "garbage":
                return web.Response(text='{"kind": "TrafficMetricsList", "items": [{"resource": 7}]}')
            case "hanging":
                await self._release.wait()
        return None

    def _dated(self, item: dict[str, Any], window: str) -> dict[str, Any]:
        dated = {**item, "window": window}
        dated["metrics"] = [
            {**metric, "value": str(int(metric["value"]) * _WINDOWS[window])}
            if metric["name"].endswith("_count")
            else metric
            for metric in item["metrics"]
        ]
        if self.live:
            dated["timestamp"] = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        return dated


def _items(name: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads((_GOLDEN / f"{name}.json").read_text())["items"]
    return copy.deepcopy(items)


def _as_seen_from(item: dict[str, Any], namespace: str | None) -> dict[str, Any] | None:
    """Return the item, with its ends exchanged if only its peer is in this namespace; None if neither is."""
    if namespace is None or item["resource"]["namespace"] == namespace:
        return item
    peer = item["edge"]["resource"]
    if item["kind"] != "TrafficEdge" or peer.get("namespace") != namespace:
        return None
    turned = {"direction": "from", "side": item["edge"]["side"], "resource": item["resource"]}
    return {**item, "resource": peer, "edge": turned}


def _selected(item: dict[str, Any], selector: str) -> bool:
    """Only equality: the server's own tests cover the full grammar."""
    wanted = dict(term.split("=", 1) for term in selector.split(",") if term)
    labels: dict[str, str] = item["metadata"]["labels"]
    return wanted.items() <= labels.items()


def _status(code: int, reason: str, message: str) -> web.Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "message": message,
        "code": code,
    }
    return web.json_response(body, status=code)
