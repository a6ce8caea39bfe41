"""An engine on a database of its own, with tools that do nothing, for the bench scripts."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncpg
import structlog

from errands.bootstrap.memory import begin_loading, loaded
from errands.core.definition.parsing import parse_task
from errands.core.expressions.sandbox import Sandbox
from errands.core.outcomes import Performed
from errands.core.ports import Effect, LeafCall, Performer, RunIdentity, StepContext
from errands.core.values import Json, JsonObject
from errands.engine.engine import Engine, Parts
from errands.engine.launching import Order
from errands.engine.limits import EngineLimits
from errands.engine.queueing import enqueue
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database
from errands.store.identifiers import new_id
from errands.store.migrations import upgrade

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))


class Idle:
    """A performer whose every call does nothing."""

    def __init__(self, output: Json = None) -> None:
        self.output: Json = {"i": 1, "v": "x" * 50} if output is None else output

    async def effect(self, call: LeafCall, run: RunIdentity) -> Effect:
        return Effect.READS

    async def outside(self, call: LeafCall, run: RunIdentity) -> bool:
        return False

    async def version(self, call: LeafCall, run: RunIdentity) -> str:
        return "1"

    async def perform(self, call: LeafCall, context: StepContext) -> Performed:
        return Performed(self.output)


class NoSecrets:
    async def reveal(self, project_id: str | None, names: Sequence[str], task: str | None = None) -> Mapping[str, str]:
        return {}


@dataclass
class Project:
    """A project with tasks, on an engine."""

    database: Database
    engine: Engine
    id: UUID = field(default_factory=new_id)
    tasks: dict[str, tuple[UUID, UUID]] = field(default_factory=dict)

    async def apply(self, source: str) -> str:
        """Store a task and publish it. Gives its name."""
        definition = parse_task(source).definition
        assert definition is not None
        task_id, version_id = new_id(), new_id()
        pool = self.database.pool
        await pool.execute(
            "insert into projects (id, name) values ($1, $2) on conflict do nothing", self.id, self.id.hex
        )
        await pool.execute(
            "insert into tasks (id, project_id, name, description, published_version_id) values ($1, $2, $3, '', $4)",
            task_id,
            self.id,
            definition.task,
            version_id,
        )
        await pool.execute(
            "insert into task_versions (id, task_id, number, digest, source, definition, author) "
            "values ($1, $2, 1, '', $3, $4, 'bench')",
            version_id,
            task_id,
            source,
            definition.model_dump_json(by_alias=True),
        )
        self.tasks[definition.task] = (task_id, version_id)
        return definition.task

    def order(self, task: str, arguments: JsonObject | None = None) -> Order:
        task_id, version_id = self.tasks[task]
        return Order(self.id, task_id, version_id, arguments or {})

    async def insert_runs(self, task: str, count: int) -> list[UUID]:
        """Queue many runs at once, as a backlog would lie there."""
        task_id, version_id = self.tasks[task]
        ids = [new_id() for _ in range(count)]
        async with self.database.pool.acquire() as connection, connection.transaction():
            await connection.copy_records_to_table(
                "runs",
                records=[(i, self.id, task_id, version_id, "queued", "{}", "{}") for i in ids],
                columns=["id", "project_id", "task_id", "version_id", "status", "trigger", "arguments"],
            )
            await enqueue(connection, [(i, 0) for i in ids])
        return ids


@asynccontextmanager
async def engine_on(folder: Path, output: Json = None, pool_size: int = 18) -> AsyncIterator[tuple[Database, Engine]]:
    """A fresh embedded database in a folder, and an engine on it."""
    database = await Database.open(None, folder, pool_size=pool_size)
    try:
        await upgrade(database)
        async with engine_of(database, folder, Idle(output)) as engine:
            yield database, engine
    finally:
        await database.close()


@asynccontextmanager
async def engine_of(
    database: Database, folder: Path, performer: Performer, artifacts: ArtifactStore | None = None
) -> AsyncIterator[Engine]:
    """An engine on a database that is open already, in a process that is put together as the command does it."""
    begin_loading()
    loaded()
    sandbox = Sandbox()
    parts = Parts(
        database.pool,
        performer,
        sandbox,
        NoSecrets(),
        artifacts or ArtifactStore(str(folder / "artifacts")),
        lambda _: None,
        EngineLimits(),
        folder / "workspaces",
    )
    try:
        yield Engine(parts)
    finally:
        await sandbox.aclose()


@asynccontextmanager
async def fresh_folder() -> AsyncIterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="errands-bench-") as name:
        yield Path(name)
        await asyncio.sleep(0)


async def settle(pool: asyncpg.Pool) -> None:
    """Let the database finish its own work before a measurement, and the disk what was written to it."""
    await pool.execute("checkpoint")
    await asyncio.to_thread(os.sync)
