"""The programs of a cluster, from Go modules and Debian packages: each missing one is built once.

A mark file has the digest of a program's sources; the program is built again when its module changes. All
builds run with the lowest priority, because the machine usually has other work.
"""

import dataclasses
import functools
import hashlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from demo import faults
from tests.cluster import commands

Report = Callable[[str], None]

_HERE = Path(__file__).resolve().parent
_TOOLS = _HERE.parents[1] / ".tools" / "kubernetes"
_PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "ip": "iproute2",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
}
"""Packages, by the program whose presence shows that the package is installed."""
_SBIN = "/usr/sbin:/sbin"


@dataclasses.dataclass(frozen=True, slots=True)
class Program:
    name: str
    package: str
    """The folder of its main.go, relative to this one."""
    takes: str
    kubernetes: str = "kubernetes"
    """The folder of the module that determines the version of Kubernetes."""
    main: str | None = None
    """Its main package, if that is in another module and not in `package`."""
    tags: str = ""
    """Build tags, which select the parts that are built."""

    @property
    def module(self) -> Path:
        """The folder of its go.mod."""
        return next(folder for folder in (self.folder, *self.folder.parents) if (folder / "go.mod").exists())

    @property
    def folder(self) -> Path:
        """The folder of its main.go."""
        return (_HERE / self.package).resolve()

    @property
    def version(self) -> str:
        """Its version of Kubernetes, such as `v1.34.4`, from the Go module."""
        return _version(self.kubernetes)

    @property
    def path(self) -> Path:
        return _TOOLS / self.version / self.name

    @property
    def mark(self) -> Path:
        """A file with the digest of the program's sources."""
        return self.path.with_suffix(".made-from")

    def digest(self) -> str:
        """The digest of everything that the program is built from."""
        hashed = hashlib.sha256()
        for source in sorted(self.module.rglob("*")):
            if source.is_file():
                hashed.update(source.read_bytes())
        return hashed.hexdigest()


KUBERNETES = Program("kubernetes", "kubernetes", takes="about 12 minutes on two cores")
"""etcd and every program of Kubernetes."""
NEXT = Program(
    "kubernetes",
    "kubernetes-next",
    takes="about 8 minutes on two cores",
    kubernetes="kubernetes-next",
)
"""A newer Kubernetes, only its control plane."""
KUBECTL = Program("kubectl", "kubectl", takes="about 2 minutes")
"""As old as `KUBERNETES`; the Python package contains a newer one."""
GOCLIENT = Program("goclient", "../conformance/goclient", takes="about a minute")
"""Reads an API as programs in Go do."""
PODS = (
    Program("coredns", "coredns", takes="about 2 minutes"),
    Program("pause", "pods/pause", takes="seconds"),
    Program("echo", "pods/echo", takes="seconds"),
)
"""Programs that run in pods."""
HELM = Program("helm", "../deploy/helm", takes="about 2 minutes")
"""What installs the chart."""
VICTORIA_METRICS = Program(
    "victoria-metrics",
    "../backends/victoria-metrics",
    takes="less than a minute",
    main="github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics",
)
"""A database other than Prometheus."""
PROMETHEUS = Program(
    "prometheus",
    "../dialects/real/prometheus",
    takes="about a minute",
    main="github.com/prometheus/prometheus/cmd/prometheus",
    # Its targets come from its configuration only.
    tags="remove_all_sd",
)
"""Newer than Debian's."""
MOSN = Program("mosn", "../dialects/real/mosn", takes="half a minute")
"""A proxy of another mesh."""
TRAEFIK = Program(
    "traefik",
    "../dialects/real/traefik",
    takes="about 4 minutes on two cores",
    main="github.com/traefik/traefik/v3/cmd/traefik",
)
"""A proxy that stands for services."""
HUBBLE = Program("hubble", "../dialects/real/hubble", takes="about a minute and a half on two cores")
"""Counts requests as Cilium's agents do."""
DAPRD = Program("daprd", "../dialects/real/dapr", takes="about 2 minutes")
"""Dapr's sidecar."""
THANOS = Program(
    "thanos",
    "../backends/thanos",
    takes="about 15 minutes on two cores",
    main="github.com/thanos-io/thanos/cmd/thanos",
    tags="slicelabels",
)
"""Joins several Prometheus servers. Only tests of `make test-all` need it."""
TOOLS = (KUBECTL, GOCLIENT, HELM, VICTORIA_METRICS, PROMETHEUS, MOSN, TRAEFIK, HUBBLE, DAPRD)
"""What tests need in addition to a cluster, or without one."""


@functools.cache
def _version(module: str) -> str:
    required = re.search(r"k8s\.io/kubernetes (v\S+)", (_HERE / module / "go.mod").read_text())
    if required is None:
        raise faults.DemoError(f"tests/cluster/{module}/go.mod does not require k8s.io/kubernetes")
    return required[1]


def find(program: str) -> str | None:
    """Find a program, also in folders that only root has in PATH."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:{_SBIN}")


async def make_missing(*, nodes: bool, report: Report, kubernetes: Program = KUBERNETES) -> None:
    """The first call takes minutes."""
    if nodes:
        await _install_packages(report=report)
    for program in (kubernetes, *(PODS if nodes else ())):
        await make(program, report=report)


def linker_flags(version: str) -> str:
    """Return the flags that set the version for `kubectl version`."""
    major, minor, _ = version.removeprefix("v").split(".")
    facts = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    settings = (
        f"-X {package}.{name}={value}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for name, value in facts.items()
    )
    return " ".join(("-s -w", *settings))


def is_made(program: Program) -> bool:
    """Whether it was built from the current state of its module."""
    mark = program.mark
    return program.path.exists() and mark.exists() and mark.read_text() == program.digest()


async def make(program: Program, *, report: Report) -> None:
    """Build the program, if it is not built yet."""
    if is_made(program):
        return
    if find("go") is None:
        raise faults.DemoError(
            f"no go on PATH, and {program.name} is built from source; install Go 1.24 or newer"
        )
    digest = program.digest()
    report(f"building {program.name} for Kubernetes {program.version} ({program.takes}, once)")
    program.path.parent.mkdir(parents=True, exist_ok=True)
    fresh = program.path.with_suffix(f".{os.getpid()}")
    target = program.main or f"./{program.folder.relative_to(program.module)}"
    await commands.output(
        *("nice", "-n", "19", "go", "build", "-p", "2", "-trimpath", "-buildvcs=false"),
        *("-tags", program.tags, "-ldflags", linker_flags(program.version), "-o", str(fresh), target),
        folder=program.module,
        environment={"CGO_ENABLED": "0"},
    )
    fresh.rename(program.path)
    program.mark.write_text(digest)


async def _install_packages(*, report: Report) -> None:
    missing = sorted({package for program, package in _PACKAGES.items() if find(program) is None})
    if not missing:
        return
    names = " ".join(missing)
    if find("apt-get") is None:
        raise faults.DemoError(
            f"a node needs {names}, and there is no apt-get here; install them another way"
        )
    if os.geteuid() != 0:
        raise faults.DemoError(f"a node needs packages that only root may install: apt-get install {names}")
    report(f"installing {names} (once)")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    install = ("apt-get", "-q", "-y", "install", "--no-install-recommends", *missing)
    try:
        await commands.output(*install, environment=quiet)
    except faults.DemoError:
        # A fresh machine has no package lists yet.
        await commands.output("apt-get", "-q", "update", environment=quiet)
        await commands.output(*install, environment=quiet)
