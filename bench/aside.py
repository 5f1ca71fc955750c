"""Jobs in a process of their own, so that the load generator does not slow down the measurement.

A module is started as a program: the job comes as JSON on standard input (a command line would
show the token), and the outcome is JSON on standard output.
"""

import asyncio
import dataclasses
import json
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from bench import client

Job = TypeVar("Job")
"""A dataclass of plain values, as its outcome is."""


async def do(module: str, job: Any, *, server: client.Server, within: float, what: str) -> dict[str, Any]:
    """Return the outcome; `within` is in seconds, `what` begins a sentence. Raises RuntimeError."""
    given = {**dataclasses.asdict(server), "authority": str(server.authority)}
    work = {"job": dataclasses.asdict(job), "server": given}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(within):
            answer, _ = await process.communicate(json.dumps(work).encode())
    except TimeoutError:
        raise RuntimeError(f"{what} did not end within {within:g} s; is the server overloaded?") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"{what} ended with status {process.returncode}; see above")
    done: dict[str, Any] = json.loads(answer)
    return done


def main(work: Callable[[Job, client.Server], Coroutine[Any, Any, Any]], *, job: Callable[..., Job]) -> None:
    """Run the `work` of such a program once."""
    given: dict[str, Any] = json.load(sys.stdin)
    known = given["server"]
    address, authority = tuple(known["address"]), Path(known["authority"])
    server = client.Server(**{**known, "address": address, "authority": authority})
    json.dump(dataclasses.asdict(uvloop.run(work(job(**given["job"]), server))), sys.stdout)
