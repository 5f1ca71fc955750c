"""kubectl in two versions: the newer from the Python package, the older as old as the cluster."""

import subprocess
import sys
from pathlib import Path

from tests.cluster import build, commands

NEWER = Path(sys.executable).with_name("kubectl")
OLDER = build.KUBECTL.path
_PATIENCE = 60.0


def attempt(
    program: Path, kubeconfig: Path, *arguments: str, said: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run kubectl, which caches discovery next to the kubeconfig; `said` is its input."""
    memory = kubeconfig.parent / commands.KUBECTLS_MEMORY
    return subprocess.run(
        [str(program), f"--kubeconfig={kubeconfig}", f"--cache-dir={memory}", *arguments],
        input=said,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )


def run(program: Path, kubeconfig: Path, *arguments: str, said: str = "") -> str:
    """Return its output; raise an error if it fails."""
    reply = attempt(program, kubeconfig, *arguments, said=said)
    assert reply.returncode == 0, f"kubectl {' '.join(arguments)}: {reply.stderr}"
    return reply.stdout
