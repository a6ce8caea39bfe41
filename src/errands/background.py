"""What a process does besides answering: it performs steps, advances runs, starts them when due, and keeps house."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import structlog

if TYPE_CHECKING:
    from errands.agents import Agents
    from errands.core.outcomes import Performed
    from errands.core.ports import Effect, LeafCall, RunIdentity, StepContext
    from errands.engine.scheduler import Scheduler
    from errands.engine.worker import Worker
    from errands.services.housekeeping import Housekeeping
    from errands.tools.toolbox import Toolbox

log = structlog.get_logger()


class Working(Protocol):
    """Works until it is told to stop."""

    async def run(self) -> None: ...

    async def stop(self, grace: timedelta) -> None: ...


@asynccontextmanager
async def at_work(
    worker: Working | None, housekeeping: "Housekeeping", grace: timedelta
) -> "AsyncIterator[asyncio.Task[None]]":
    """Work in the background while this is entered; gives what ends when the work does.

    What is still running at the end gets the grace time, after an error none.
    """
    stop, patience = asyncio.Event(), timedelta(0)
    keeping = asyncio.create_task(housekeeping.run(stop), name="housekeeping")
    running = keeping if worker is None else asyncio.create_task(worker.run(), name="worker")
    try:
        yield running
        patience = grace
    finally:
        if worker is not None:
            await worker.stop(patience)
        stop.set()
        await asyncio.gather(running, keeping)


class WorkerAndScheduler:
    """A worker, and beside it a scheduler: what this process starts and what it advances."""

    def __init__(
        self,
        worker: "Worker",
        scheduler: "Scheduler",
        overtaken: Callable[[], Coroutine[None, None, Exception]] | None = None,
    ) -> None:
        """`overtaken`: gives, once it is so, why this process must not go on with the tables."""
        self._worker = worker
        self._scheduler = scheduler
        self._overtaken = overtaken
        self._reason: Exception | None = None

    async def run(self) -> None:
        """Work until `stop`. If one of the two breaks, so does the other.

        Once overtaken, both stop in good order, and what `overtaken` gave is raised.
        """
        watching = asyncio.create_task(self._let_go_when_overtaken(), name="tables")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._scheduler.run(), name="scheduler")
                group.create_task(self._worker.run(), name="worker")
        finally:
            watching.cancel()
            await asyncio.wait({watching})
        if self._reason is not None:
            raise self._reason

    async def _let_go_when_overtaken(self) -> None:
        if self._overtaken is None:
            return
        self._reason = await self._overtaken()
        log.error("worker.overtaken", reason=str(self._reason))
        await asyncio.gather(self._scheduler.stop(), self._worker.stop(None))

    async def stop(self, grace: timedelta) -> None:
        """Start nothing any more, take no more runs, and let running steps end within `grace`."""
        await self._scheduler.stop()
        await self._worker.stop(grace)


class KeepingHouse:
    """What works, and beside it the housekeeping: a process that serves nobody does its share of it too."""

    def __init__(self, worker: Working, housekeeping: "Housekeeping") -> None:
        self._worker = worker
        self._housekeeping = housekeeping

    async def run(self) -> None:
        """Work until `stop`; the house is kept until the last run has been let go."""
        async with at_work(None, self._housekeeping, timedelta(0)):
            await self._worker.run()

    async def stop(self, grace: timedelta) -> None:
        """Let the work end within `grace`."""
        await self._worker.stop(grace)


class Performing:
    """Does leaf steps: tools by the toolbox, agents by the agents. The engine's `Performer`."""

    def __init__(self, tools: "Toolbox", agents: "Agents") -> None:
        self._tools = tools
        self._agents = agents

    async def effect(self, call: "LeafCall", run: "RunIdentity") -> "Effect":
        """What the call would do to the outside."""
        if call.kind == "tool":
            return await self._tools.effect(call.tool, call.arguments, run.project_id)
        return self._agents.effect(call)

    async def outside(self, call: "LeafCall", run: "RunIdentity") -> bool:
        """Whether what comes of the call is data from outside. An agent's calls tell it for themselves."""
        if call.kind != "tool":
            return False
        spec = (await self._tools.specs(run.project_id, [call.tool])).get(call.tool)
        return spec is not None and spec.returns_outside_data

    async def version(self, call: "LeafCall", run: "RunIdentity") -> str:
        """Version of the tool or agent, part of a cache key."""
        if call.kind == "tool":
            return await self._tools.version(call.tool, run.project_id)
        return self._agents.version(call)

    async def perform(self, call: "LeafCall", context: "StepContext") -> "Performed":
        """Do it. Raises StepFailed."""
        if call.kind == "tool":
            return await self._tools.call(call.tool, call.arguments, context)
        return await self._agents.work(call, context)
