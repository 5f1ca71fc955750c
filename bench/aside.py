"""Work done in a process of its own, so that who measures does not take the time that is measured.

The module is started as a program: it reads the work as JSON from its standard input, and writes what came of
it to its standard output.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any


async def do(module: str, work: Mapping[str, Any], *, within: float, what: str) -> dict[str, Any]:
    """Return what came of it; `within` is in seconds, `what` begins a sentence. Raises RuntimeError."""
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
