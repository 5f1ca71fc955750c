"""The definitions of objects that are not Kubernetes' own, from the Go modules of their projects."""

import json
from pathlib import Path

from tests.cluster import build, commands

FOREIGN = frozenset({"monitoring.coreos.com/v1", "cert-manager.io/v1"})
"""As our objects name them."""
_VERSIONS = Path(__file__).resolve().parent / "foreign"
"""A Go module with the versions, and the checksums of their contents."""
_FILES = {
    "github.com/prometheus-operator/prometheus-operator": (
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    ),
    "github.com/cert-manager/cert-manager": (
        "deploy/crds/cert-manager.io_certificates.yaml",
        "deploy/crds/cert-manager.io_issuers.yaml",
    ),
}


async def files() -> list[Path]:
    """The files are downloaded the first time."""
    go = build.find("go") or "go"
    found = []
    for module, names in _FILES.items():
        said = await commands.output(go, "mod", "download", "-json", module, folder=_VERSIONS)
        folder = Path(json.loads(said)["Dir"])
        found += [folder / name for name in names]
    return found
