"""Tasks with triggers on a workbench, and a scheduler that looks when it is told to."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from errands.core.definition.parsing import parse_task
from errands.engine.engine import Engine
from errands.engine.scheduler import Scheduler
from errands.services.trigger_sync import sync_triggers
from errands.store.connections import Row
from errands.store.database import Database
from tests.engine.workbench import Workbench, workbench

STEPS = "steps:\n  - {id: s, tool: noop}\n"


def task(schedule: str, *, name: str = "t", more: str = "", trigger: str = "") -> str:
    """A task of one step with one schedule."""
    return (
        f"task: {name}\ndescription: a test\n{more}\n{STEPS}triggers:\n"
        f"  - id: plan\n    schedule: {{{schedule}}}\n{trigger}"
    )


@dataclass
class Timetable:
    """A workbench whose published tasks have triggers."""

    bench: Workbench
    database: Database
    scheduler: Scheduler = field(init=False)

    def __post_init__(self) -> None:
        self.scheduler = self.another()

    def another(self, clock: Callable[[], datetime] | None = None, engine: Engine | None = None) -> Scheduler:
        """One more scheduler on the same database."""
        return (engine or self.bench.engine).scheduler(clock=clock or self.bench.clock)

    async def publish(self, source: str, *, owner: str = "user:ana", timezone: str = "UTC") -> UUID:
        """Store and publish a task with its triggers, and let the scheduler see them. Gives the task's id."""
        task_id, _ = await self.bench.apply(source)
        definition = parse_task(source).definition
        assert definition is not None
        async with self.database.engine.begin() as connection:
            await sync_triggers(
                connection,
                self.bench.project_id,
                task_id,
                definition,
                owner=owner,
                default_timezone=timezone,
                now=self.bench.clock(),
            )
        await self.scheduler.tick()
        return task_id

    async def pass_time(self, **span: float) -> None:
        """Let time go by without anybody looking, then look once."""
        self.bench.clock.forward(timedelta(**span))
        await self.scheduler.tick()

    async def minute_by_minute(self, minutes: int) -> None:
        """Look every minute."""
        for _ in range(minutes):
            await self.pass_time(minutes=1)

    async def end_runs(self) -> None:
        """Let every active run end, as a worker would."""
        await self.bench.pool.execute(
            "update runs set status = 'succeeded', finished_at = $1 where finished_at is null", self.bench.clock()
        )
        await self.bench.pool.execute("delete from pgqueuer")

    async def ledger(self) -> Sequence[Row]:
        """Every row, earliest first."""
        rows: Sequence[Row] = await self.bench.pool.fetch("select * from occurrences order by planned_at, cause")
        return rows

    async def outcomes(self) -> list[str]:
        """What became of each planned time: `08:05 started`."""
        return [f"{row['planned_at']:%H:%M} {row['outcome']}" for row in await self.ledger()]

    async def runs(self) -> int:
        """How many runs there are that were not skipped."""
        found: int = await self.bench.pool.fetchval("select count(*) from runs where status <> 'skipped'")
        return found

    async def trigger(self, name: str = "plan") -> Row:
        """A trigger's row."""
        row: Row | None = await self.bench.pool.fetchrow("select * from triggers where name = $1", name)
        assert row is not None
        return row


@asynccontextmanager
async def timetable(database: Database, folder: Path) -> AsyncIterator[Timetable]:
    """A workbench with a scheduler."""
    async with workbench(database, folder) as bench:
        yield Timetable(bench, database)
