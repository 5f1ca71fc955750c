"""kubectl, in two ages: the newer is that of the Python package, the older is as old as the cluster."""

import subprocess
import sys
from pathlib import Path

from tests.cluster import build, commands

NEWER = Path(sys.executable).with_name("kubectl")
OLDER = build.KUBECTL.path
_PATIENCE = 60.0


def attempt(program: Path, kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Each remembers what a server offers beside its kubeconfig."""
    memory = kubeconfig.parent / commands.KUBECTLS_MEMORY
    return subprocess.run(
        [str(program), f"--kubeconfig={kubeconfig}", f"--cache-dir={memory}", *arguments],
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )


def run(program: Path, kubeconfig: Path, *arguments: str) -> str:
    """What it printed; that it failed is a failure."""
    told = attempt(program, kubeconfig, *arguments)
    assert told.returncode == 0, f"kubectl {' '.join(arguments)}: {told.stderr}"
    return told.stdout
