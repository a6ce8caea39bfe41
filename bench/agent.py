"""What an agent step costs beside a bare pydantic-ai run of the same scripted turns, and how many go side by side.

usage: agent.py [RUNS]

Eight turns that call a tool each, and one that answers. The overhead of the step is its run's time less that of a run
with one step that does nothing, less the bare agent's; for each record (a model request or a tool call) it may be
10 ms beyond one bare commit, and at 50 ms an answer 5 % of the bare agent's time. It can be below 0: a step takes its
turns in a loop of its own, which costs less than that of pydantic-ai's agent, and its commits fit into the difference.

And 50 runs at once at 200 ms an answer: their throughput, from queueing them to the end of the last, against the
ideal, which is that none waits for another. They are queued in one transaction, as a backlog lies there: launching
them one by one is the work of whoever starts them, and used to take the worker's processor and its connections. As
many runs that do nothing go before, so that the connections are open. The scripted model and the database are on the
same machine and stay in the figure. This comes first, in a process that has loaded nothing for the bare agent.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness import Project, engine_of, fresh_folder
from measuring import Figure, bare_commits, report

from errands.agents import Agents, Models
from errands.background import Performing
from errands.core.definition.agents import AgentDefinition, ModelDefinition
from errands.core.ports import RunIdentity
from errands.engine.engine import Engine
from errands.engine.live import LiveEvent
from errands.store.database import Database
from errands.store.migrations import upgrade
from errands.tools.builtin import builtin_catalog
from errands.tools.hosts import HostPolicy
from errands.tools.limits import ToolLimits
from errands.tools.toolbox import Toolbox

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models.function import AgentInfo, FunctionModel

CALLS = 8
RECORDS = 2 * CALLS + 1
AT_ONCE = 50
SOURCES = (
    "task: idle\ndescription: one step that says something\ngrants: {tools: [log]}\n"
    "steps: [{id: said, tool: log, with: {message: hello}}]\n",
    *(
        f"task: {name}\ndescription: an agent of nine turns\ngrants: {{tools: [log]}}\n"
        f"steps: [{{id: said, prompt: Work., model: {name}, tools: [log]}}]\n"
        for name in ("at-once", "after-50-ms", "after-200-ms")
    ),
)


@dataclass(frozen=True)
class Paced:
    """A model that calls `log` eight times, then answers, each after so many seconds."""

    seconds: float

    def open(self) -> "FunctionModel":
        from pydantic_ai.models.function import FunctionModel

        return FunctionModel(self._answer, model_name="paced")

    async def _answer(self, messages: "list[ModelMessage]", info: "AgentInfo") -> "ModelResponse":
        from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
        from pydantic_ai.usage import RequestUsage

        await asyncio.sleep(self.seconds)
        turn = sum(isinstance(message, ModelResponse) for message in messages)
        # As providers do; pydantic-ai would otherwise count the words of the whole conversation at each turn.
        usage = RequestUsage(input_tokens=40 + 20 * turn, output_tokens=10)
        if turn >= CALLS:
            return ModelResponse(parts=[TextPart("Done.")], usage=usage)
        return ModelResponse(parts=[ToolCallPart("log", {"message": f"turn {turn}"}, f"call_{turn}")], usage=usage)


MODELS: Mapping[str, Paced] = {"at-once": Paced(0), "after-50-ms": Paced(0.05), "after-200-ms": Paced(0.2)}


class Nobody:
    """A directory of a project that declares nothing."""

    async def agent(self, run: RunIdentity, name: str) -> AgentDefinition | None:
        return None

    async def model(self, project_id: str, name: str) -> ModelDefinition | None:
        return None


async def bare(model: Paced, times: int) -> list[float]:
    """Milliseconds of the same conversation with pydantic-ai alone."""
    from pydantic_ai import Agent

    agent = Agent(model.open())

    @agent.tool_plain
    def log(message: str) -> str:
        return message

    taken = []
    for _ in range(times + 1):
        began = time.perf_counter()
        await agent.run("Work.")
        taken.append((time.perf_counter() - began) * 1000)
    return taken[1:]


async def runs(engine: Engine, project: Project, task: str, times: int) -> list[float]:
    """Milliseconds from asking for each run to its recorded end, one after another."""
    ended: dict[object, asyncio.Event] = {}

    def heard(event: LiveEvent) -> None:
        if event.kind == "released":
            ended.setdefault(event.run_id, asyncio.Event()).set()

    async def one() -> float:
        began = time.perf_counter()
        launched = await engine.launch(project.order(task))
        await ended.setdefault(launched.run_id, asyncio.Event()).wait()
        return (time.perf_counter() - began) * 1000

    engine.bus.listen(heard)
    async with working(engine, 8):
        return [await one() for _ in range(times)]


async def together(engine: Engine, project: Project, task: str, count: int) -> float:
    """Seconds from queueing so many runs of a task at once to the end of the last."""
    left, all_ended = count, asyncio.Event()

    def heard(event: LiveEvent) -> None:
        nonlocal left
        left -= event.kind == "released"
        if left == 0:
            all_ended.set()

    engine.bus.listen(heard)
    began = time.perf_counter()
    await project.insert_runs(task, count)
    await all_ended.wait()
    return time.perf_counter() - began


@asynccontextmanager
async def working(engine: Engine, concurrency: int) -> AsyncIterator[None]:
    """A worker that takes runs."""
    worker = engine.worker(concurrency=concurrency)
    task = asyncio.create_task(worker.run())
    await worker.ready.wait()
    try:
        yield
    finally:
        await worker.stop()
        await task


async def main(times: int) -> list[Figure]:
    async with fresh_folder() as folder:
        database = await Database.open(None, folder / "home", pool_size=18)
        toolbox = Toolbox(builtin_catalog(HostPolicy(), ToolLimits()))
        agents = Agents(Nobody(), toolbox, Models(extra=MODELS))
        try:
            await upgrade(database)
            async with engine_of(database, Path(folder), Performing(toolbox, agents)) as engine:
                project = Project(database, engine)
                for source in SOURCES:
                    await project.apply(source)
                await runs(engine, project, "at-once", 3)
                return await measured(database, engine, project, times)
        finally:
            await agents.aclose()
            await toolbox.aclose()
            await database.close()


async def measured(database: Database, engine: Engine, project: Project, times: int) -> list[Figure]:
    async with working(engine, AT_ONCE):
        await together(engine, project, "idle", AT_ONCE)
        seconds = await together(engine, project, "after-200-ms", AT_ONCE)
    ideal = (CALLS + 1) * MODELS["after-200-ms"].seconds
    rate, best = AT_ONCE / seconds, AT_ONCE / ideal
    commit = 1000 / await bare_commits(database.url, 1, 400)
    idle = statistics.median(await runs(engine, project, "idle", times))
    found: dict[str, tuple[float, float]] = {}
    for name in ("at-once", "after-50-ms"):
        alone = statistics.median(await bare(MODELS[name], times))
        step = statistics.median(await runs(engine, project, name, times)) - idle
        found[name] = (step - alone, alone)
        print(f"{name}: bare {alone:.1f} ms, step {step:.1f} ms; a bare commit {commit:.2f} ms")
    each = found["at-once"][0] / RECORDS - commit
    extra, alone = found["after-50-ms"]
    return [
        Figure("agent step, overhead for each record beyond a commit", each, "ms", 10, better="lower"),
        Figure("agent step at 50 ms an answer, overhead", extra, "ms", 0.05, alone, better="lower"),
        Figure("50 agents at once at 200 ms an answer", rate, "runs/s", 0.9, best),
    ]


if __name__ == "__main__":
    report(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)))
