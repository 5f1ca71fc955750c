"""A network namespace for a cluster, joined to the host by a pair of virtual interfaces.

On the host only one interface and its address are added: no forwarding, no packet filter. So processes in the
namespace reach this machine, but no other.
"""

import json
import os
import subprocess

from demo import faults
from tests.cluster import build, places

_CAPABILITIES = {"CAP_SYS_ADMIN": 21, "CAP_NET_ADMIN": 12}
"""Bits: https://github.com/torvalds/linux/blob/master/include/uapi/linux/capability.h"""


def demand_rights() -> None:
    """Raise an error, in one sentence, if this process lacks the rights."""
    advice = "run as root on a machine or in a privileged container, or take a cluster without nodes"
    if os.geteuid() != 0:
        raise faults.DemoError(f"a cluster with nodes needs root, for namespaces and mounts; {advice}")
    with open("/proc/self/status") as status:
        effective = next(int(line.split()[1], 16) for line in status if line.startswith("CapEff:"))
    missing = [name for name, bit in _CAPABILITIES.items() if not effective >> bit & 1]
    if missing:
        raise faults.DemoError(f"a cluster with nodes needs {' and '.join(missing)}, missing here; {advice}")


def make(place: places.Place) -> None:
    _demand_free_addresses(place)
    inside = ("-n", place.namespace)
    _ip("netns", "add", place.namespace)
    pair = ("link", "add", place.link_outside, "type", "veth")
    _ip(*pair, "peer", "name", place.link_inside, "netns", place.namespace)
    _ip("address", "add", f"{place.host}/{place.link.prefixlen}", "dev", place.link_outside)
    _ip("link", "set", place.link_outside, "up")
    _ip(*inside, "address", "add", f"{place.address}/{place.link.prefixlen}", "dev", place.link_inside)
    for link in ("lo", place.link_inside):
        _ip(*inside, "link", "set", link, "up")
    # Service addresses belong to no interface: the packet filter rewrites them after the routing decision.
    _ip(*inside, "route", "add", "default", "via", place.host)


def enter(place: places.Place) -> list[str]:
    """Return a prefix that runs a command in the namespace.

    Not `ip netns exec`, which mounts another /sys and so hides the control groups.
    """
    return ["nsenter", f"--net=/run/netns/{place.namespace}", "--"]


def exists(place: places.Place) -> bool:
    return place.namespace in (entry["name"] for entry in json.loads(_ip("-j", "netns", "list") or "[]"))


def processes(place: places.Place) -> set[int]:
    if not exists(place):
        return set()
    return {int(pid) for pid in _ip("netns", "pids", place.namespace).split()}


def remove(place: places.Place) -> None:
    """The pair of interfaces is removed with the namespace, once its last process is gone."""
    if exists(place):
        _ip("netns", "del", place.namespace)
    try:
        if _has_link(place):
            _ip("link", "del", place.link_outside)
    except faults.DemoError:
        # The kernel removes the pair too, but later.
        if _has_link(place):
            raise


def _has_link(place: places.Place) -> bool:
    return any(entry["ifname"] == place.link_outside for entry in json.loads(_ip("-j", "link", "show")))


def _demand_free_addresses(place: places.Place) -> None:
    for entry in json.loads(_ip("-j", "address", "show")):
        if any(address.get("local") == place.host for address in entry["addr_info"]):
            raise faults.DemoError(
                f"{place.host} is taken by the interface {entry['ifname']}; give the cluster another --name"
            )


def _ip(*arguments: str) -> str:
    done = subprocess.run([build.find("ip") or "ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise faults.DemoError(f"ip {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout
