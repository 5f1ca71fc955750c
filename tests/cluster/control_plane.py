"""The commands of etcd, the API server, the controllers and the scheduler, and when each is ready.

For tests, the HPA controller works every two seconds and forgets recommendations after one; no program waits
for a disk or elects a leader. Every server of the aggregation layer recognizes the front proxy by its
certificate, as in a real cluster.
"""

import dataclasses
from pathlib import Path

import aiohttp

from demo import processes, wait
from tests.cluster import certificates, places

API_SERVER = "kube-apiserver"
_CONTROLLERS = "kube-controller-manager"
_SCHEDULER = "kube-scheduler"
_READY_WITHIN = 90.0
"""Seconds; about 5 on an idle machine."""


@dataclasses.dataclass(frozen=True, slots=True)
class ControlPlane:
    place: places.Place
    folder: places.Folder
    files: certificates.Files
    kubernetes: Path
    """The binary that contains all programs of Kubernetes."""

    def etcd(self) -> list[str]:
        clients = f"https://{self.place.address}:{places.ETCD_PORT}"
        peers = f"https://{self.place.address}:{places.ETCD_PEER_PORT}"
        return self._command(
            "etcd",
            {
                "name": self.place.name,
                "data-dir": self.folder.etcd,
                "unsafe-no-fsync": "true",
                "log-level": "warn",
                "listen-client-urls": clients,
                "advertise-client-urls": clients,
                "listen-peer-urls": peers,
                "initial-advertise-peer-urls": peers,
                "initial-cluster": f"{self.place.name}={peers}",
                "client-cert-auth": "true",
                "peer-client-cert-auth": "true",
                "trusted-ca-file": self._certificate("etcd-ca"),
                "peer-trusted-ca-file": self._certificate("etcd-ca"),
                "cert-file": self._certificate("etcd"),
                "key-file": self._key("etcd"),
                "peer-cert-file": self._certificate("etcd"),
                "peer-key-file": self._key("etcd"),
            },
        )

    def apiserver(self) -> list[str]:
        flags = self._storage() | self._serving() | self._accounts() | self._front_proxy() | self._kubelets()
        if not self.place.nodes:
            # A loopback address cannot be an endpoint of the Service `kubernetes`.
            flags["endpoint-reconciler-type"] = "none"
        return self._command("kube-apiserver", flags)

    def controllers(self) -> list[str]:
        return self._command(
            "kube-controller-manager",
            {
                "kubeconfig": self.folder.kubeconfig_of(certificates.CONTROLLERS),
                "bind-address": self.place.address,
                "secure-port": places.CONTROLLERS_PORT,
                "leader-elect": "false",
                "use-service-account-credentials": "true",
                "service-account-private-key-file": self._key("service-accounts"),
                "root-ca-file": self._certificate("ca"),
                "allocate-node-cidrs": "true",
                "cluster-cidr": places.PODS,
                "service-cluster-ip-range": self.place.services,
                "horizontal-pod-autoscaler-sync-period": "2s",
                "horizontal-pod-autoscaler-downscale-stabilization": "1s",
            },
        )

    def scheduler(self) -> list[str]:
        return self._command(
            "kube-scheduler",
            {
                "kubeconfig": self.folder.kubeconfig_of(certificates.SCHEDULER),
                "bind-address": self.place.address,
                "secure-port": places.SCHEDULER_PORT,
                "leader-elect": "false",
            },
        )

    def _storage(self) -> dict[str, object]:
        return {
            "etcd-servers": f"https://{self.place.address}:{places.ETCD_PORT}",
            "etcd-cafile": self._certificate("etcd-ca"),
            "etcd-certfile": self._certificate("etcd"),
            "etcd-keyfile": self._key("etcd"),
        }

    def _serving(self) -> dict[str, object]:
        return {
            "bind-address": self.place.address,
            "advertise-address": self.place.address,
            "secure-port": places.API_PORT,
            "service-cluster-ip-range": self.place.services,
            "tls-cert-file": self._certificate("apiserver"),
            "tls-private-key-file": self._key("apiserver"),
            "client-ca-file": self._certificate("ca"),
            "authorization-mode": "Node,RBAC",
            "enable-admission-plugins": "NodeRestriction",
            "allow-privileged": "true",
        }

    def _accounts(self) -> dict[str, object]:
        return {
            "service-account-issuer": f"https://kubernetes.default.svc.{places.DOMAIN}",
            "service-account-key-file": self._key("service-accounts"),
            "service-account-signing-key-file": self._key("service-accounts"),
        }

    def _front_proxy(self) -> dict[str, object]:
        return {
            "requestheader-client-ca-file": self._certificate("front-proxy-ca"),
            "requestheader-allowed-names": certificates.FRONT_PROXY_USER,
            "requestheader-username-headers": "X-Remote-User",
            "requestheader-group-headers": "X-Remote-Group",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
            "proxy-client-cert-file": self._certificate("front-proxy"),
            "proxy-client-key-file": self._key("front-proxy"),
        }

    def _kubelets(self) -> dict[str, object]:
        return {
            "kubelet-client-certificate": self._certificate("apiserver-to-kubelet"),
            "kubelet-client-key": self._key("apiserver-to-kubelet"),
            "kubelet-certificate-authority": self._certificate("ca"),
            "kubelet-preferred-address-types": "InternalIP",
        }

    def _command(self, program: str, flags: dict[str, object]) -> list[str]:
        return [str(self.kubernetes), program, *(f"--{name}={value}" for name, value in flags.items())]

    def _certificate(self, name: str) -> Path:
        return self.files.certificate(name)

    def _key(self, name: str) -> Path:
        return self.files.key(name)


async def start(plane: ControlPlane, *, family: processes.Family, enter: list[str]) -> None:
    """`enter` is a prefix for every command, which starts it in the right network."""
    await family.start("etcd", [*enter, *plane.etcd()])
    await start_api_server(plane, family=family, enter=enter)


async def start_api_server(plane: ControlPlane, *, family: processes.Family, enter: list[str]) -> None:
    """Start the API server and the programs that need it. Returns once all are ready."""
    await family.start(API_SERVER, [*enter, *plane.apiserver()])
    await family.guard(_healthy(API_SERVER, f"{plane.place.server}/readyz"))
    await family.start(_CONTROLLERS, [*enter, *plane.controllers()])
    await family.start(_SCHEDULER, [*enter, *plane.scheduler()])
    for name, port in ((_CONTROLLERS, places.CONTROLLERS_PORT), (_SCHEDULER, places.SCHEDULER_PORT)):
        await family.guard(_healthy(name, f"https://{plane.place.address}:{port}/healthz"))


async def stop_api_server(*, family: processes.Family) -> None:
    """Stop its clients first: if it stops while the controllers start, they end with errors."""
    for name in (_CONTROLLERS, _SCHEDULER, API_SERVER):
        await family.stop(name)


async def _healthy(name: str, url: str) -> None:
    async with aiohttp.ClientSession() as http:
        await wait.until_ok(http, url, what=name, within=_READY_WITHIN)
