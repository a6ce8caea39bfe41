"""A whole engine on a real database, with tools and models that tests script."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from errands.core.definition.parsing import parse_task
from errands.core.definition.task import TaskDefinition
from errands.core.expressions.sandbox import Sandbox
from errands.core.outcomes import ErrorKind, Performed, RunStatus, StepFailed
from errands.core.ports import AgentCall, Effect, LeafCall, StepContext, ToolCall
from errands.core.values import Json, JsonObject, from_text, to_text
from errands.engine.engine import Engine, Parts
from errands.engine.history import load_journal
from errands.engine.launching import Launched, Order
from errands.engine.limits import EngineLimits
from errands.engine.records import Record
from errands.engine.worker import Worker
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database
from errands.store.identifiers import new_id

Tool = Callable[[JsonObject, StepContext], Awaitable[Json]]


class ScriptedTools:
    """A performer whose tools are functions of the test. Tools named `change.*` change the outside."""

    def __init__(self) -> None:
        self.tools: dict[str, Tool] = {"noop": _noop, "echo": _echo, "fail": _fail}
        self.calls: list[tuple[str, str, str]] = []
        """Tool, path and effect key of every call that was really made."""

    def effect(self, call: LeafCall) -> Effect:
        if isinstance(call, AgentCall):
            return Effect.READS
        if call.tool.startswith("change."):
            return Effect.CHANGES
        return Effect.NONE if call.tool == "log" else Effect.READS

    def version(self, call: LeafCall) -> str:
        return "1"

    async def perform(self, call: LeafCall, context: StepContext) -> Performed:
        name = call.tool if isinstance(call, ToolCall) else "agent"
        self.calls.append((name, context.path, context.effect_key))
        arguments: JsonObject = call.arguments if isinstance(call, ToolCall) else {"prompt": call.prompt}
        return Performed(await self.tools[name](arguments, context))


async def _noop(arguments: JsonObject, context: StepContext) -> Json:
    return {"i": 1, "v": "x" * 50}


async def _echo(arguments: JsonObject, context: StepContext) -> Json:
    return dict(arguments)


async def _fail(arguments: JsonObject, context: StepContext) -> Json:
    raise StepFailed(ErrorKind(str(arguments.get("kind", "tool"))), str(arguments.get("message", "it broke")))


@dataclass
class ScriptedVault:
    values: dict[str, str] = field(default_factory=dict)

    async def reveal(self, project_id: str, names: Sequence[str]) -> Mapping[str, str]:
        return {name: self.values[name] for name in names if name in self.values}


@dataclass
class Ended:
    """A run's row and journal after it came to rest."""

    id: UUID
    status: RunStatus
    output: Json
    error: JsonObject | None
    records: dict[str, Record]


class Workbench:
    """Applies tasks, starts runs, waits for them to rest."""

    def __init__(self, database: Database, engine: Engine, tools: ScriptedTools, vault: ScriptedVault) -> None:
        self.database = database
        self.engine = engine
        self.tools = tools
        self.vault = vault
        self.project_id = new_id()
        self._tasks: dict[str, UUID] = {}

    async def apply(self, source: str) -> tuple[UUID, UUID]:
        """Store a task file as a published version. Gives task and version id."""
        parsed = parse_task(source)
        assert parsed.definition is not None, parsed.problems
        return await self.apply_definition(parsed.definition, source)

    async def apply_definition(self, definition: TaskDefinition, source: str = "") -> tuple[UUID, UUID]:
        pool = self.database.pool
        await pool.execute(
            "insert into projects (id, name) values ($1, $2) on conflict do nothing",
            self.project_id,
            f"p{self.project_id.hex}",
        )
        task_id = self._tasks.get(definition.task)
        if task_id is None:
            task_id = self._tasks[definition.task] = new_id()
            await pool.execute(
                "insert into tasks (id, project_id, name, description) values ($1, $2, $3, $4)",
                task_id,
                self.project_id,
                definition.task,
                definition.description,
            )
        version_id = new_id()
        await pool.execute(
            "insert into task_versions (id, task_id, number, digest, source, definition, author) values ($1, $2, "
            "(select count(*) + 1 from task_versions where task_id = $2), $3, $4, $5, 'test')",
            version_id,
            task_id,
            version_id.hex,
            source,
            definition.model_dump_json(by_alias=True),
        )
        await pool.execute("update tasks set published_version_id = $2 where id = $1", task_id, version_id)
        return task_id, version_id

    async def start(self, source: str, arguments: JsonObject | None = None, **order: object) -> Launched:
        """Apply a task and start a run of it."""
        task_id, version_id = await self.apply(source)
        return await self.launch(task_id, version_id, arguments, **order)

    async def launch(
        self, task_id: UUID, version_id: UUID, arguments: JsonObject | None = None, **order: object
    ) -> Launched:
        return await self.engine.launch(Order(self.project_id, task_id, version_id, arguments or {}, **order))  # type: ignore[arg-type]

    async def rest(self, run_id: UUID, *, seconds: float = 20) -> Ended:
        """Wait until a run has ended or waits."""
        async with asyncio.timeout(seconds):
            while True:
                ended = await self.look(run_id)
                if ended.status.final or ended.status is RunStatus.WAITING:
                    return ended
                await asyncio.to_thread(lambda: None)

    async def ended(self, run_id: UUID, *, seconds: float = 20) -> Ended:
        """Wait until a run has ended."""
        async with asyncio.timeout(seconds):
            while True:
                ended = await self.look(run_id)
                if ended.status.final:
                    return ended
                await asyncio.to_thread(lambda: None)

    async def look(self, run_id: UUID) -> Ended:
        row = await self.database.pool.fetchrow("select * from runs where id = $1", run_id)
        assert row is not None
        records = await load_journal(self.database.pool, run_id)
        return Ended(
            run_id,
            RunStatus(row["status"]),
            None if row["output"] is None else from_text(row["output"]),
            None if row["error"] is None else dict(from_text(row["error"])),  # type: ignore[arg-type, call-overload]
            records,
        )

    async def run(self, source: str, arguments: JsonObject | None = None) -> Ended:
        """Apply, start, and wait for the end."""
        launched = await self.start(source, arguments)
        return await self.ended(launched.run_id)

    @asynccontextmanager
    async def working(self, *, concurrency: int = 16) -> AsyncIterator[Worker]:
        """A worker that works while the block runs."""
        worker = self.engine.worker(concurrency=concurrency)
        task = asyncio.create_task(worker.run())
        await worker.ready.wait()
        try:
            yield worker
        finally:
            await worker.stop(timedelta(seconds=5))
            await task


def plain(records: Mapping[str, Record]) -> dict[str, str]:
    """Outcomes by path, for comparing."""
    return {
        path: f"{record.status} {to_text(record.output) if not hasattr(record.output, 'ref') else record.output}"
        for path, record in records.items()
        if record.kind == "outcome"
    }


@asynccontextmanager
async def workbench(database: Database, folder: Path, limits: EngineLimits | None = None) -> AsyncIterator[Workbench]:
    """An engine whose tools are scripted."""
    sandbox = Sandbox()
    tools, vault = ScriptedTools(), ScriptedVault()
    parts = Parts(
        database.pool,
        tools,
        sandbox,
        vault,
        ArtifactStore(str(folder / "artifacts")),
        lambda _: None,
        limits or EngineLimits(),
        folder / "workspaces",
    )
    try:
        yield Workbench(database, Engine(parts), tools, vault)
    finally:
        await sandbox.aclose()
