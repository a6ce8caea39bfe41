"""Servers on loopback for the browser's tests, each in a thread with an event loop of its own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

Given = TypeVar("Given")


@contextmanager
def aside(opened: Callable[[], AbstractAsyncContextManager[Given]]) -> Iterator[Given]:
    """What an asynchronous server gives, while it serves. The browser's loop runs in the test's own thread."""
    loop, ready, done = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    served: list[Given] = []

    async def serve() -> None:
        async with opened() as given:
            served.append(given)
            ready.set()
            await done.wait()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(30), "the server on loopback did not start"
    try:
        yield served[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(30)
