"""The proxies of a mesh: how one is configured, started and scraped, and at which addresses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.dialects import traffic
from tests.dialects.real import walk

INBOUND_PORT = 15006
"""For the callers of a pod's app."""
OUTBOUND_PORT = 15001
"""For the calls of a pod's app."""
METRICS_PORT = 15090

Config = Mapping[str, Any]
Hosts = Mapping[traffic.Workload, str]
"""The addresses of the pods."""


def _none(workload: traffic.Workload) -> Mapping[str, str]:
    return {}


@dataclasses.dataclass(frozen=True, slots=True)
class Beside:
    """A process of the mesh that is not a proxy."""

    command: list[str]
    url: str
    """A URL that answers as soon as the process is ready."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    config: Callable[[traffic.Workload, Hosts], Config]
    """The configuration of the proxy of a workload's pod, which is written as JSON."""
    command: Callable[[Path], list[str]]
    """The command that starts a proxy, given the file of its configuration."""
    path: str
    """The path of its metrics."""
    port: Callable[[traffic.Workload], int] = lambda workload: METRICS_PORT
    labels: Callable[[traffic.Workload], Mapping[str, str]] = _none
    """The labels that the scrape adds in addition to namespace and pod."""
    are_apps: bool = False
    """Whether the proxies are the apps: no other app is behind them."""
    beside: Beside | None = None
    """A process that must run before the proxies start."""


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """The loopback addresses of one mesh, one after the other."""

    subnet: str
    first: int

    @property
    def prometheus(self) -> str:
        return f"{self.subnet}.{self.first}"

    @property
    def control_plane(self) -> str:
        return f"{self.subnet}.{self.first + len(walk.WORKLOADS) + 1}"

    @property
    def hosts(self) -> Hosts:
        return {
            workload: f"{self.subnet}.{self.first + number}"
            for number, workload in enumerate(walk.WORKLOADS, start=1)
        }

    @property
    def doors(self) -> Mapping[traffic.Workload, walk.Doors]:
        return {
            workload: walk.Doors((host, walk.APP_PORT), f"http://{host}:{OUTBOUND_PORT}")
            for workload, host in self.hosts.items()
        }
