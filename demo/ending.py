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
    """End with the message of a `DemoError`, without a traceback."""
    try:
        yield
    except faults.DemoError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """End without a traceback at Ctrl-C and SIGTERM, even while the parts start."""

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
