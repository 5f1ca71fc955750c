"""A kube-apiserver that serves lists and watches of objects, with its faults on demand.

It pages, keeps its history of changes (until a test discards it), and prints objects in the forms that are
requested, as Kubernetes 1.34 was observed to do.
"""

import asyncio
import contextlib
import dataclasses
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from aiohttp import web

from apiservice.kube import client
from apiservice.runtime import backoff

IMPATIENT = backoff.Backoff(first=0.001, jitter=0.0, longest=0.01)
PATIENCE = 10.0
"""Seconds after which a test gives up waiting."""
WHO = 'User "system:serviceaccount:mesh:traffic" cannot list resource'
PODS = "/api/v1/pods"
_OF_A_RESOURCE = 4
"""The fewest slashes in the path of a resource of a group; shorter paths are groups and their versions."""
_COLUMNS = ("Name", "Ready", "IP", "Node")
Object = dict[str, Any]
_Told = Object | bytes | None
"""An event, or raw bytes; `None` breaks the connection, empty bytes end it properly."""


@dataclasses.dataclass(slots=True)
class Kubernetes:
    """Attributes may be changed at any time."""

    url: str = ""
    page: int = 2
    """How many objects a page has, whatever limit a client requests."""
    objects: dict[str, dict[tuple[str, str], Object]] = dataclasses.field(default_factory=dict)
    """By path of the resource, then by namespace and name."""
    happened: list[tuple[int, str, Object]] = dataclasses.field(default_factory=list)
    """Version, path and event of each change."""
    version: int = 10
    forgotten: int = 0
    """The history up to this version has been discarded."""
    faults: list[web.Response] = dataclasses.field(default_factory=list)
    """Answered first, one request each, on every path."""
    groups: dict[str, dict[str, tuple[str, ...]]] = dataclasses.field(default_factory=dict)
    """The contents of discovery: for each group and each version, its resources."""
    refused: dict[str, int] = dataclasses.field(default_factory=dict)
    """The code that refuses every request for a path; `*` is any path."""
    asked: list[tuple[str, dict[str, str], str]] = dataclasses.field(default_factory=list)
    """Path, query and requested content type of each request."""
    watching: list[tuple[str, asyncio.Queue[_Told]]] = dataclasses.field(default_factory=list)
    """The path of each watch, and what to send to it."""

    def put(
        self,
        path: str,
        name: str,
        *,
        namespace: str = "shop",
        spec: Any = None,
        address: str = "",
        **metadata: Any,
    ) -> None:
        """Add an object, or replace its state."""
        self.version += 1
        key = (namespace, name)
        kind = "MODIFIED" if key in self.objects.setdefault(path, {}) else "ADDED"
        self.objects[path][key] = {
            "metadata": {
                "name": name,
                **({"namespace": namespace} if namespace else {}),
                "resourceVersion": str(self.version),
                "managedFields": [{"manager": "somebody"}],
                **metadata,
            },
            "spec": spec or {},
            "status": {"podIP": address} if address else {},
        }
        self._happen(path, kind, self.objects[path][key])

    def delete(self, path: str, name: str, *, namespace: str = "shop") -> None:
        self.version += 1
        content = self.objects[path].pop((namespace, name))
        content["metadata"]["resourceVersion"] = str(self.version)
        self._happen(path, "DELETED", content)

    def bookmark(self, path: str) -> None:
        """Send the current version, although no object of this resource has changed."""
        self.version += 1
        self._happen(path, "BOOKMARK", {"metadata": {"resourceVersion": str(self.version)}})

    def forget(self) -> None:
        """Discard the history until now, as a compaction of etcd does."""
        self.forgotten = self.version

    def tell(self, path: str, line: bytes | None) -> None:
        """Send an event to the watches of a path."""
        for watched, lines in self.watching:
            if watched == path:
                lines.put_nowait(line)

    def cut(self) -> None:
        """Break all watches."""
        for _, lines in self.watching:
            lines.put_nowait(None)

    def is_watched(self, path: str = PODS) -> bool:
        return any(watched == path for watched, _ in self.watching)

    def lists_of(self, path: str) -> list[dict[str, str]]:
        return [query for asked, query, _ in self.asked if asked == path and "watch" not in query]

    def watches_of(self, path: str) -> list[dict[str, str]]:
        return [query for asked, query, _ in self.asked if asked == path and "watch" in query]

    def _happen(self, path: str, kind: str, content: Object) -> None:
        event = {"type": kind, "object": json.loads(json.dumps(content))}
        self.happened.append((self.version, path, event))
        for watched, lines in self.watching:
            if watched == path:
                lines.put_nowait(event)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        query = dict(request.query)
        self.asked.append((request.path, query, request.headers["Accept"]))
        if self.faults:
            return self.faults.pop(0)
        code = self.refused.get(request.path) or self.refused.get("*")
        if code:
            return status(code, f"{WHO} {request.path}")
        if request.path.startswith("/apis/") and request.path.count("/") < _OF_A_RESOURCE:
            return self._discovery(*request.path.split("/")[2:])
        form = _form(request.headers["Accept"])
        return await self._watch(request, form) if "watch" in query else self._list(request.path, query, form)

    def _discovery(self, group: str, version: str = "") -> web.Response:
        versions = self.groups.get(group, {})
        if version not in versions and (version or not versions):
            return status(404, "the server could not find the requested resource")
        if version:
            return web.json_response({"resources": [{"name": name} for name in versions[version]]})
        return web.json_response({"name": group, "versions": [{"version": one} for one in versions]})

    def _list(self, path: str, query: Mapping[str, str], form: str) -> web.Response:
        start, at = 0, self.version
        if "continue" in query:
            start, at = map(int, query["continue"].split("@"))
            if at < self.forgotten:
                return status(410, "the provided continue parameter is too old")
        items = list(self.objects.get(path, {}).values())
        end = start + self.page
        metadata = {"resourceVersion": str(at)}
        if end < len(items):
            metadata["continue"] = f"{end}@{at}"
        shown = [_shown(item, form) for item in items[start:end]]
        if form == "Table":
            return web.json_response({"metadata": metadata, "columnDefinitions": _columns(), "rows": shown})
        return web.json_response({"metadata": metadata, "items": shown})

    async def _watch(self, request: web.BaseRequest, form: str) -> web.StreamResponse:
        since = int(request.query["resourceVersion"])
        if since > self.version:
            return status(504, "Timeout: Too large resource version")
        lines: asyncio.Queue[_Told] = asyncio.Queue()
        if since < self.forgotten:
            gone = {"code": 410, "message": f"too old resource version: {since}"}
            lines.put_nowait(_line({"type": "ERROR", "object": gone}))
        for version, path, event in self.happened:
            if path == request.path and version > since >= self.forgotten:
                lines.put_nowait(event)
        response = web.StreamResponse()
        await response.prepare(request)
        entry = (request.path, lines)
        self.watching.append(entry)
        try:
            await _send(request, response, lines=lines, form=form)
        finally:
            self.watching.remove(entry)
        return response


async def _send(
    request: web.BaseRequest,
    response: web.StreamResponse,
    *,
    lines: asyncio.Queue[_Told],
    form: str,
) -> None:
    columns = True
    while reply := await lines.get():
        if isinstance(reply, dict):
            content = reply["object"]
            # Only the first event of a watch contains the columns.
            shown = _table(content, columns=columns) if form == "Table" else _shown(content, form)
            reply, columns = _line({**reply, "object": shown}), False
        await response.write(reply)
    if reply is None and request.transport is not None:
        request.transport.abort()


def _table(content: Object, *, columns: bool) -> Object:
    return {
        "kind": "Table",
        "metadata": {"resourceVersion": content["metadata"]["resourceVersion"]},
        "columnDefinitions": _columns() if columns else None,
        "rows": [_shown(content, "Table")],
    }


def _columns() -> list[dict[str, str]]:
    return [{"name": name, "type": "string"} for name in _COLUMNS]


def _shown(content: Object, form: str) -> Object:
    if form == "Table":
        node = content.get("spec", {}).get("nodeName") or "<none>"
        name = content["metadata"].get("name", "")
        address = content.get("status", {}).get("podIP") or "<none>"
        return {"cells": [name, "1/1", address, node], "object": {"metadata": content["metadata"]}}
    return {"metadata": content["metadata"]} if form else content


def _form(accept: str) -> str:
    fields = dict(part.split("=", 1) for part in accept.split(";")[1:])
    return fields.get("as", "")


def _line(event: Object) -> bytes:
    return json.dumps(event).encode() + b"\n"


def status(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "code": code, "message": message}, status=code)


@contextlib.asynccontextmanager
async def serve(*, port: int = 0) -> AsyncIterator[Kubernetes]:
    served = Kubernetes()
    async with listening(served, port=port):
        yield served


@contextlib.asynccontextmanager
async def listening(served: Kubernetes, *, port: int = 0) -> AsyncIterator[None]:
    """Listen until the block is left; the objects remain, and it can listen again."""
    runner = web.ServerRunner(web.Server(served.answer, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        served.url = "http://{}:{}".format(*runner.addresses[0])
        yield
    finally:
        served.cut()
        await runner.cleanup()


@contextlib.asynccontextmanager
async def ask(served: Kubernetes) -> AsyncIterator[client.KubeApi]:
    connection = client.ConnectionConfig(url=served.url)
    async with client.connect(connection, patience=PATIENCE, attempts=2, pauses=IMPATIENT) as api:
        yield api


async def until(condition: Callable[[], bool], *, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"still not: {what}"
        await asyncio.sleep(0.005)
