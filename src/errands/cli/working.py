"""A worker in the foreground: a line when a run begins and ends, and an end in good order."""

import asyncio
import signal
from datetime import timedelta
from uuid import UUID

from errands.cli.desk import Desk
from errands.cli.displays import local_now
from errands.cli.exits import ExitCode
from errands.cli.figures import duration
from errands.cli.interrupts import interrupts
from errands.cli.neutral import one_line
from errands.cli.palette import look_of
from errands.cli.screen import Screen
from errands.cli.wiring import Happening
from errands.core import ids
from errands.core.outcomes import RunStatus, StepStatus

_ENDS: dict[str, RunStatus] = {status.value: status for status in RunStatus}
"""How a run was let go, as far as that is a state of its own."""


async def work(desk: Desk, concurrency: int | None) -> ExitCode:
    """Run a worker until it is told to stop: once gracefully, twice at once."""
    async with desk.wiring.open() as opened:
        worker = opened.make_worker(concurrency=concurrency)
        opened.engine.bus.listen(_Teller(desk.screen).tell)
        grace = opened.shutdown_grace
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


class _Teller:
    """Says when a run is taken and when it is let go."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._tasks: dict[UUID, str] = {}

    def tell(self, happening: Happening) -> None:
        run = ids.encode("run", happening.run_id)
        match happening.kind:
            case "taken":
                self._tasks[happening.run_id] = happening.text
                self._line(run, happening.text, StepStatus.RUNNING, "taken")
            case "released":
                task = self._tasks.pop(happening.run_id, "")
                self._line(run, task, _ENDS.get(happening.text), happening.text.replace("_", " "))
            case _:
                pass

    def _line(self, run: str, task: str, status: RunStatus | StepStatus | None, word: str) -> None:
        sign = look_of(status).sign(unicode=self._screen.unicode) if status else " "
        self._screen.record({"at": local_now(), "run": run, "task": task, "what": word})
        style = f"status.{status.value}" if status else ""
        self._screen.say(f"{local_now():%H:%M:%S} {sign} {run}  {one_line(task, 80)}  {word}", style)


async def _first(running: "asyncio.Task[None]", orders: "asyncio.Queue[signal.Signals]") -> bool:
    """Wait for the order to stop. `False`: the worker ended by itself; its error is raised."""
    order = asyncio.create_task(orders.get())
    await asyncio.wait({running, order}, return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        return True
    order.cancel()
    running.result()
    return False
