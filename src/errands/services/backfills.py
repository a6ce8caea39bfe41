"""Backfills: runs for planned times of the past that never ran."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core import ids
from errands.core.access import Principal, ProjectResource, TaskResource, Verb
from errands.core.definition.policies import Overlap
from errands.core.schedules import Calendars, CalendarUnknown, Occurrence, Schedule, Skipped, between
from errands.core.values import Json
from errands.services.authority import Authority
from errands.services.cursors import LARGEST_PAGE, check_limit, no_cursor
from errands.services.errors import Conflict, Invalid, NotFound
from errands.services.lookup import find_project
from errands.services.trigger_views import BackfillPlan, BackfillView
from errands.services.triggers import find_trigger, schedule_of, seen_by, utc_now
from errands.services.views import Page
from errands.store import backfills, triggers
from errands.store.backfills import BackfillRow
from errands.store.database import Database
from errands.store.triggers import TriggerRow

MOST = 100_000
"""Planned times of one backfill."""
MOST_LOOKED = 500_000
"""Planned times that are looked at for it, those outside the schedule's window included."""


class BackfillService:
    """What a caller may ask of backfills."""

    def __init__(self, database: Database, authority: Authority, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._authority = authority
        self._clock = clock

    async def plan(
        self, caller: Principal, project: str, task: str, trigger: str, start: datetime, end: datetime
    ) -> BackfillPlan:
        """What a backfill from `start` (included) to `end` (left out) would start. Raises Denied, NotFound, Invalid."""
        await self._authority.authorise(caller, Verb.TRIGGER_READ, TaskResource(project, task))
        async with self._database.reader.connect() as connection:
            row = await find_trigger(connection, project, task, trigger)
            return await self._plan(connection, row, start, end)

    async def start(
        self,
        caller: Principal,
        project: str,
        task: str,
        trigger: str,
        start: datetime,
        end: datetime,
        *,
        overlap: Overlap = "allow",
        max_concurrent: int = 1,
    ) -> BackfillView:
        """Run what was planned from `start` (included) to `end` (left out) and has not run, so many at a time.

        Raises Denied, NotFound, Invalid (the range, nothing to do), Conflict (another is under way).
        """
        resource = TaskResource(project, task)
        await self._authority.authorise(caller, Verb.TRIGGER_BACKFILL, resource)
        if not 1 <= max_concurrent <= 1000:
            raise Invalid(f"{max_concurrent} runs cannot go at once.", "Give 1 to 1000.")
        async with self._database.engine.begin() as connection:
            row = await find_trigger(connection, project, task, trigger, lock=True)
            planned = await self._plan(connection, row, start, end)
            if planned.starts == 0:
                raise Invalid("There is nothing to fill: all that was planned in that range has run, or nothing was.")
            if await backfills.is_filling(connection, row.id):
                raise Conflict(f"A backfill of {task}/{trigger} is under way.", "Wait for its end, or cancel it.")
            made = await backfills.add_backfill(
                connection,
                (row.project_id, row.id),
                start=start,
                end=end,
                overlap=overlap,
                max_concurrent=max_concurrent,
                total=planned.starts,
                starter=caller.reference,
            )
            await triggers.nudge(connection)
            said: dict[str, Json] = {
                "trigger": trigger,
                "start": start.isoformat(),
                "end": end.isoformat(),
                "starts": planned.starts,
            }
            await self._authority.record(connection, caller, Verb.TRIGGER_BACKFILL, resource, said)
        return _view(made, row.task, row.name)

    async def list(
        self,
        caller: Principal,
        project: str,
        *,
        task: str | None = None,
        trigger: str | None = None,
        cursor: str | None = None,
        limit: int = LARGEST_PAGE,
    ) -> Page[BackfillView]:
        """A project's backfills, or those of one trigger of a task, latest first.

        Raises Denied, NotFound, Invalid (cursor, limit, a task without a trigger or the other way round).
        """
        await self._authority.authorise(caller, Verb.TRIGGER_READ, ProjectResource(project, "trigger"))
        check_limit(limit, "backfills")
        before = None if cursor is None else _id_before(cursor)
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            one = await _asked_for(connection, project, task, trigger)
            found = await backfills.page(connection, owner.id, one, before, limit + 1)
        shown = [_view(each.backfill, each.task, each.trigger) for each in found[:limit]]
        return Page(tuple(shown), shown[-1].id if len(found) > limit else None)

    async def pause(self, caller: Principal, project: str, backfill: str) -> BackfillView:
        """Start no more of it until it is resumed. Raises Denied, NotFound, Conflict."""
        return await self._turn(caller, project, backfill, "paused")

    async def resume(self, caller: Principal, project: str, backfill: str) -> BackfillView:
        """Go on. Raises Denied, NotFound, Conflict."""
        return await self._turn(caller, project, backfill, "running")

    async def cancel(self, caller: Principal, project: str, backfill: str) -> BackfillView:
        """End it; runs that have begun go on. Raises Denied, NotFound, Conflict."""
        return await self._turn(caller, project, backfill, "cancelled")

    async def _turn(self, caller: Principal, project: str, backfill: str, status: str) -> BackfillView:
        resource = ProjectResource(project, "backfill", backfill)
        await self._authority.authorise(caller, Verb.TRIGGER_BACKFILL, resource)
        async with self._database.engine.begin() as connection:
            row, trigger = await _find(connection, project, backfill)
            if row.status not in backfills.OPEN:
                raise Conflict(f"The backfill {backfill} has ended: {row.status}.")
            await backfills.set_backfill_status(connection, row.id, status, self._clock())
            await triggers.nudge(connection)
            await self._authority.record(connection, caller, Verb.TRIGGER_BACKFILL, resource, {"status": status})
            changed = await backfills.backfill(connection, row.id)
        assert changed is not None
        return _view(changed, trigger.task, trigger.name)

    async def _plan(self, connection: AsyncConnection, row: TriggerRow, start: datetime, end: datetime) -> BackfillPlan:
        if start.tzinfo is None or end.tzinfo is None:
            raise Invalid("A moment without an offset is ambiguous.", "Give one such as 2026-03-01T00:00:00+01:00.")
        if not start < end <= self._clock():
            raise Invalid("A backfill goes from an earlier to a later moment of the past.", "Turn them, or end it now.")
        seen = seen_by(row, await backfills.calendars_of(connection, row.project_id))
        try:
            found = await asyncio.to_thread(_planned, schedule_of(row), start, end, seen)
        except CalendarUnknown as unknown:
            raise Invalid(f"{unknown}.", "Make the calendar, or take it out of `except:`.") from None
        ran = await backfills.ran_between(connection, row.id, start, end)
        open_times = [one.planned for one in found if one.planned not in ran]
        return BackfillPlan(
            len(open_times),
            len(found) - len(open_times),
            open_times[0] if open_times else None,
            open_times[-1] if open_times else None,
        )


def _planned(schedule: Schedule, start: datetime, end: datetime, seen: Calendars) -> list[Occurrence]:
    """What would start a run. Raises Invalid where that, or what must be looked through for it, is too much."""
    found: list[Occurrence] = []
    for looked, one in enumerate(between(schedule, start, end, seen)):
        if looked == MOST_LOOKED:
            raise Invalid(f"More than {MOST_LOOKED:,} planned times lie in that range.", "Take a shorter one.")
        if isinstance(one.verdict, Skipped):
            continue
        if len(found) == MOST:
            raise Invalid(f"More than {MOST:,} runs were planned in that range.", "Take a shorter one.")
        found.append(one)
    return found


async def _find(connection: AsyncConnection, project: str, backfill: str) -> tuple[BackfillRow, TriggerRow]:
    owner = await find_project(connection, project)
    try:
        row = await backfills.backfill(connection, ids.decode("backfill", backfill), lock=True)
    except ValueError as error:
        raise Invalid(str(error)) from None
    trigger = None if row is None else await triggers.by_id(connection, row.trigger_id)
    if row is None or trigger is None or trigger.project_id != owner.id:
        raise NotFound("backfill", backfill)
    return row, trigger


async def _asked_for(connection: AsyncConnection, project: str, task: str | None, trigger: str | None) -> UUID | None:
    """The trigger whose backfills are asked for; None: all. Raises Invalid, NotFound."""
    if task is None and trigger is None:
        return None
    if task is None or trigger is None:
        raise Invalid("A trigger is named by its task and its own name.", "Give both `task` and `trigger`, or neither.")
    return (await find_trigger(connection, project, task, trigger)).id


def _id_before(cursor: str) -> UUID:
    """The backfill that a page ended with. Raises Invalid."""
    try:
        return ids.decode("backfill", cursor)
    except ValueError:
        raise no_cursor(cursor) from None


def _view(row: BackfillRow, task: str, trigger: str) -> BackfillView:
    return BackfillView(
        id=ids.encode("backfill", row.id),
        task=task,
        trigger=trigger,
        start=row.start_at,
        end=row.end_at,
        status=row.status,
        overlap=row.overlap,
        max_concurrent=row.max_concurrent,
        total=row.total,
        started=row.started,
        passed_over=row.passed_over,
        starter=row.starter,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
