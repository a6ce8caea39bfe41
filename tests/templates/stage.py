"""A whole process for a template's journey: real database, tools, engine and services, a clock that the test moves."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING

import asyncpg

from errands.agents import Script
from errands.agents.scripted import Turn
from errands.bootstrap import Runtime
from errands.core.access import Person, ProjectRole
from errands.core.values import Json, JsonObject
from errands.engine.keeper import Keeper
from errands.services import Services
from errands.services.principals import operator, person_of
from errands.services.template_views import Adopted
from errands.services.views import RunView
from errands.store import callers
from errands.store.database import Database
from errands.store.identifiers import new_id
from tests.journeys.errands_command import EXECUTABLE
from tests.services.work import at_work
from tests.tools.mail_server import MailServer

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models.function import AgentInfo

ROOT = operator("root")
PROJECT = "demo"
_SECONDS = 30
_LOOK_AGAIN_SECONDS = 0.2


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Outside:
    """A database that a task works on."""

    url: str
    connection: "asyncpg.Connection[asyncpg.Record]"

    async def run(self, *statements: str) -> None:
        for statement in statements:
            await self.connection.execute(statement)

    async def rows(self, query: str) -> list[tuple[Json, ...]]:
        """What a query gives, without the names."""
        return [tuple(row.values()) for row in await self.connection.fetch(query)]

    async def value(self, query: str) -> Json:
        found: Json = await self.connection.fetchval(query)
        return found

    async def blocked(self) -> None:
        """Wait until somebody waits for a lock that is held for the test: one of a table, or an advisory one.

        Two that write to one table wait for each other now and then, for a page of it (`extend`).
        """
        query = (
            "select count(*) from pg_locks where not granted and locktype in ('advisory', 'relation') "
            "and database = (select oid from pg_database where datname = current_database())"
        )
        async with asyncio.timeout(_SECONDS):
            while not await self.value(query):  # noqa: ASYNC110
                await asyncio.sleep(0)


@dataclass
class Stage:
    """A project to adopt templates into, and a worker that runs them."""

    runtime: Runtime
    database: Database
    clock: Clock
    model: Script
    """Answers in place of every model; set its `turns`."""
    keeper: Keeper
    told: asyncio.Event
    """Set whenever a worker has let a run go."""

    @property
    def services(self) -> Services:
        return self.runtime.services

    async def person(self, name: str, role: ProjectRole, group: str | None = None) -> Person:
        """A new account with a role in the project, as a caller."""
        services = self.services
        await services.people.create(ROOT, name, email=f"{name}@example.com")
        await services.members.put(ROOT, PROJECT, f"user:{name}", role)
        if group is not None:
            if group not in [one.name for one in await services.groups.list(ROOT)]:
                await services.groups.create(ROOT, group)
            await services.groups.add(ROOT, group, name)
        row = await callers.by_name(self.database.pool, name)
        assert row is not None
        return person_of(row)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """A worker that works while the block runs."""
        async with at_work(self.runtime):
            yield

    async def secret(self, name: str, value: str) -> None:
        await self.services.secrets.set(ROOT, PROJECT, name, value)

    async def adopt(self, template: str, **answers: Json) -> Adopted:
        """The template, published with these answers."""
        return await self.services.templates.adopt(ROOT, PROJECT, template, answers, publish=True)

    async def start(self, task: str, arguments: JsonObject | None = None) -> str:
        """Id of a run that has been started."""
        return (await self.services.runs.start(ROOT, PROJECT, task, arguments or {})).id

    async def run(self, task: str, arguments: JsonObject | None = None) -> RunView:
        """A run, once it has ended or waits."""
        return await self.rests(await self.start(task, arguments))

    async def rests(self, run: str) -> RunView:
        """The run, once it has ended or waits."""
        async with asyncio.timeout(_SECONDS):
            while True:
                self.told.clear()
                view = await self.services.runs.get(ROOT, run)
                if view.status.final or view.status.value == "waiting":
                    return view
                await self._hears()

    async def ends(self, run: str) -> RunView:
        """The run, once it has ended."""
        async with asyncio.timeout(_SECONDS):
            while not (view := await self.rests(run)).status.final:
                self.told.clear()
                await self._hears()
            return view

    async def forward(self, by: timedelta) -> None:
        """Move the clock, and let every timer fire that is due by then."""
        self.clock.now += by
        await self.keeper.fire_timers()

    def real_now(self) -> datetime:
        """What the database's clock shows, by which the audit log goes."""
        return datetime.now(UTC)

    async def tick(self) -> None:
        """Start what events have triggered."""
        await self.runtime.engine.scheduler(clock=self.clock).tick()

    async def runs_of(self, task: str) -> Sequence[RunView]:
        """All runs of a task, oldest first."""
        lines = (await self.services.runs.list(ROOT, PROJECT, task=task, limit=500)).items
        return [await self.services.runs.get(ROOT, line.id) for line in reversed(lines)]

    async def _hears(self) -> None:
        """Until a worker lets a run go; now and then without, since other processes do not tell."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                await self.told.wait()


def sent(mail: MailServer) -> list[tuple[str, str]]:
    """Who got which subject, in order."""
    found = []
    for taken in mail.taken:
        content = taken.content
        assert isinstance(content, bytes)
        subject = message_from_bytes(content, policy=default)["Subject"]
        found.append((taken.rcpt_tos[0], str(subject)))
    return found


@asynccontextmanager
async def opened(runtime: Runtime, database: Database, clock: Clock, model: Script) -> AsyncIterator[Stage]:
    """A stage on a process that is put together, with nobody who advances runs."""
    await runtime.services.projects.ensure(ROOT, PROJECT)
    told = asyncio.Event()
    runtime.engine.bus.listen(lambda event: told.set() if event.kind == "released" else None)
    yield Stage(runtime, database, clock, model, make_keeper(runtime, clock), told)


class ByText(Script):
    """A model that answers by what the question holds: the turns of the first text that stands in it."""

    def __init__(self, answers: Mapping[str, Sequence[Turn]]) -> None:
        super().__init__(())
        self.answers = dict(answers)

    def _respond(self, messages: "list[ModelMessage]", info: "AgentInfo") -> "ModelResponse":
        question = "".join(str(getattr(part, "content", "")) for part in messages[0].parts)
        self.turns = tuple(next(turns for text, turns in self.answers.items() if text in question))
        return super()._respond(messages, info)


def make_keeper(runtime: Runtime, clock: Clock) -> Keeper:
    """Fires timers by the test's clock."""
    parts = runtime.engine._parts
    return Keeper(parts.pool, new_id(), parts.limits, clock, parts.artifacts, parts.workspaces)


@contextmanager
def killed_worker(stage: Stage, database_url: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`errands worker` in a process of its own, killed at the end of the block."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("ERRANDS_")}
    ours = {
        "ERRANDS_HOME": str(stage.runtime.settings.home),
        "ERRANDS_DATABASE_URL": database_url,
        "ERRANDS_HEARTBEAT": "1s",
    }
    process = subprocess.Popen([EXECUTABLE, "worker"], env={**outer, **ours}, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
