"""Calendars: named lists of closed periods that schedules may name under `except:`."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from errands.core.access import Principal, ProjectResource, Resource, ServerResource, Verb
from errands.services.authority import Authority
from errands.services.edits import check_edited, digest_of_value
from errands.services.errors import Invalid, NotFound
from errands.services.lookup import find_project
from errands.services.trigger_views import CalendarView, PeriodView
from errands.services.triggers import utc_now
from errands.store import backfills, triggers
from errands.store.backfills import CalendarRow
from errands.store.database import Database

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_MOST_PERIODS = 2000


class CalendarService:
    """What a caller may ask of calendars. Without a project they are the server's, seen by all projects."""

    def __init__(self, database: Database, authority: Authority, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._authority = authority
        self._clock = clock

    async def list(self, caller: Principal, project: str | None) -> Sequence[CalendarView]:
        """A project's calendars and the server's; the project's own goes before one of the same name.

        Without a project the server's alone, for administrators. Raises Denied, NotFound.
        """
        if project is None:
            await self._authority.authorise(caller, Verb.SERVER_READ, ServerResource("calendar"))
        else:
            await self._authority.authorise(caller, Verb.CALENDAR_READ, ProjectResource(project, "calendar"))
        async with self._database.reader.connect() as connection:
            owner = None if project is None else (await find_project(connection, project)).id
            rows = {row.name: row for row in await backfills.calendars_of(connection, owner)}
        return [_view(rows[name]) for name in sorted(rows)]

    async def put(
        self,
        caller: Principal,
        project: str | None,
        name: str,
        periods: Sequence[PeriodView],
        *,
        exempt_tags: Sequence[str] = (),
        edited: Sequence[str] | None = None,
    ) -> CalendarView:
        """Make or replace one; schedules that name it follow at once.

        `edited`: digests, one of which what is there must have; none: it must not be there yet. None: whatever is
        there. Raises Denied, NotFound, Invalid, ChangedMeanwhile.
        """
        verb, resource = _act(project, name)
        await self._authority.authorise(caller, verb, resource)
        check_calendar(name, periods)
        stored = stored_periods(periods)
        async with self._database.engine.begin() as connection:
            owner = None if project is None else (await find_project(connection, project)).id
            await backfills.lock_calendars(connection)
            before = await backfills.calendar(connection, owner, name)
            check_edited("calendar", name, None if before is None else _digest(before), edited)
            await backfills.put_calendar(connection, owner, name, stored, exempt_tags, self._clock())
            await triggers.nudge(connection)
            await self._authority.record(connection, caller, verb, resource, {"periods": len(stored)})
        return _view(CalendarRow(owner, name, stored, exempt_tags))

    async def remove(self, caller: Principal, project: str | None, name: str) -> None:
        """Remove one; planned times of schedules that still name it fail to start. Raises Denied, NotFound."""
        verb, resource = _act(project, name)
        await self._authority.authorise(caller, verb, resource)
        async with self._database.engine.begin() as connection:
            owner = None if project is None else (await find_project(connection, project)).id
            if not await backfills.remove_calendar(connection, owner, name, self._clock()):
                raise NotFound("calendar", name)
            await triggers.nudge(connection)
            await self._authority.record(connection, caller, verb, resource, {"removed": True})


def _act(project: str | None, name: str) -> tuple[Verb, Resource]:
    if project is None:
        return Verb.SERVER_EDIT, ServerResource("calendar", name)
    return Verb.CALENDAR_EDIT, ProjectResource(project, "calendar", name)


def stored_periods(periods: Sequence[PeriodView]) -> list[Mapping[str, str | None]]:
    """Closed periods as they are kept: in UTC, the earliest first."""
    return [
        {"start": one.start.astimezone(UTC).isoformat(), "end": one.end.astimezone(UTC).isoformat(), "note": one.note}
        for one in sorted(periods, key=lambda one: one.start)
    ]


def check_calendar(name: str, periods: Sequence[PeriodView]) -> None:
    """Raises Invalid for what can be no calendar."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name[:80]!r} cannot be the name of a calendar.",
            "Use lower-case letters, digits, `-` and `_`, a letter first, 63 characters at most.",
        )
    if len(periods) > _MOST_PERIODS:
        raise Invalid(f"{len(periods)} closed periods are too many.", f"Give {_MOST_PERIODS} at most.")
    for one in periods:
        if one.start.tzinfo is None or one.end.tzinfo is None:
            raise Invalid("A moment without an offset is ambiguous.", "Give one such as 2026-03-01T08:00:00+01:00.")
        if one.end <= one.start:
            said = f"The period from {one.start.isoformat()} to {one.end.isoformat()} ends before it begins."
            raise Invalid(said, "Turn the two.")


def _view(row: CalendarRow) -> CalendarView:
    periods = [
        PeriodView(datetime.fromisoformat(str(one["start"])), datetime.fromisoformat(str(one["end"])), one.get("note"))
        for one in row.periods
    ]
    return CalendarView(row.name, row.project_id is None, periods, row.exempt_tags, _digest(row))


def _digest(row: CalendarRow) -> str:
    return digest_of_value({"periods": [dict(one) for one in row.periods], "exempt_tags": list(row.exempt_tags)})
