"""An HTTPS server on loopback with its own certificate authority and a bearer token."""

import asyncio
import pathlib
import ssl
import threading
from collections.abc import Callable
from typing import Any, Self

import trustme
import yaml
from aiohttp import web


class Server:
    """Serves the routes of a subclass, in its own thread, from `with` to its end."""

    token = "a-secret-that-must-stay-on-the-server"

    def __init__(self, name: str) -> None:
        self._authority = trustme.CA()
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name=name)
        self.url = ""

    def routes(self, app: web.Application) -> None:
        """The routes that it serves."""
        raise NotImplementedError

    def ending(self) -> None:
        """Called in the server's thread before it ends."""

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self.do(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def do(self, act: Callable[[], object]) -> None:
        """Run a function in the server's thread."""
        self._loop.call_soon_threadsafe(act)

    def authority(self, path: pathlib.Path) -> pathlib.Path:
        """Write the certificate of its authority to `path`."""
        self._authority.cert_pem.write_to_path(path)
        return path

    def kubeconfig(self, path: pathlib.Path, **user: Any) -> pathlib.Path:
        """Write a kubeconfig to `path`; `user` replaces the token by other credentials."""
        authority = self.authority(path.with_suffix(".ca.pem"))
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [
                {"name": "fake", "cluster": {"server": self.url, "certificate-authority": authority.name}}
            ],
            "users": [{"name": "viewer", "user": user or {"token": self.token}}],
            "contexts": [
                {"name": "fake", "context": {"cluster": "fake", "user": "viewer", "namespace": "shop"}}
            ],
        }
        path.write_text(yaml.safe_dump(document))
        return path

    async def _start(self) -> None:
        app = web.Application()
        self.routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert("127.0.0.1").configure_cert(context)
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        self.url = f"https://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _stop(self) -> None:
        self.ending()
        if self._runner and self._runner.server:
            # A proper end of TLS would wait for clients that no longer read.
            for open_connection in self._runner.server.connections:
                if open_connection.transport:
                    open_connection.transport.abort()
            await self._runner.cleanup()
