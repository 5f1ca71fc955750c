"""A real Prometheus that demands credentials, and the files of the credentials that a server presents."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from metrics_server.settings import settings
from metrics_server.upstream import credential_files, prometheus
from tests.apiservice import pki
from tests.metrics_server import guarded_prometheus, recording

AUTHORITY, NEXT = pki.authority("first"), pki.authority("second")


class Scene:
    """The Prometheus, and a folder for files of credentials; at first it has only the authority."""

    def __init__(self, guarded: guarded_prometheus.Guarded, folder: Path) -> None:
        self.guarded = guarded
        self.folder = folder
        self.ca = self.file("ca.crt", AUTHORITY.pem)

    def file(self, name: str, content: bytes | str) -> Path:
        return guarded_prometheus.replace(self.folder / name, content)

    def pair(self, identity: pki.Identity) -> dict[str, Path]:
        return {
            "prometheus_certificate": self.file("tls.crt", identity.pem),
            "prometheus_key": self.file("tls.key", identity.key_pem),
        }

    def password(self, word: str) -> dict[str, Any]:
        return {
            "prometheus_username": guarded_prometheus.USER,
            "prometheus_password": self.file("password", word + "\n"),
        }

    def settings(self, **given: Any) -> settings.Settings:
        given = {"prometheus": self.guarded.url, "prometheus_ca": self.ca} | given
        return settings.load(**given)


def now() -> float:
    return time.time()


@contextlib.asynccontextmanager
async def client(chosen: settings.Settings) -> AsyncIterator[prometheus.Prometheus]:
    asking = prometheus.Prometheus(
        chosen.prometheus,
        observer=recording.Deaf(),
        presenting=credential_files.current(chosen),
        patience=prometheus.Patience(connect=5.0, doubt=20.0, probe=5.0, answer=30.0),
    )
    try:
        yield asking
    finally:
        await asking.close()
