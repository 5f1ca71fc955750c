"""One node: containerd with runc, the kubelet and kube-proxy, in the cluster's network namespace.

They share a mount namespace too, with their own /run, /var/lib and /var/log. So they use their default
paths, the host's folders are not changed, and every mount is gone with the last process.
"""

import asyncio
import dataclasses
from pathlib import Path

import yaml

from demo import faults, processes, wait
from tests.cluster import (
    build,
    certificates,
    cgroups,
    commands,
    configurations,
    images,
    network,
    places,
)

_HIDDEN = (Path("/run"), Path("/var/lib"), Path("/var/log"))
_HIDE = (
    'mount -t tmpfs tmpfs /run && mount --bind "$1" /var/lib && mount --bind "$2" /var/log'
    ' && shift 2 && exec "$@"'
)
_CONTAINERD_WITHIN = 30.0
_READY = "90s"
_DNS = Path(__file__).resolve().parent / "coredns.yaml"


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    place: places.Place
    folder: places.Folder
    files: certificates.Files

    def write(self) -> None:
        for folder in (self._lib, self._log, self._plugins):
            folder.mkdir(parents=True)
        self._containerd.write_text(configurations.containerd(plugins=str(self._plugins)))
        (self._plugins / "pods.conflist").write_text(configurations.network_plugins())
        self._kubelet.write_text(yaml.safe_dump(configurations.kubelet(self.place, files=self.files)))

    def containerd(self) -> list[str]:
        hide = ["unshare", "--mount", "--propagation=private", "--", "sh", "-c", _HIDE, "sh"]
        folders = [str(self._lib), str(self._log)]
        return [*network.enter(self.place), *hide, *folders, "containerd", f"--config={self._containerd}"]

    def kubelet(self) -> list[str]:
        return [
            str(build.KUBERNETES.path),
            "kubelet",
            f"--config={self._kubelet}",
            f"--kubeconfig={self.folder.kubeconfig_of(certificates.KUBELET)}",
            f"--hostname-override={places.NODE}",
            f"--node-ip={self.place.address}",
        ]

    def kube_proxy(self) -> list[str]:
        kubeconfig = self.folder.kubeconfig_of(certificates.KUBE_PROXY)
        return [str(build.KUBERNETES.path), "kube-proxy", *configurations.kube_proxy(kubeconfig)]

    @property
    def _containerd(self) -> Path:
        return self.folder.node / "containerd.toml"

    @property
    def _kubelet(self) -> Path:
        return self.folder.node / "kubelet.yaml"

    @property
    def _plugins(self) -> Path:
        return self.folder.node / "net.d"

    @property
    def _lib(self) -> Path:
        return self.folder.node / "lib"

    @property
    def _log(self) -> Path:
        return self.folder.node / "log"


def demand_visible(*paths: Path) -> None:
    for path in paths:
        for hidden in _HIDDEN:
            if path.resolve().is_relative_to(hidden):
                raise faults.DemoError(
                    f"{path} is beneath {hidden}, which a node replaces by its own; move it"
                )


async def start(node: Node, *, family: processes.Family) -> None:
    cgroups.make(node.place)
    node.write()
    await family.start("containerd", node.containerd())
    enter = inside(family.pid("containerd"))
    await family.guard(_until_containerd_answers(enter))
    await family.start("kubelet", [*enter, *node.kubelet()])
    await family.start("kube-proxy", [*enter, *node.kube_proxy()])
    await family.guard(_import(node, enter=enter))
    await family.guard(_until_ready(node.folder.kubeconfig))


def inside(containerd: int) -> list[str]:
    """Return a prefix that runs a command in the namespaces of that process."""
    return ["nsenter", f"--target={containerd}", "--net", "--mount", "--"]


async def import_image(archive: Path, *, enter: list[str]) -> None:
    await commands.output(*enter, "ctr", "--namespace=k8s.io", "images", "import", str(archive))


async def _import(node: Node, *, enter: list[str]) -> None:
    for program in build.PODS:
        archive = node.folder.node / f"{program.name}.tar"
        await asyncio.to_thread(images.write, program.path, archive=archive)
        await import_image(archive, enter=enter)
        archive.unlink()


async def _until_containerd_answers(enter: list[str]) -> None:
    async def answers() -> bool:
        try:
            await commands.output(*enter, "ctr", "version")
        except faults.DemoError:
            return False
        return True

    await wait.until(answers, what="containerd", within=_CONTAINERD_WITHIN)


async def _until_ready(kubeconfig: Path) -> None:
    await commands.kubectl(kubeconfig, "apply", f"--filename={_DNS}")
    for condition in ("create", "condition=Ready"):
        await commands.kubectl(
            kubeconfig, "wait", f"--for={condition}", f"node/{places.NODE}", f"--timeout={_READY}"
        )
    rollout = ("rollout", "status", "deployment/coredns", "--namespace=kube-system", f"--timeout={_READY}")
    await commands.kubectl(kubeconfig, *rollout)
