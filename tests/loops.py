"""An event loop for fixtures that last a whole test session: tests with any loop, or none, can use them."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")


@contextlib.contextmanager
def entered(context: contextlib.AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Yield what a context yields; it is entered and left in the loop of a thread."""
    with _loop_in_thread() as loop:
        value = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result()
        try:
            yield value
        finally:
            asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result()


@contextlib.contextmanager
def _loop_in_thread() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="session")
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
