"""The real dashboard in a process of its own, for the API of any kubeconfig."""

import contextlib
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator, Mapping

_ANNOUNCEMENT = re.compile(r"dashboard on (http://\S+)")
_PATIENCE_S = 15


@contextlib.contextmanager
def serve(kubeconfig: pathlib.Path, *options: str) -> Iterator[str]:
    """Run a dashboard on a free port of loopback and yield its address; it is ended by its own pid."""
    with _serve(("--kubeconfig", str(kubeconfig), *options), {}) as address:
        yield address


@contextlib.contextmanager
def serve_each(server: str, *options: str, authority: pathlib.Path) -> Iterator[str]:
    """Run it as in a pod of the cluster whose API is `server`: every viewer signs in."""
    place = urllib.parse.urlsplit(server)
    found = {"KUBERNETES_SERVICE_HOST": str(place.hostname), "KUBERNETES_SERVICE_PORT": str(place.port)}
    with _serve(("--cluster=in-cluster", f"--authority={authority}", *options), found) as address:
        yield address


@contextlib.contextmanager
def _serve(options: tuple[str, ...], environment: Mapping[str, str]) -> Iterator[str]:
    command = [sys.executable, "-m", "dashboard", "--listen", "127.0.0.1:0", *options]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
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
