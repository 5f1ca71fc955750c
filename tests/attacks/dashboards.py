"""A dashboard to attack: the real command in a process of its own, with its log and its memory."""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import requests

from tests.fakes import traffic_api

EVE, BOB = "a-token-of-eve", "a-token-of-bob"
CALLBACK = "_dash-update-component"
_ANNOUNCEMENT = re.compile(r"dashboard on (http://\S+)")
_PATIENCE_S = 60


@dataclasses.dataclass(frozen=True, slots=True)
class Dashboard:
    """Its address, its log, and its memory."""

    address: str
    pid: int
    written: pathlib.Path

    @property
    def log(self) -> str:
        return self.written.read_text(errors="replace")

    @property
    def resident(self) -> int:
        """Bytes of memory."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024

    def session(self, token: str = "") -> requests.Session:
        """A browser session with a viewer's token, which a proxy in front would add."""
        session = requests.Session()
        session.trust_env = False
        session.headers["Sec-Fetch-Site"] = "same-origin"
        if token:
            session.headers["Authorization"] = f"Bearer {token}"
        return session

    def callbacks(self) -> list[dict[str, Any]]:
        """The server's callbacks, as the page receives them."""
        listed = self.session(BOB).get(f"{self.address}_dash-dependencies", timeout=_PATIENCE_S)
        return [one for one in json.loads(listed.content) if not one["clientside_function"]]


@contextlib.contextmanager
def running(api: traffic_api.FakeTrafficApi, place: pathlib.Path, *options: str) -> Iterator[Dashboard]:
    """Run a dashboard for the cluster with the API `api`; eve and bob may sign in."""
    api.viewers = {EVE: traffic_api.Viewer("eve"), BOB: traffic_api.Viewer("bob")}
    where = urllib.parse.urlsplit(api.url)
    log = place / "log"
    command = [
        *(sys.executable, "-m", "dashboard", "--cluster=in-cluster", "--listen=127.0.0.1:0"),
        *(f"--authority={api.authority(place / 'ca.crt')}", *options),
    ]
    environment = {
        **os.environ,
        "KUBERNETES_SERVICE_HOST": str(where.hostname),
        "KUBERNETES_SERVICE_PORT": str(where.port),
        "PYTHONUNBUFFERED": "1",
    }
    with (
        log.open("w") as output,
        subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment) as process,
    ):
        try:
            yield Dashboard(_address(log, process), process.pid, log)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


def _address(log: pathlib.Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        if found := _ANNOUNCEMENT.search(log.read_text()):
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(f"the dashboard does not serve:\n{log.read_text()}")


def good_body(callback: dict[str, Any], address: str = "?ns=shop") -> dict[str, Any]:
    """The body that the page sends for a callback when its address has changed."""
    values: dict[str, Any] = {"url.search": address, "namespaces.value": ["shop"], "beat.data": "now"}

    def filled(listed: list[dict[str, str]]) -> list[dict[str, Any]]:
        return [{**one, "value": values.get(f"{one['id']}.{one['property']}")} for one in listed]

    names = [part.rpartition(".") for part in callback["output"].strip(".").split("...")]
    outputs = [{"id": name, "property": prop} for name, _, prop in names]
    several = callback["output"].startswith("..")
    return {
        "output": callback["output"],
        "outputs": outputs if several else outputs[0],
        "inputs": filled(callback["inputs"]),
        "state": filled(callback["state"]),
        "changedPropIds": [f"{callback['inputs'][0]['id']}.{callback['inputs'][0]['property']}"],
    }
