"""A kube-apiserver for single objects: get, replace and patch, each change with a new version."""

import collections
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from apiservice.kube import client
from apiservice.runtime import backoff

WHO = 'User "system:serviceaccount:mesh:traffic" cannot do that'
_IMPATIENT = backoff.Backoff(first=0.001, jitter=0.0, longest=0.01)
Object = dict[str, Any]


@dataclasses.dataclass(slots=True)
class Objects:
    """Attributes may be changed at any time."""

    held: dict[str, Object] = dataclasses.field(default_factory=dict)
    """Objects by path."""
    refused: dict[str, int] = dataclasses.field(default_factory=dict)
    """The code that refuses every request for a path."""
    away: bool = False
    overtaken: int = 0
    """How many of the next changes find that the object has changed."""
    asked: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    """How often each path was requested with GET."""
    written: list[tuple[str, Object]] = dataclasses.field(default_factory=list)
    """Path and object of every change, in order."""
    _version: int = 0

    def put(self, path: str, content: Object) -> None:
        self._version += 1
        metadata = {**content.get("metadata", {}), "resourceVersion": str(self._version)}
        self.held[path] = {**content, "metadata": metadata}
        self.written.append((path, self.held[path]))

    async def answer(self, request: web.Request) -> web.Response:
        path = request.path
        self.asked[path] += request.method == "GET"
        if self.away:
            return _status(503, "not now")
        if code := self.refused.get(path):
            return _status(code, WHO)
        if path not in self.held:
            return _status(404, "not found")
        if request.method == "GET":
            return web.json_response(self.held[path])
        sent = json.loads(await request.read())
        version = sent.get("metadata", {}).get("resourceVersion")
        if self.overtaken:
            self.overtaken -= 1
            self.put(path, self.held[path])
        if version != self.held[path]["metadata"]["resourceVersion"]:
            return _status(409, "the object has been modified")
        if request.method == "PATCH":
            assert request.content_type == "application/merge-patch+json"
            sent = _merged(self.held[path], sent)
        self.put(path, sent)
        return web.json_response(self.held[path])


@contextlib.asynccontextmanager
async def served(objects: Objects) -> AsyncIterator[client.KubeApi]:
    """Serve over loopback until the block is left."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", objects.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = "http://{}:{}".format(*runner.addresses[0])
        connection = client.ConnectionConfig(url=url)
        async with client.connect(connection, patience=2.0, attempts=2, pauses=_IMPATIENT) as api:
            yield api
    finally:
        await runner.cleanup()


def _status(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "code": code, "message": message}, status=code)


def _merged(held: Any, change: Any) -> Any:
    if not isinstance(held, dict) or not isinstance(change, dict):
        return change
    merged = {**held, **{key: _merged(held.get(key), value) for key, value in change.items()}}
    return {key: value for key, value in merged.items() if value is not None}
