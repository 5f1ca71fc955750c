"""Where everything of a cluster is: its addresses, which follow from its name, and its files.

Clusters of different names live beside each other. One without nodes lives on loopback and needs no rights;
its service addresses are loopback addresses too, so that a server that listens on such an address *is* that
Service, and can be aggregated. One with nodes lives in a network namespace of its own,
joined to the host by a pair of virtual interfaces.
"""

import dataclasses
import ipaddress
import re
import zlib
from pathlib import Path

from demo import faults

API_PORT = 6443
ETCD_PORT = 2379
ETCD_PEER_PORT = 2380
CONTROLLERS_PORT = 10257
SCHEDULER_PORT = 10259
NODE = "n1"
DOMAIN = "cluster.local"
PODS = ipaddress.IPv4Network("10.244.0.0/16")

_OURS = "trafficmetrics-"
"""Processes in what begins so are ended with the cluster: nobody else's must begin so by chance."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,8}[a-z0-9]")
_NODE_SERVICES = ipaddress.IPv4Network("10.96.0.0/16")
_LOOPBACK_FIRST, _LOOPBACK_COUNT = 192, 56
_LINK_COUNT = 250


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """The addresses of one cluster."""

    name: str
    nodes: bool

    @property
    def address(self) -> str:
        """Of every server of the control plane, and of the node."""
        return f"{self._link}.2" if self.nodes else str(self.services[1])

    @property
    def host(self) -> str:
        """Where a server on this machine listens so that the cluster can reach it."""
        return f"{self._link}.1" if self.nodes else str(self.services[7 * 256 + 7])

    @property
    def services(self) -> ipaddress.IPv4Network:
        """The addresses that Services get."""
        if self.nodes:
            return _NODE_SERVICES
        return ipaddress.IPv4Network(f"127.{_LOOPBACK_FIRST + self._number % _LOOPBACK_COUNT}.0.0/16")

    @property
    def dns(self) -> str:
        return str(self.services[10])

    @property
    def server(self) -> str:
        return f"https://{self.address}:{API_PORT}"

    @property
    def namespace(self) -> str:
        """Of the network; its path is beneath /run/netns."""
        return f"{_OURS}{self.name}"

    @property
    def link_outside(self) -> str:
        return f"{self.name}-host"

    @property
    def link_inside(self) -> str:
        return f"{self.name}-node"

    @property
    def cgroup(self) -> str:
        """The parent of every pod's control groups, from the root of each hierarchy."""
        return f"{_OURS}{self.name}"

    @property
    def _number(self) -> int:
        return zlib.crc32(self.name.encode())

    @property
    def _link(self) -> str:
        return f"10.251.{1 + self._number % _LINK_COUNT}"


def place(name: str, *, nodes: bool) -> Place:
    # Names of network interfaces have at most 15 letters, and some are added to this one.
    if not _NAME.fullmatch(name):
        raise faults.DemoError(
            f"{name!r} cannot name a cluster; take 2 to 10 lower-case letters, digits and dashes,"
            " a letter first"
        )
    return Place(name, nodes)


@dataclasses.dataclass(frozen=True, slots=True)
class Folder:
    """The files of one cluster."""

    path: Path

    @property
    def kubeconfig(self) -> Path:
        return self.path / "kubeconfig"

    @property
    def record(self) -> Path:
        """What `down` must know, should the process that made the cluster be gone."""
        return self.path / "cluster.json"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def scratch(self) -> Path:
        """Made anew by every cluster, and removed with it."""
        return self.path / "cluster"

    @property
    def pki(self) -> Path:
        return self.scratch / "pki"

    @property
    def etcd(self) -> Path:
        return self.scratch / "etcd"

    @property
    def node(self) -> Path:
        return self.scratch / "node"

    def kubeconfig_of(self, who: str) -> Path:
        return self.scratch / f"{who}.kubeconfig"
