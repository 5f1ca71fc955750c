"""The real dashboard in a process of its own, for any API a kubeconfig leads to."""

import contextlib
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator

_ANNOUNCEMENT = re.compile(r"dashboard on (http://\S+)")
_PATIENCE_S = 15


@contextlib.contextmanager
def serve(kubeconfig: pathlib.Path, *options: str) -> Iterator[str]:
    """The address of a dashboard on a free port of loopback; ended afterwards by its own pid."""
    command = [sys.executable, "-m", "dashboard", "--kubeconfig", str(kubeconfig), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            if process.stdout is None:
                raise RuntimeError("the dashboard has no output to read its address from")
            said = []
            for line in process.stdout:
                said.append(line)
                if found := _ANNOUNCEMENT.search(line):
                    yield found[1]
                    return
            raise RuntimeError(f"the dashboard ended before it served:\n{''.join(said)}")
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
