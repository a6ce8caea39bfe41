"""What happens in a project, as it happens."""

from collections.abc import AsyncGenerator

from errands.core.access import Principal, ProjectResource, Verb
from errands.services.activity_views import ActivityBegun, ActivityEvent, ActivityLost, RunMovedOn, ThingChanged
from errands.services.authority import Authority
from errands.services.lookup import find_project
from errands.services.tail import Moved, RunMoved, Tail
from errands.services.telling import line_view
from errands.store import changes
from errands.store.database import Database

_MOST_MISSED = 500


class ActivityService:
    """What a caller may hear of a project."""

    def __init__(self, database: Database, authority: Authority, tail: Tail) -> None:
        self._database = database
        self._authority = authority
        self._tail = tail

    async def check(self, caller: Principal, project: str) -> None:
        """Whether the caller may follow, before an answer begins. Raises Denied, NotFound."""
        await self._authority.authorise(caller, Verb.RUN_READ, ProjectResource(project, "run"))
        async with self._database.reader.connect() as connection:
            await find_project(connection, project)

    async def follow(
        self, caller: Principal, project: str, *, after: int | None = None
    ) -> AsyncGenerator[ActivityEvent, None]:
        """Runs that come to be or change their state, and things of the project that are changed, without end.

        `after`: the number of the last event that was seen; what runs did since comes first. Raises Denied, NotFound.
        """
        await self._authority.authorise(caller, Verb.RUN_READ, ProjectResource(project, "run"))
        async with self._database.reader.connect() as connection:
            found = await find_project(connection, project)
        with self._tail.project(found.id, found.name) as ear:
            async with self._database.reader.connect() as connection:
                newest = (await changes.marks(connection)).changes
                since = newest if after is None else after
                missed = await changes.changed_runs(connection, [found.id], since, _MOST_MISSED + 1)
            yield ActivityBegun(since)
            if len(missed) > _MOST_MISSED:
                missed = []
                yield ActivityLost(newest)
            for _, number, run in missed:
                yield RunMovedOn(number, line_view(run))
            while True:
                yield _told(await ear.hear())


def _told(moved: Moved) -> ActivityEvent:
    if moved == "lost":
        return ActivityLost(None)
    if isinstance(moved, RunMoved):
        return RunMovedOn(moved.number, line_view(moved.run))
    return ThingChanged(moved.noun, moved.name, moved.verb)
