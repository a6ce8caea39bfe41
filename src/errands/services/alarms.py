"""Alarms: what is wrong now, what was, who has seen it, and what a project watches by default."""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core import ids
from errands.core.access import Principal, ProjectResource, Verb
from errands.core.definition.alarms import AlarmKind, AlarmRules, AlarmState, read_stored, stored
from errands.core.definition.nodes import show_path
from errands.core.definition.wording import word_errors
from errands.core.values import JsonObject
from errands.services.alarm_sync import sync_project
from errands.services.authority import Authority, Clock, utc_now
from errands.services.edits import check_edited, digest_of_value
from errands.services.errors import Conflict, Invalid, NotFound
from errands.services.lookup import find_project, find_task
from errands.services.notice_views import AlarmView, DefaultsView
from errands.services.views import Page
from errands.store import alarms, projects, watches
from errands.store.alarms import AlarmRow
from errands.store.database import Database

_LARGEST_PAGE = 500


class AlarmService:
    """What a caller may ask of alarms."""

    def __init__(self, database: Database, authority: Authority, clock: Clock = utc_now) -> None:
        self._database = database
        self._authority = authority
        self._clock = clock

    async def list(
        self,
        caller: Principal,
        project: str,
        *,
        state: AlarmState | None = None,
        kind: AlarmKind | None = None,
        task: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[AlarmView]:
        """Alarms of a project, newest first. `state` open includes what is acknowledged; None: all.

        Raises NotFound, Denied, Invalid.
        """
        await self._authority.authorise(caller, Verb.ALARM_READ, ProjectResource(project, "alarm"))
        if not 1 <= limit <= _LARGEST_PAGE:
            raise Invalid(f"{limit} alarms cannot be on one page.", f"Ask for 1 to {_LARGEST_PAGE}.")
        try:
            before = None if cursor is None else ids.decode("alarm", cursor)
        except ValueError:
            raise Invalid("This is no cursor of this list.", "Take it from the page before.") from None
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            task_id = None if task is None else (await find_task(connection, project, task)).id
            found = await alarms.of_project(
                connection, owner.id, state=state, kind=kind, task_id=task_id, before=before, limit=limit + 1
            )
        items = tuple(_view(row) for row in found[:limit])
        return Page(items, items[-1].id if len(found) > limit else None)

    async def get(self, caller: Principal, alarm: str) -> AlarmView:
        """One alarm. Raises NotFound, Denied, Invalid."""
        async with self._database.reader.connect() as connection:
            row = await _find(connection, alarm)
        await self._authority.authorise(caller, Verb.ALARM_READ, ProjectResource(row.project, "alarm", alarm))
        return _view(row)

    async def acknowledge(self, caller: Principal, alarm: str, *, note: str | None = None) -> AlarmView:
        """Note that somebody has seen an open alarm and looks after it. It closes when its cause is over.

        Raises NotFound, Denied, Invalid, Conflict (closed).
        """
        async with self._database.engine.begin() as connection:
            row = await _find(connection, alarm)
            resource = ProjectResource(row.project, "alarm", alarm)
            await self._authority.authorise(caller, Verb.ALARM_ACKNOWLEDGE, resource)
            row_id = ids.decode("alarm", alarm)
            if not await alarms.acknowledge(connection, row_id, caller.reference, note, self._clock()):
                raise Conflict(f"The alarm {alarm} is closed: {row.closed_by}.", "Nothing is left to look after.")
            await self._authority.record(connection, caller, Verb.ALARM_ACKNOWLEDGE, resource, {"note": note})
            return _view(await _find(connection, alarm))

    async def defaults(self, caller: Principal, project: str) -> DefaultsView:
        """What a project watches of tasks that say nothing themselves. Raises NotFound, Denied."""
        await self._authority.authorise(caller, Verb.ALARM_READ, ProjectResource(project, "alarm"))
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            return _defaults(await watches.defaults(connection, owner.id), None)

    async def set_defaults(
        self,
        caller: Principal,
        project: str,
        rules: Mapping[str, object],
        *,
        edited: Sequence[str] | None = None,
    ) -> DefaultsView:
        """Watch every published task of a project so, where its file says nothing else.

        `rules`: as `alarms:` in a task's file. `edited`: digests, one of which what is there must have. Raises
        NotFound, Denied, Invalid, ChangedMeanwhile.
        """
        resource = ProjectResource(project, "alarm", "defaults")
        await self._authority.authorise(caller, Verb.ALARM_EDIT, resource)
        kept, now = stored(_checked(rules)), self._clock()
        async with self._database.engine.begin() as connection:
            owner = await find_project(connection, project)
            await projects.lock(connection, owner.id)
            before = await watches.defaults(connection, owner.id)
            check_edited("alarm rules of project", project, digest_of_value(before), edited)
            await watches.put_defaults(connection, owner.id, kept, now)
            watched = await sync_project(connection, owner.id, read_stored(kept), now)
            await self._authority.record(connection, caller, Verb.ALARM_EDIT, resource, {"rules": kept})
        return _defaults(kept, watched)


def _defaults(rules: JsonObject, watched: int | None) -> DefaultsView:
    return DefaultsView(rules, watched, digest_of_value(rules))


def _checked(rules: Mapping[str, object]) -> AlarmRules:
    """Raises Invalid."""
    try:
        checked = AlarmRules.model_validate(dict(rules))
    except ValidationError as error:
        found = word_errors(error.errors(include_url=False), AlarmRules, dict(rules))
        said = "; ".join(one.message for one in found)
        hint = next((one.hint for one in found if one.hint), None)
        raise Invalid(f"The rules cannot be read: {said}.", hint, field=show_path(found[0].path)) from None
    if checked.long is not None and checked.long.after is None and checked.long.times_p95 is None:
        said = "`long` does not say how long is too long."
        raise Invalid(said, "Give `after`, `times_p95`, or both.", field="long")
    return checked


async def _find(connection: AsyncConnection, alarm: str) -> AlarmRow:
    """Raises NotFound, Invalid."""
    try:
        row_id = ids.decode("alarm", alarm)
    except ValueError as error:
        raise Invalid(f"{error}.") from None
    found = await alarms.find(connection, row_id)
    if found is None:
        raise NotFound("alarm", alarm)
    return found


def _view(row: AlarmRow) -> AlarmView:
    state: AlarmState = "closed" if row.closed_at else "acknowledged" if row.acknowledged_at else "open"
    return AlarmView(
        id=ids.encode("alarm", row.id),
        project=row.project,
        task=row.task,
        kind=AlarmKind(row.kind),
        subject=row.subject or None,
        state=state,
        message=row.message,
        count=row.count,
        run=None if row.run_id is None else ids.encode("run", row.run_id),
        opened_at=row.opened_at,
        last_at=row.last_at,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        note=row.note,
    )
