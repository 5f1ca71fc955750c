"""A process that exposes the pods: `python -m tests.cases.scrape.exporter HOST PORT`.

It is a process of its own, so that nothing that a test does delays a scrape. `/POD/metrics?late=SECONDS` has
samples of so many seconds ago with their times; `/POD/restart` begins the pod's process anew.
"""

from __future__ import annotations

import sys
import time

from aiohttp import web

from tests.cases.scrape import pods


class Exporter:
    """The pods, and when the processes of each started, oldest first."""

    def __init__(self) -> None:
        self._pods = {pod.name: pod for pod in pods.PODS}
        began = time.time() - pods.AGE
        self._began = {name: [began] for name in self._pods}

    async def expose(self, request: web.Request) -> web.Response:
        """Answer a scrape."""
        pod = self._pods[request.match_info["pod"]]
        late = float(request.query.get("late", "0"))
        at = time.time() - late
        began = max(start for start in self._began[pod.name] if start <= at)
        clock = "" if late else f"{pods.CLOCK} {at:.3f}\n"
        return web.Response(text=pod.expose(age=at - began, stamp=at if late else None) + clock)

    async def restart(self, request: web.Request) -> web.Response:
        """Begin the process of a pod anew."""
        self._began[request.match_info["pod"]].append(time.time())
        return web.Response()


def main(host: str, port: str) -> None:
    """Serve until a signal."""
    exporter, application = Exporter(), web.Application()
    application.router.add_get("/ready", lambda _: _ready())
    application.router.add_get("/{pod}/metrics", exporter.expose)
    application.router.add_post("/{pod}/restart", exporter.restart)
    web.run_app(application, host=host, port=int(port), print=None)


async def _ready() -> web.Response:
    return web.Response()


if __name__ == "__main__":
    main(*sys.argv[1:])
