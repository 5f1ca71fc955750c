"""The addresses of a cluster, which follow from its name, and its files.

Clusters of different names can run at the same time. One without nodes uses loopback addresses and needs no
rights; its service addresses are loopback addresses too, so that a server that listens on such an address
*is* that Service, and can be aggregated. One with nodes has a network namespace of its own, joined to the
host by a pair of virtual interfaces.
"""

import dataclasses
import hashlib
import ipaddress
import re
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
"""All processes in a network namespace or control group with this prefix are ended with the cluster."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,8}[a-z0-9]")
_NODE_SERVICES = ipaddress.IPv4Network("10.96.0.0/16")
_LOOPBACKS = ipaddress.IPv4Network("127.192.0.0/11")
_LINKS = ipaddress.IPv4Network("10.251.0.0/16")
_HOST = 7
"""Among the first sixteen service addresses, which Kubernetes assigns only on request:
https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """The addresses of one cluster."""

    name: str
    nodes: bool

    @property
    def address(self) -> str:
        """The address of every server of the control plane, and of the node."""
        return str(self.link[2] if self.nodes else self.services[1])

    @property
    def host(self) -> str:
        """The address at which a server on this machine listens so that the cluster can reach it."""
        return str(self.link[1] if self.nodes else self.services[_HOST])

    @property
    def services(self) -> ipaddress.IPv4Network:
        """The range of the addresses of Services."""
        return _NODE_SERVICES if self.nodes else self._one_of(_LOOPBACKS, prefix=24)

    @property
    def link(self) -> ipaddress.IPv4Network:
        """The network between the host and a cluster with nodes."""
        return self._one_of(_LINKS, prefix=30)

    @property
    def dns(self) -> str:
        return str(self.services[10])

    @property
    def server(self) -> str:
        return f"https://{self.address}:{API_PORT}"

    @property
    def namespace(self) -> str:
        """The name of the network namespace; its path is below /run/netns."""
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

    def _one_of(self, networks: ipaddress.IPv4Network, *, prefix: int) -> ipaddress.IPv4Network:
        """Different names rarely get the same number; then the addresses are in use: take another name."""
        spare = prefix - networks.prefixlen
        number = int.from_bytes(hashlib.sha256(self.name.encode()).digest()) % 2**spare
        return ipaddress.IPv4Network((networks[number << (32 - prefix)], prefix))


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
        """What `down` needs if the process that made the cluster is gone."""
        return self.path / "cluster.json"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def scratch(self) -> Path:
        """A folder that every cluster creates anew, and removes at its end."""
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
