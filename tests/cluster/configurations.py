"""The configuration files of a node's programs: containerd, its network plugins and the kubelet. Pure.

A node has its own /run, /var/lib and /var/log (`node`), so the paths are the programs' defaults.
"""

import ipaddress
import json
from typing import Any

from tests.cluster import certificates, images, places

CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
_NETWORK_PLUGINS = "/usr/lib/cni"
_NODE_PODS = next(places.PODS.subnets(new_prefix=24))
_ANYWHERE = ipaddress.IPv4Network("0.0.0.0/0")


def containerd(*, plugins: str) -> str:
    """Version 2 of its configuration, which containerd 1.6 and later read. `plugins` is the folder of the
    network plugins' configuration.
    """
    return f"""\
version = 2
# This one would make a folder of the host.
disabled_plugins = ["io.containerd.internal.v1.opt"]

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{images.name("pause")}"
  disable_apparmor = true
  # Where CAP_SYS_RESOURCE is missing, no sandbox starts without this.
  restrict_oom_score_adj = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{_NETWORK_PLUGINS}"
    conf_dir = "{plugins}"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"

  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


def network_plugins() -> str:
    bridge = {
        "type": "bridge",
        "bridge": "pods",
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": str(_NODE_PODS)}]],
            "routes": [{"dst": str(_ANYWHERE)}],
        },
    }
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge, portmap]}, indent=2)


def kubelet(place: places.Place, *, files: certificates.Files) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": place.address,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(files.certificate("ca"))},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(files.certificate("kubelet-server")),
        "tlsPrivateKeyFile": str(files.key("kubelet-server")),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{place.cgroup}",
        "clusterDNS": [place.dns],
        "clusterDomain": places.DOMAIN,
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "failSwapOn": False,
        # The kubelet must not delete images to free the machine's disk: they cannot be fetched again.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        # No names outside the cluster are resolved: its pods cannot reach them.
        "resolvConf": "",
    }


def kube_proxy(kubeconfig: object) -> list[str]:
    flags = {
        "kubeconfig": kubeconfig,
        "hostname-override": places.NODE,
        "proxy-mode": "iptables",
        "cluster-cidr": places.PODS,
        # Settings of the machine that a process in a network namespace may not change.
        "conntrack-max-per-core": 0,
        "conntrack-tcp-timeout-established": "0s",
        "conntrack-tcp-timeout-close-wait": "0s",
    }
    return [f"--{name}={value}" for name, value in flags.items()]
