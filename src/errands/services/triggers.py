"""Triggers: what they will do, what became of their planned times, switches, backfills."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core import ids
from errands.core.access import Principal, ProjectResource, ServerResource, TaskResource, Verb
from errands.core.schedules import (
    Calendars,
    CalendarUnknown,
    ClosedPeriod,
    Schedule,
    ScheduleInvalid,
    describe,
    next_fire,
    parse_schedule,
)
from errands.core.schedules.instants import TICK, planned_after
from errands.core.values import Json
from errands.services.authority import Authority
from errands.services.errors import Conflict, Invalid, NotFound
from errands.services.lookup import find_project, find_task, number_of
from errands.services.making_up import chosen_of, make_up
from errands.services.schedules import Simulated, preview, simulate
from errands.services.trigger_addresses import Addresses
from errands.services.trigger_lists import Order, page_of
from errands.services.trigger_views import (
    DeliveryView,
    MissedView,
    OccurrenceView,
    PreviewView,
    SimulationView,
    TriggerView,
    WhyView,
)
from errands.services.views import Page
from errands.store import backfills, deliveries, triggers
from errands.store.backfills import CalendarRow
from errands.store.database import Database
from errands.store.deliveries import DeliveryRow
from errands.store.triggers import OccurrenceRow, TriggerRow

_LARGEST_PAGE = 1000
_MOST_PREVIEWED = 500
_NEARBY = timedelta(days=400)
_LOOK_BACK = (timedelta(minutes=10), timedelta(days=1), timedelta(days=32), _NEARBY)


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


class TriggerService:
    """What a caller may ask of triggers."""

    def __init__(
        self,
        database: Database,
        authority: Authority,
        clock: Callable[[], datetime] = utc_now,
        addresses: Addresses = Addresses(),  # noqa: B008 - frozen
    ) -> None:
        self._database = database
        self._authority = authority
        self._clock = clock
        self._addresses = addresses

    async def list(
        self,
        caller: Principal,
        project: str,
        tasks: Sequence[str] = (),
        *,
        order: Order = "task",
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[TriggerView]:
        """A project's triggers, or those of some tasks (100 at most), by task and name or the next to start first.

        Raises Denied, NotFound (project, task), Invalid (cursor, a limit outside 1 to 500).
        """
        for task in tasks or (None,):
            await self._authority.authorise(caller, Verb.TRIGGER_READ, _resource(project, task))
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            rows, following = await page_of(connection, (owner.id, owner.name), tasks, order, cursor, limit)
            seen = await backfills.calendars_of(connection, owner.id)
        return Page(tuple(self._shown(caller, row, seen) for row in rows), following)

    async def get(self, caller: Principal, project: str, task: str, trigger: str) -> TriggerView:
        """One trigger. Raises Denied, NotFound."""
        await self._authority.authorise(caller, Verb.TRIGGER_READ, _resource(project, task))
        async with self._database.reader.connect() as connection:
            row = await find_trigger(connection, project, task, trigger)
            return self._shown(caller, row, await backfills.calendars_of(connection, row.project_id))

    async def preview(
        self,
        caller: Principal,
        project: str,
        task: str,
        trigger: str,
        *,
        count: int = 10,
        after: datetime | None = None,
        timezone: str | None = None,
    ) -> PreviewView:
        """The next starts of a schedule, and what its window, closed periods and clock changes let pass.

        `timezone` is the reader's. Raises Denied, NotFound, Invalid.
        """
        await self._authority.authorise(caller, Verb.TRIGGER_READ, _resource(project, task))
        if not 1 <= count <= _MOST_PREVIEWED:
            raise Invalid(f"{count} starts cannot be previewed.", f"Give 1 to {_MOST_PREVIEWED}.")
        async with self._database.reader.connect() as connection:
            row = await find_trigger(connection, project, task, trigger)
            seen = seen_by(row, await backfills.calendars_of(connection, row.project_id))
        moment = after or self._clock()
        return await asyncio.to_thread(_preview, schedule_of(row), seen, moment, count, timezone, row.fired)

    async def preview_of(
        self,
        caller: Principal,
        project: str,
        spec: dict[str, Json],
        *,
        count: int = 10,
        after: datetime | None = None,
        timezone: str | None = None,
    ) -> PreviewView:
        """The same for a schedule that is still being written. Raises Denied, NotFound, Invalid."""
        await self._authority.authorise(caller, Verb.TRIGGER_READ, _resource(project))
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            rows = await backfills.calendars_of(connection, owner.id)
        seen = {row.name: _periods(row) for row in rows}
        try:
            schedule = parse_schedule(spec, default_timezone=timezone or "UTC", calendars=seen)
        except ScheduleInvalid as invalid:
            raise _refused(invalid) from None
        return await asyncio.to_thread(_preview, schedule, seen, after or self._clock(), count, timezone, 0)

    async def simulate(
        self, caller: Principal, project: str | None = None, task: str | None = None, *, days: int = 90
    ) -> SimulationView:
        """What the enabled schedules of a task, a project or the server come to. Raises Denied, NotFound, Invalid."""
        resource = ServerResource() if project is None else _resource(project, task)
        await self._authority.authorise(caller, Verb.SERVER_READ if project is None else Verb.TRIGGER_READ, resource)
        async with self._database.reader.connect() as connection:
            project_id = None if project is None else (await find_project(connection, project)).id
            task_id = (await find_task(connection, project, task)).id if project and task else None
            rows = [
                row
                for row in await triggers.every(connection, project_id=project_id, kind="schedule")
                if row.enabled and task_id in (None, row.task_id)
            ]
            calendars = {
                owner: await backfills.calendars_of(connection, owner) for owner in {row.project_id for row in rows}
            }
            usual = await triggers.usual_durations(connection, sorted({row.task_id for row in rows}))
        asked = [
            Simulated(
                f"{row.task}/{row.name}" if project else f"{row.project}/{row.task}/{row.name}",
                schedule_of(row),
                seen_by(row, calendars[row.project_id]),
                *usual.get(row.task_id, (0.0, 0.0)),
            )
            for row in rows
        ]
        # Hundreds of schedules take seconds; the loop starts runs and answers others meanwhile.
        return await asyncio.to_thread(simulate, asked, start=self._clock(), days=days)

    async def ledger(
        self,
        caller: Principal,
        project: str,
        task: str,
        trigger: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        outcome: str | None = None,
        limit: int = 100,
    ) -> Sequence[OccurrenceView]:
        """What became of planned times, latest first; `since` included, `until` not.

        Raises Denied, NotFound, Invalid.
        """
        await self._authority.authorise(caller, Verb.TRIGGER_READ, _resource(project, task))
        if not 1 <= limit <= _LARGEST_PAGE:
            raise Invalid(f"{limit} rows cannot be on one page.", f"Ask for 1 to {_LARGEST_PAGE}.")
        async with self._database.reader.connect() as connection:
            found = await find_task(connection, project, task)
            row = None if trigger is None else await find_trigger(connection, project, task, trigger)
            rows = await triggers.ledger(
                connection,
                trigger_id=None if row is None else row.id,
                task_id=found.id,
                since=since,
                until=until,
                outcome=outcome,
                limit=limit,
            )
        return [occurrence_view(one) for one in rows]

    async def why(self, caller: Principal, project: str, task: str, trigger: str, at: datetime) -> WhyView:
        """Why a run did or did not start at a moment (aware). Raises Denied, NotFound, Invalid."""
        await self._authority.authorise(caller, Verb.TRIGGER_READ, _resource(project, task))
        async with self._database.reader.connect() as connection:
            row = await find_trigger(connection, project, task, trigger)
            minute = at.replace(second=0, microsecond=0)
            found = await triggers.ledger(
                connection, trigger_id=row.id, since=minute, until=minute + timedelta(minutes=1), limit=1
            )
        return _why(row, at, occurrence_view(found[0]) if found else None, self._clock())

    async def missed_while_off(self, caller: Principal, project: str, task: str, trigger: str) -> MissedView:
        """What switching a disabled trigger on would make up for. Raises Denied, NotFound."""
        await self._authority.authorise(caller, Verb.TRIGGER_READ, _resource(project, task))
        async with self._database.reader.connect() as connection:
            row = await find_trigger(connection, project, task, trigger)
            return await _missed(connection, [row], "disabled", self._clock())

    async def missed_while_paused(self, caller: Principal, project: str, task: str) -> MissedView:
        """What resuming a paused task would make up for, all its schedules together. Raises Denied, NotFound."""
        await self._authority.authorise(caller, Verb.TRIGGER_READ, _resource(project, task))
        async with self._database.reader.connect() as connection:
            found = await find_task(connection, project, task)
            return await _missed(connection, await triggers.of_task(connection, found.id), "paused", self._clock())

    async def enable(
        self, caller: Principal, project: str, task: str, trigger: str, *, catch_up: bool = True
    ) -> TriggerView:
        """Switch it on. With `catch_up` its `missed:` says what runs now of what was held back meanwhile.

        Raises Denied, NotFound, Conflict where the trigger was taken out of the task.
        """
        return await self._switch(caller, project, task, trigger, enabled=True, note=None, catch_up=catch_up)

    async def disable(
        self, caller: Principal, project: str, task: str, trigger: str, *, note: str | None = None
    ) -> TriggerView:
        """Switch it off; its planned times are recorded as skipped, with the note.

        Raises Denied, NotFound, Conflict.
        """
        return await self._switch(caller, project, task, trigger, enabled=False, note=note, catch_up=False)

    async def annotate(self, caller: Principal, project: str, task: str, trigger: str, note: str | None) -> TriggerView:
        """Change the note. Raises Denied, NotFound."""
        resource = _resource(project, task)
        await self._authority.authorise(caller, Verb.TRIGGER_SWITCH, resource)
        async with self._database.engine.begin() as connection:
            row = await find_trigger(connection, project, task, trigger, lock=True)
            await triggers.set_note(connection, row.id, note)
            await self._authority.record(
                connection, caller, Verb.TRIGGER_SWITCH, resource, {"trigger": trigger, "note": note}
            )
        return await self.get(caller, project, task, trigger)

    async def deliveries(
        self,
        caller: Principal,
        project: str,
        task: str,
        trigger: str,
        *,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[DeliveryView]:
        """What came to a webhook's or mail trigger's address, newest first. Raises Denied, NotFound, Invalid."""
        await self._authority.authorise(caller, Verb.TRIGGER_READ, _resource(project, task))
        if not 1 <= limit <= _LARGEST_PAGE:
            raise Invalid(f"{limit} rows cannot be on one page.", f"Ask for 1 to {_LARGEST_PAGE}.")
        before = None if cursor is None else number_of(cursor)
        async with self._database.reader.connect() as connection:
            row = await find_trigger(connection, project, task, trigger)
            found = await deliveries.recent(connection, row.id, before, limit + 1)
        items = tuple(delivery_view(one) for one in found[:limit])
        return Page(items, str(items[-1].id) if len(found) > limit else None)

    async def renew_address(self, caller: Principal, project: str, task: str, trigger: str) -> TriggerView:
        """Give it a new address; what is sent to the old one is refused from now on.

        Raises Denied, NotFound, Invalid for a trigger that has no address.
        """
        resource = _resource(project, task)
        await self._authority.authorise(caller, Verb.TRIGGER_EDIT, resource)
        async with self._database.engine.begin() as connection:
            row = await find_trigger(connection, project, task, trigger, lock=True)
            if row.address is None or row.closed_at is not None:
                raise Invalid(f"The trigger {trigger} has no address: it starts on {row.kind}.", "Name a webhook.")
            await triggers.set_address(connection, row.id, triggers.new_address())
            said: dict[str, Json] = {"trigger": trigger, "act": "renew_address"}
            await self._authority.record(connection, caller, Verb.TRIGGER_EDIT, resource, said)
        return await self.get(caller, project, task, trigger)

    def _shown(self, caller: Principal, row: TriggerRow, calendars: Sequence[CalendarRow]) -> TriggerView:
        """The view, with the address as far as the caller may see it."""
        decision = self._authority.decide(caller, Verb.TRIGGER_SWITCH, _resource(row.project, row.task))
        address = self._addresses.of(row, secret=decision.allowed)
        return replace(_view(row, calendars, self._clock()), address=address)

    async def _switch(
        self,
        caller: Principal,
        project: str,
        task: str,
        trigger: str,
        *,
        enabled: bool,
        note: str | None,
        catch_up: bool,
    ) -> TriggerView:
        resource, now = _resource(project, task), self._clock()
        await self._authority.authorise(caller, Verb.TRIGGER_SWITCH, resource)
        async with self._database.engine.begin() as connection:
            row = await find_trigger(connection, project, task, trigger, lock=True)
            if row.closed_at is not None:
                hint = "Put it back into the task's file and publish that."
                raise Conflict(f"The trigger {trigger} was taken out of task {task}.", hint)
            await triggers.switch(connection, row.id, enabled=enabled, note=note)
            made_up = await make_up(connection, [row], "disabled", now, catch_up=catch_up) if enabled else 0
            await triggers.nudge(connection)
            said: dict[str, Json] = {"trigger": trigger, "enabled": enabled, "note": note, "made_up": made_up}
            await self._authority.record(connection, caller, Verb.TRIGGER_SWITCH, resource, said)
        return await self.get(caller, project, task, trigger)


async def find_trigger(
    connection: AsyncConnection, project: str, task: str, name: str, *, lock: bool = False
) -> TriggerRow:
    """A task's trigger. Raises NotFound."""
    owner = await find_task(connection, project, task)
    found = await triggers.find(connection, owner.id, name, lock=lock)
    if found is None:
        names = [row.name for row in await triggers.of_task(connection, owner.id) if row.closed_at is None]
        hint = f"It has {', '.join(names)}." if names else f"Task {task} has no trigger; add one under `triggers:`."
        raise NotFound(f"trigger of task {task}", name, hint=hint)
    return found


def schedule_of(row: TriggerRow) -> Schedule:
    """The schedule of a trigger. Raises Invalid for a trigger of another kind."""
    said = row.definition.get("schedule")
    if row.kind != "schedule" or not isinstance(said, dict):
        raise Invalid(f"The trigger {row.name} is no schedule: it starts on {row.kind}.", "Name a schedule.")
    return parse_schedule(said, default_timezone=row.default_timezone, owner_timezone=row.owner_timezone)


def seen_by(row: TriggerRow, rows: Sequence[CalendarRow]) -> Calendars:
    """Closed periods by calendar, as a trigger's task sees them."""
    return {one.name: () if set(row.tags) & set(one.exempt_tags) else _periods(one) for one in rows}


def occurrence_view(row: OccurrenceRow) -> OccurrenceView:
    """A row of the ledger as it is shown."""
    return OccurrenceView(
        trigger=row.trigger,
        task=row.task,
        planned_at=row.planned_at,
        decided_at=row.decided_at,
        outcome=row.outcome,
        code=row.code,
        reason=row.reason,
        run=None if row.run_id is None else ids.encode("run", row.run_id),
        run_status=row.run_status,
        source=row.source,
        cause=row.cause or None,
        due_at=row.due_at,
    )


def delivery_view(row: DeliveryRow) -> DeliveryView:
    """A delivery as it is shown."""
    run = None if row.run_id is None else ids.encode("run", row.run_id)
    return DeliveryView(
        row.id, row.received_at, row.outcome, row.code, row.reason, row.delivery, run=run, count=row.count
    )


def _resource(project: str, task: str | None = None) -> ProjectResource | TaskResource:
    return ProjectResource(project, "trigger") if task is None else TaskResource(project, task)


def _periods(row: CalendarRow) -> tuple[ClosedPeriod, ...]:
    return tuple(
        ClosedPeriod(
            datetime.fromisoformat(str(one["start"])), datetime.fromisoformat(str(one["end"])), one.get("note")
        )
        for one in row.periods
    )


def _view(row: TriggerRow, calendars: Sequence[CalendarRow], now: datetime) -> TriggerView:
    schedule = schedule_of(row) if row.kind == "schedule" else None
    return TriggerView(
        id=ids.encode("trigger", row.id),
        name=row.name,
        task=row.task,
        task_title=row.task_title,
        project=row.project,
        kind=row.kind,
        enabled=row.enabled,
        note=row.note,
        owner=row.owner,
        sentence=None if schedule is None else describe(schedule),
        timezone=None if schedule is None else schedule.timezone,
        next_at=None if schedule is None else _next(row, schedule, seen_by(row, calendars), now),
        held=_held(row),
        fired=row.fired,
        last_planned_at=row.last_planned_at,
        last_outcome=row.last_outcome,
        last_run=None if row.last_run_id is None else ids.encode("run", row.last_run_id),
    )


def _next(row: TriggerRow, schedule: Schedule, seen: Calendars, now: datetime) -> datetime | None:
    if row.closed_at is not None:
        return None
    try:
        return next_fire(schedule, max(now, row.planned_up_to), seen, fired=row.fired)
    except CalendarUnknown:
        return None


def _held(row: TriggerRow) -> str | None:
    if row.closed_at is not None:
        return "it was taken out of the task"
    if row.paused_at is not None:
        return "the task is paused" + (f": {row.pause_note}" if row.pause_note else "")
    if not row.enabled:
        return "the trigger is disabled" + (f": {row.note}" if row.note else "")
    return None


def _preview(
    schedule: Schedule, seen: Calendars, after: datetime, count: int, reader: str | None, fired: int
) -> PreviewView:
    try:
        return preview(schedule, after=after, count=count, reader_timezone=reader, calendars=seen, fired=fired)
    except CalendarUnknown as unknown:
        raise Invalid(f"{unknown}.", "Make the calendar, or take it out of `except:`.") from None


def _refused(invalid: ScheduleInvalid) -> Invalid:
    first = invalid.problems[0]
    return Invalid(f"The schedule cannot be read: {invalid}.", first.hint)


async def _missed(connection: AsyncConnection, rows: Sequence[TriggerRow], code: str, now: datetime) -> MissedView:
    held, chosen = await chosen_of(connection, rows, code, now)
    planned = sorted(one.planned_at for one in held)
    return MissedView(len(held), len(chosen), planned[0] if planned else None, planned[-1] if planned else None)


def _why(row: TriggerRow, at: datetime, found: OccurrenceView | None, now: datetime) -> WhyView:
    if found is not None:
        run = f" as {found.run}" if found.run else ""
        reason = f": {found.reason}" if found.reason else ""
        outcome = found.outcome.replace("_", " ")
        return WhyView(f"Planned for {found.planned_at.isoformat()}, {outcome}{run}{reason}.", found, None, None)
    if row.kind != "schedule":
        return WhyView(f"Nothing reached the trigger {row.name} at {at.isoformat()}.", None, None, None)
    schedule = schedule_of(row)
    before = _last_before(schedule, at)
    after = next((one.moment for one in planned_after(schedule, at - TICK, at + _NEARBY)), None)
    if at > now:
        sentence = f"{at.isoformat()} is still to come; the next planned time after it is {_said(after)}."
    elif after is not None and after - at < timedelta(minutes=1) and row.planned_up_to < after:
        sentence = f"It is planned for {_said(after)}, and nobody has decided on it yet; is a scheduler at work?"
    elif after is not None and after - at < timedelta(minutes=1):
        sentence = (
            f"It was planned for {_said(after)} before the trigger was published or changed; nothing was recorded."
        )
    else:
        sentence = f"Nothing was planned then ({describe(schedule)}); nearest are {_said(before)} and {_said(after)}."
    return WhyView(sentence, None, before, after)


def _last_before(schedule: Schedule, at: datetime) -> datetime | None:
    """Looked for in ever longer spans: what fires each second has millions of planned times in a year."""
    for span in _LOOK_BACK:
        found = [one.moment for one in planned_after(schedule, at - span, at)]
        if found:
            return found[-1]
    return None


def _said(moment: datetime | None) -> str:
    return "none" if moment is None else moment.isoformat()
