"""A real Prometheus that demands TLS, a password or a client certificate, and scrapes one proxy.

It reads its web configuration again for every connection and request, so a test may change it at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from aiohttp import web

from demo import processes, prometheus
from tests.apiservice import pki

USER = "reader"
PASSWORDS = {
    "first-password": "$2b$04$gffBPsrX.JMYKr9c.XF39egToQIWG.ooBcdpHlmP2pozWC7qclcAi",
    "second-password": "$2b$04$wi51W8Zh7Y3yYLNeJ0NmE.CHOajDYphiGeFktsD1cJBldaQBWjoQG",
}
"""Passwords, and their bcrypt hashes for the configuration of Prometheus."""
_PORT = 9090


def replace(path: Path, content: bytes | str) -> Path:
    """Replace a file atomically, so that no reader sees a part of it; return its path."""
    beside = path.with_name(f".{path.name}")
    beside.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.replace(beside, path)
    return path


@dataclasses.dataclass(frozen=True, slots=True)
class Guarded:
    """The address of the Prometheus, and methods that change its web configuration."""

    folder: Path
    host: str

    @property
    def url(self) -> str:
        return f"https://{self.host}:{_PORT}"

    def show(self, identity: pki.Identity) -> None:
        """Serve this certificate from the next connection on."""
        # One file holds both, so certificate and key change together: a mismatch would be another failure.
        replace(self.folder / "server.pem", identity.pem + identity.key_pem)

    def demand(self, *, password: str | None = None, clients: bytes | None = None) -> None:
        """Demand only these credentials from the next connection on; `clients` are authorities in PEM."""
        pair = str(self.folder / "server.pem")
        tls: dict[str, object] = {"cert_file": pair, "key_file": pair}
        if clients is not None:
            authorities = replace(self.folder / "clients.pem", clients)
            tls |= {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": str(authorities)}
        users: Mapping[str, str] = {USER: PASSWORDS[password]} if password else {}
        replace(self.folder / "web.yml", json.dumps({"tls_server_config": tls, "basic_auth_users": users}))


@contextlib.asynccontextmanager
async def running(folder: Path, *, host: str, identity: pki.Identity) -> AsyncIterator[Guarded]:
    """Run the Prometheus until the block is left; at first it demands only TLS."""
    guarded = Guarded(folder, host)
    guarded.show(identity)
    guarded.demand()
    async with _proxy() as target, processes.family(folder) as family:
        scrape = {
            "job_name": "mesh",
            "scrape_interval": "200ms",
            "scrape_timeout": "200ms",
            "metrics_path": prometheus.METRICS_PATH,
            "static_configs": [{"targets": [target], "labels": {"namespace": "shop", "pod": "lone"}}],
        }
        (folder / "prometheus.yml").write_text(json.dumps({"scrape_configs": [scrape]}))
        command = prometheus.command(prometheus.binary(), folder=folder, listen=(host, _PORT))
        await family.start("prometheus", [*command, f"--web.config.file={folder / 'web.yml'}"])
        yield guarded


@contextlib.asynccontextmanager
async def _proxy() -> AsyncIterator[str]:
    """Serve statistics of an Envoy, with one more request at each scrape; yield its address."""
    served = itertools.count(1)
    uptime = itertools.count(100)

    async def statistics(request: web.Request) -> web.Response:
        call = 'envoy_http_conn_manager_prefix="inbound_8080",envoy_response_code_class="2"'
        return web.Response(
            text="# TYPE envoy_server_uptime gauge\n"
            f"envoy_server_uptime {next(uptime)}\n"
            "# TYPE envoy_http_downstream_rq_xx counter\n"
            f"envoy_http_downstream_rq_xx{{{call}}} {next(served)}\n"
        )

    application = web.Application()
    application.router.add_get(prometheus.METRICS_PATH, statistics)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield "{}:{}".format(*runner.addresses[0])
    finally:
        await runner.cleanup()
