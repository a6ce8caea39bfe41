"""A whole engine on a real database, with tools and models that tests script."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg

from errands.core.definition.parsing import parse_task
from errands.core.definition.task import TaskDefinition
from errands.core.expressions.sandbox import Sandbox
from errands.core.outcomes import ErrorKind, Performed, RunStatus, StepFailed
from errands.core.ports import AgentCall, Effect, LeafCall, RunIdentity, StepContext, ToolCall
from errands.core.values import Json, JsonObject, from_text, to_text
from errands.engine.engine import Engine, Parts
from errands.engine.history import load_journal
from errands.engine.holding import Hands
from errands.engine.journal import Journal
from errands.engine.keeper import Keeper
from errands.engine.launching import Launched, Order
from errands.engine.limits import EngineLimits
from errands.engine.live import LiveEvent
from errands.engine.patience import DATABASE_AWAY, patiently
from errands.engine.records import Record, Stored
from errands.engine.worker import Worker
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database
from errands.store.identifiers import new_id

Tool = Callable[[JsonObject, StepContext], Awaitable[Json | Performed]]

HEAD = "task: t\ndescription: a test\n"
_LOOK_AGAIN_SECONDS = 0.5
"""Another engine on the same database tells this process nothing: then the row is looked at again."""


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, by: timedelta) -> None:
        self.now += by


class Gate:
    """A tool that says when it was called, and answers when it is let."""

    def __init__(self) -> None:
        self.calls = 0
        self.stopped = 0
        """How many calls were cancelled."""
        self._entered = asyncio.Semaphore(0)
        self._open = asyncio.Event()

    async def entered(self, times: int = 1) -> None:
        """Wait until it was called so many times more."""
        async with asyncio.timeout(10):
            for _ in range(times):
                await self._entered.acquire()

    def open(self) -> None:
        """Let all calls go, now and from now on."""
        self._open.set()

    async def __call__(self, arguments: JsonObject, context: StepContext) -> Json:
        self.calls += 1
        self._entered.release()
        try:
            await self._open.wait()
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        return dict(arguments)


class ScriptedTools:
    """A performer whose tools are functions of the test.

    Tools named `change.*` change the outside, what `outside.*` give comes from there.
    """

    def __init__(self) -> None:
        self.tools: dict[str, Tool] = {"noop": _noop, "echo": _echo, "fail": _fail, "give": _give, "change.it": _echo}
        self.tools["notify.send"] = _echo
        self.tools["outside.give"] = _give_outside
        self.calls: list[tuple[str, str, str]] = []
        """Tool, path and effect key of every call that was really made."""

    def paths(self, tool: str) -> list[str]:
        """The addresses at which a tool was really called, in order."""
        return [path for name, path, _ in self.calls if name == tool]

    async def effect(self, call: LeafCall, run: RunIdentity) -> Effect:
        if isinstance(call, AgentCall):
            return Effect.READS
        if call.tool.startswith("change."):
            return Effect.CHANGES
        return Effect.NONE if call.tool == "log" else Effect.READS

    async def outside(self, call: LeafCall, run: RunIdentity) -> bool:
        return isinstance(call, ToolCall) and call.tool.startswith("outside.")

    async def version(self, call: LeafCall, run: RunIdentity) -> str:
        return "1"

    async def perform(self, call: LeafCall, context: StepContext) -> Performed:
        name = call.tool if isinstance(call, ToolCall) else "agent"
        self.calls.append((name, context.path, context.effect_key))
        arguments: JsonObject = call.arguments if isinstance(call, ToolCall) else {"prompt": call.prompt}
        given = await self.tools[name](arguments, context)
        return given if isinstance(given, Performed) else Performed(given)


async def _noop(arguments: JsonObject, context: StepContext) -> Json:
    return {"i": 1, "v": "x" * 50}


async def _echo(arguments: JsonObject, context: StepContext) -> Json:
    return dict(arguments)


async def _give(arguments: JsonObject, context: StepContext) -> Json:
    return arguments["value"]


async def _give_outside(arguments: JsonObject, context: StepContext) -> Performed:
    return Performed(arguments["value"], untrusted=True)


async def _fail(arguments: JsonObject, context: StepContext) -> Json:
    raise StepFailed(ErrorKind(str(arguments.get("kind", "tool"))), str(arguments.get("message", "it broke")))


@dataclass
class ScriptedVault:
    values: dict[str, str] = field(default_factory=dict)

    async def reveal(self, project_id: str | None, names: Sequence[str], task: str | None = None) -> Mapping[str, str]:
        return {name: self.values[name] for name in names if name in self.values}


@dataclass
class Ended:
    """A run's row and journal after it came to rest."""

    id: UUID
    status: RunStatus
    output: Json
    output_ref: str | None
    error: JsonObject | None
    records: dict[str, Record]
    epoch: int

    @property
    def said(self) -> str:
        """The error's message."""
        return str((self.error or {}).get("message"))

    @property
    def kind(self) -> str:
        """The error's kind."""
        return str((self.error or {}).get("kind"))


class Workbench:
    """Applies tasks, starts runs, waits for them to rest."""

    def __init__(self, parts: Parts, tools: ScriptedTools, vault: ScriptedVault, clock: Clock) -> None:
        self.parts = parts
        self.pool = parts.pool
        self.tools = tools
        self.vault = vault
        self.clock = clock
        self.engine = self.another_engine()
        self.keeper = Keeper(parts.pool, new_id(), parts.limits, clock, parts.artifacts, parts.workspaces)
        self.project_id = new_id()
        self._tasks: dict[str, UUID] = {}
        self._let_go = asyncio.Condition()
        self._watched: set[asyncio.Task[None]] = set()
        self.engine.bus.listen(self._heard)

    def another_engine(self, *, limits: EngineLimits | None = None) -> Engine:
        """One more engine on the same database, as another process would have."""
        return Engine(replace(self.parts, limits=limits or self.parts.limits))

    def _heard(self, event: LiveEvent) -> None:
        if event.kind == "released":
            noted = asyncio.ensure_future(self._note())
            self._watched.add(noted)
            noted.add_done_callback(self._watched.discard)

    async def _note(self) -> None:
        async with self._let_go:
            self._let_go.notify_all()

    async def forward(self, by: timedelta) -> None:
        """Move the clock, and let every timer fire that is due by then."""
        self.clock.forward(by)
        await patiently(self.keeper.fire_timers)

    def task_id(self, name: str = "t") -> UUID:
        return self._tasks[name]

    async def version(self, name: str = "t") -> UUID:
        """The published version of a task."""
        found: UUID = await self.pool.fetchval(
            "select published_version_id from tasks where id = $1", self._tasks[name]
        )
        return found

    async def blocked(self, connections: int) -> None:
        """Wait until so many connections wait for a lock."""
        query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        async with asyncio.timeout(10):
            while await self.pool.fetchval(query) < connections:
                await asyncio.to_thread(lambda: None)

    async def state(self, name: str = "t") -> Json:
        """What a task has kept."""
        return from_text(await self.pool.fetchval("select state from tasks where id = $1", self._tasks[name]))

    async def apply(self, source: str) -> tuple[UUID, UUID]:
        """Store a task file as a published version. Gives task and version id."""
        parsed = parse_task(source)
        assert parsed.definition is not None, parsed.problems
        return await self.apply_definition(parsed.definition, source)

    async def apply_definition(self, definition: TaskDefinition, source: str = "") -> tuple[UUID, UUID]:
        pool = self.pool
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
        return await self._until(run_id, lambda status: status.final or status is RunStatus.WAITING, seconds)

    async def ended(self, run_id: UUID, *, seconds: float = 20) -> Ended:
        """Wait until a run has ended."""
        return await self._until(run_id, lambda status: status.final, seconds)

    async def _until(self, run_id: UUID, there: Callable[[RunStatus], bool], seconds: float) -> Ended:
        async with asyncio.timeout(seconds), self._let_go:
            while True:
                found = await patiently(self.look, run_id)
                if there(found.status):
                    return found
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                        await self._let_go.wait()

    async def all_wait(self, runs: int, *, seconds: float = 20) -> None:
        """Wait until so many runs wait."""
        async with asyncio.timeout(seconds), self._let_go:
            while await self.pool.fetchval("select count(*) from runs where status = 'waiting'") < runs:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                        await self._let_go.wait()

    async def cut_connections(self) -> None:
        """End every connection to this database, as a restart of the server would."""
        with suppress(asyncpg.PostgresError, *DATABASE_AWAY):
            await self.pool.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )

    async def other_project(self) -> UUID:
        """One more project."""
        project_id = new_id()
        await self.pool.execute("insert into projects (id, name) values ($1, $2)", project_id, f"p{project_id.hex}")
        return project_id

    async def open_approval(self, run_id: UUID) -> UUID:
        """The one open question of a run."""
        found: UUID = await self.pool.fetchval("select id from approvals where run_id = $1 and status = 'open'", run_id)
        return found

    async def answer(
        self, run_id: UUID, choice: str, form: JsonObject | None = None, *, person: str = "user:ana"
    ) -> None:
        """Answer the open question of a run."""
        approval = await self.open_approval(run_id)
        await self.engine.answer(approval, person=person, choice=choice, form=form or {}, note=None)

    async def send(self, name: str, payload: Json = None, *, key: str | None = None) -> int:
        """Send an event to the project."""
        return await self.engine.send_event(self.project_id, name=name, key=key, payload=payload, sender="user:ana")

    async def look(self, run_id: UUID) -> Ended:
        row = await self.pool.fetchrow("select * from runs where id = $1", run_id)
        assert row is not None
        records = await load_journal(self.pool, run_id)
        return Ended(
            run_id,
            RunStatus(row["status"]),
            None if row["output"] is None else from_text(row["output"]),
            row["output_ref"],
            None if row["error"] is None else _object(row["error"]),
            records,
            row["epoch"],
        )

    async def run(self, source: str, arguments: JsonObject | None = None, **order: object) -> Ended:
        """Apply, start, and wait for the end."""
        launched = await self.start(source, arguments, **order)
        return await self.ended(launched.run_id)

    async def steps(self, steps: str, arguments: JsonObject | None = None, *, more: str = "") -> Ended:
        """Run a task of these steps to its end, with a worker of its own."""
        async with self.working():
            return await self.run(f"{HEAD}{more}\nsteps:\n{steps}", arguments)

    def hands(self, engine: Engine | None = None, journal: Journal | None = None) -> Hands:
        """What a worker holds, without the worker: for tests that advance runs themselves."""
        hands = (engine or self.engine).worker(concurrency=2)._hands
        if journal is not None:
            hands.shared.journal = journal
        return hands

    @asynccontextmanager
    async def working(self, *, concurrency: int = 16, engine: Engine | None = None) -> AsyncIterator[Worker]:
        """A worker that works while the block runs."""
        worker = (engine or self.engine).worker(concurrency=concurrency)
        task = asyncio.create_task(worker.run())
        await worker.ready.wait()
        try:
            yield worker
        finally:
            await worker.stop(timedelta(seconds=5))
            await task


def _object(text: str) -> JsonObject:
    value = from_text(text)
    assert isinstance(value, Mapping)
    return value


def plain(records: Mapping[str, Record]) -> dict[str, str]:
    """Outcomes by path, for comparing: a large output by its size alone, for its place is new each time."""
    return {
        path: f"{record.status} {record.output.size if isinstance(record.output, Stored) else to_text(record.output)}"
        for path, record in records.items()
        if record.kind == "outcome"
    }


@asynccontextmanager
async def workbench(
    database: Database, folder: Path, limits: EngineLimits | None = None, *, tools: ScriptedTools | None = None
) -> AsyncIterator[Workbench]:
    """An engine whose tools are scripted."""
    sandbox = Sandbox()
    tools, vault, clock = tools or ScriptedTools(), ScriptedVault(), Clock()
    parts = Parts(
        database.pool,
        tools,
        sandbox,
        vault,
        ArtifactStore(str(folder / "artifacts")),
        lambda _: None,
        limits or EngineLimits(),
        folder / "workspaces",
        clock,
    )
    try:
        yield Workbench(parts, tools, vault, clock)
    finally:
        await sandbox.aclose()
