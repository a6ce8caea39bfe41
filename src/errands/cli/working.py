"""A worker in the foreground: a line when a run begins and ends, and an end in good order."""

import asyncio
import signal
from datetime import timedelta

from errands.cli.desk import Desk
from errands.cli.exits import ExitCode
from errands.cli.figures import duration
from errands.cli.interrupts import interrupts


async def work(desk: Desk, concurrency: int | None) -> ExitCode:
    """Run a worker until it is told to stop: once gracefully, twice at once."""
    async with desk.open() as room:
        worker = room.opened.make_worker(concurrency=concurrency)
        grace = room.opened.shutdown_grace
        running = asyncio.create_task(worker.run())
        orders: asyncio.Queue[signal.Signals] = asyncio.Queue()
        desk.screen.remark(f"The worker is up; Ctrl-C stops it within {duration(grace)}.")
        with interrupts(orders.put_nowait, signal.SIGINT, signal.SIGTERM):
            if not await _first(running, orders):
                return ExitCode.FAILED
            desk.screen.remark(f"Stopping: running steps have {duration(grace)} to end. Once more stops at once.")
            stopping = asyncio.create_task(worker.stop(grace))
            again = asyncio.create_task(orders.get())
            await asyncio.wait({stopping, again}, return_when=asyncio.FIRST_COMPLETED)
            if not stopping.done():
                desk.screen.remark("Stopping at once; what was running is handed over.")
                await worker.stop(timedelta(0))
            again.cancel()
            await stopping
            await running
    desk.screen.remark("Stopped.")
    return ExitCode.SUCCEEDED


async def _first(running: "asyncio.Task[None]", orders: "asyncio.Queue[signal.Signals]") -> bool:
    """Wait for the order to stop. `False`: the worker ended by itself; its error is raised."""
    order = asyncio.create_task(orders.get())
    await asyncio.wait({running, order}, return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        return True
    order.cancel()
    running.result()
    return False
