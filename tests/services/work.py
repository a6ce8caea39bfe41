"""A worker for a part of a test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from errands.bootstrap import Runtime


@asynccontextmanager
async def at_work(runtime: Runtime) -> AsyncIterator[None]:
    """Runs of this process are taken meanwhile."""
    worker = runtime.engine.worker(concurrency=8)
    running = asyncio.create_task(worker.run())
    await worker.ready.wait()
    try:
        yield
    finally:
        await worker.stop()
        await running
