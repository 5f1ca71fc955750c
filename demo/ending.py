"""How a long-running command ends: without a traceback on a signal, and with a message on a fault."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine, Iterator
from typing import Any

import click

from demo import faults


@contextlib.contextmanager
def without_traceback() -> Iterator[None]:
    """What cannot go on says so without a traceback."""
    try:
        yield
    except faults.DemoError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Ctrl-C and SIGTERM are a friendly end, also of what is not up yet."""

    async def run() -> None:
        task = asyncio.create_task(work)

        def stop() -> None:
            if not task.cancelling():
                task.cancel()

        for end in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(end, stop)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    with without_traceback():
        asyncio.run(run())
