"""People with roles, and runs that ask them."""

from errands.core.access import Person, Principal, ProjectRole, ServerRole
from errands.core.outcomes import RunStatus
from errands.services import Services
from errands.services.principals import operator, person_of
from errands.services.views import RunChanged, RunEnded, RunSnapshot, RunView, SourceFile
from errands.store import callers
from errands.store.database import Database

ROOT = operator("root")


class Crowd:
    """Accounts of the test's own, each as a caller with today's rights."""

    def __init__(self, services: Services, database: Database) -> None:
        self.services = services
        self.database = database

    async def person(
        self, name: str, role: ProjectRole | None = None, *, groups: tuple[str, ...] = (), mail: bool = True
    ) -> Person:
        """A new account with a role in the project `default`."""
        await self.services.people.create(ROOT, name, email=f"{name}@example.com" if mail else None)
        if role is not None:
            await self.services.members.put(ROOT, "default", f"user:{name}", role)
        for group in groups:
            if not any(one.name == group for one in await self.services.groups.list(ROOT)):
                await self.services.groups.create(ROOT, group)
            await self.services.groups.add(ROOT, group, name)
        return await self.caller(name)

    async def admin(self, name: str) -> Person:
        """An administrator of the server."""
        await self.services.people.create(ROOT, name, email=f"{name}@example.com", server_role=ServerRole.ADMIN)
        return await self.caller(name)

    async def caller(self, name: str) -> Person:
        row = await callers.by_name(self.database.pool, name)
        assert row is not None
        return person_of(row)


async def apply(services: Services, *sources: str) -> None:
    """Store and publish task files in the project `default`."""
    files = [SourceFile(f"{number}.yaml", source) for number, source in enumerate(sources)]
    await services.tasks.apply(ROOT, "default", files)


async def waits(services: Services, run: str) -> RunView:
    """The run, once it waits."""
    async for event in services.runs.follow(ROOT, run):
        if isinstance(event, RunSnapshot) and event.run.waiting:
            return event.run
        if isinstance(event, RunChanged) and event.waiting and event.status is RunStatus.WAITING:
            return await services.runs.get(ROOT, run)
    raise AssertionError("the run ended without waiting")


async def ends(services: Services, run: str) -> RunView:
    """The run, once it has ended."""
    events = [event async for event in services.runs.follow(ROOT, run)]
    assert isinstance(events[-1], RunEnded)
    return events[-1].run


async def asked(services: Services, task: str, *, starter: Principal = ROOT) -> str:
    """Start a run and wait until it asks; gives the approval's id."""
    started = await services.runs.start(starter, "default", task, {})
    (wait,) = (await waits(services, started.id)).waiting
    assert wait.approval is not None
    return wait.approval
