"""Workloads without proxies: gRPC's CSM observability plugin for Python, in a virtual environment of its own.

`csm/controlplane.py` replaces what Google Cloud provides, xDS and a metadata server, as far as the plugin
needs it. None of this is in the project's own environment.
"""

from __future__ import annotations

import hashlib
import json
import sys
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from tests.cluster import build, commands
from tests.dialects import traffic
from tests.dialects.real import idle, walk
from tests.dialects.real.proxies import Beside, Config, Hosts, Place, Proxies

_HERE = Path(__file__).resolve().parent / "csm"
_VENV = _HERE.parents[3] / ".tools" / "csm"
_PYTHON = _VENV / "bin" / "python"
_MARK = _VENV / "made-from"
_REQUIREMENTS = _HERE / "requirements.txt"
_PORT, _METRICS_PORT, _GO_PORT = 8080, 9464, 8081
_XDS_PORT, _METADATA_PORT = 15010, 15080
_STATUS = {"200": "OK", "404": "NOT_FOUND", "503": "UNAVAILABLE", walk.SLOW: "SLOW"}
"""The gRPC status that an app answers in place of an HTTP code."""
_TOLD = {**_STATUS, walk.SLOW: "DEADLINE_EXCEEDED"}


async def make(*, report: build.Report) -> None:
    """Create the virtual environment if it does not exist."""
    digest = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()
    if _MARK.exists() and _MARK.read_text() == digest:
        return
    report("installing gRPC's observability plugin into .tools/csm (half a minute, once)")
    await commands.output(sys.executable, "-m", "venv", "--clear", str(_VENV))
    install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
    await commands.output(str(_PYTHON), *install, "--require-hashes", "-r", str(_REQUIREMENTS))
    _MARK.write_text(digest)


def proxies(place: Place) -> Proxies:
    return Proxies(
        config=lambda workload, hosts: _config(workload, hosts=hosts, place=place),
        command=lambda file: [str(_PYTHON), str(_HERE / "workload.py"), str(file)],
        path="/metrics",
        port=lambda workload: _METRICS_PORT,
        are_apps=True,
        beside=_control_plane(place),
    )


async def happen(place: Place) -> None:
    """Let the frontend send all requests, check the answers that it gets, and wait until the callees have
    ended also the requests that the callers gave up.
    """
    asked = {
        "/".join(_STATUS[answer] for answer in path.strip("/").split("/")): str(count)
        for path, count in walk.PATHS.items()
    }
    url = f"http://{place.hosts[traffic.FRONTEND]}:{_GO_PORT}/go?{urllib.parse.urlencode(asked)}"
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        reply: Mapping[str, int] = json.loads(await response.read())
        assert reply == {_TOLD[answer]: count for answer, count in walk.HOPS[0].answers.items()}
        await idle.until_over(
            http,
            [f"http://{place.hosts[hop.callee]}:{_METRICS_PORT}/metrics" for hop in walk.HOPS],
            begun="grpc_server_call_started_total",
            ended="grpc_server_call_duration_seconds_count",
        )


def _control_plane(place: Place) -> Beside:
    services = [f"{workload.name}:{_PORT}={host}:{_PORT}" for workload, host in place.hosts.items()]
    program = [str(_PYTHON), str(_HERE / "controlplane.py")]
    return Beside(
        [*program, place.control_plane, str(_XDS_PORT), str(_METADATA_PORT), *services],
        f"http://{place.control_plane}:{_METADATA_PORT}",
    )


def _config(workload: traffic.Workload, *, hosts: Hosts, place: Place) -> Config:
    asked = [hop.callee for hop in walk.HOPS if hop.caller is workload]
    xds = {
        "server_uri": f"{place.control_plane}:{_XDS_PORT}",
        "channel_creds": [{"type": "insecure"}],
        "server_features": ["xds_v3"],
    }
    node = {"id": f"projects/1234/networks/mesh:shop/nodes/{workload.pods[0]}"}
    return {
        "host": hosts[workload],
        "ports": {"grpc": _PORT, "metrics": _METRICS_PORT, "go": _GO_PORT},
        "asks": f"{asked[0].name}:{_PORT}" if asked else None,
        "deadline": next((hop.timeout for hop in walk.HOPS if hop.caller is workload), None),
        "environment": {
            "GRPC_XDS_BOOTSTRAP_CONFIG": json.dumps({"xds_servers": [xds], "node": node}),
            "HTTP_PROXY": f"http://{place.control_plane}:{_METADATA_PORT}",
            "KUBERNETES_SERVICE_HOST": place.control_plane,
            "NAMESPACE": workload.namespace,
            "POD_NAME": workload.pods[0],
            "CONTAINER_NAME": "app",
            "CSM_WORKLOAD_NAME": workload.name,
            "CSM_CANONICAL_SERVICE_NAME": workload.name,
            "CSM_MESH_ID": "shop-mesh",
            "OTEL_RESOURCE_ATTRIBUTES": f"service.name={workload.name}",
        },
    }
