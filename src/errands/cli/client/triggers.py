"""Triggers: what they will do, what became of their planned times, switches; and backfills."""

from collections.abc import Sequence
from datetime import datetime

from errands.cli.client.connection import Connection
from errands.services.trigger_views import (
    BackfillPlan,
    BackfillView,
    CalendarView,
    DeliveryView,
    MissedView,
    OccurrenceView,
    PreviewView,
    SimulationView,
    TriggerView,
    WhyView,
)
from errands.services.views import Page


class Triggers:
    """What starts runs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(self, project: str, task: str | None, *, limit: int, cursor: str | None) -> Page[TriggerView]:
        """A project's triggers, or one task's, by task and name."""
        path = ("projects", project, "triggers")
        return await self._connection.get(Page[TriggerView], *path, task=task, limit=limit, cursor=cursor)

    async def get(self, project: str, task: str, trigger: str) -> TriggerView:
        """One trigger."""
        return await self._connection.get(TriggerView, *_trigger(project, task, trigger))

    async def deliveries(self, project: str, task: str, trigger: str, *, limit: int) -> Page[DeliveryView]:
        """What came to a trigger's address, newest first."""
        path = (*_trigger(project, task, trigger), "deliveries")
        return await self._connection.get(Page[DeliveryView], *path, limit=limit)

    async def renew_address(self, project: str, task: str, trigger: str) -> TriggerView:
        """Give a trigger a new address."""
        return await self._connection.post(TriggerView, *_trigger(project, task, trigger), "address")

    async def preview(
        self, project: str, task: str, trigger: str, *, count: int, after: datetime | None, timezone: str | None
    ) -> PreviewView:
        """The next starts of a schedule."""
        return await self._connection.get(
            PreviewView, *_trigger(project, task, trigger), "preview", count=count, after=after, timezone=timezone
        )

    async def simulate(self, project: str | None, task: str | None, *, days: int) -> SimulationView:
        """What enabled schedules come to: the server's, a project's, a task's."""
        if project is None:
            return await self._connection.get(SimulationView, "simulation", days=days)
        return await self._connection.get(SimulationView, "projects", project, "simulation", task=task, days=days)

    async def ledger(
        self, project: str, task: str, trigger: str | None, *, outcome: str | None, limit: int
    ) -> Sequence[OccurrenceView]:
        """What became of planned times, latest first."""
        return await self._connection.get(
            list[OccurrenceView],
            *("projects", project, "tasks", task, "occurrences"),
            trigger=trigger,
            outcome=outcome,
            limit=limit,
        )

    async def why(self, project: str, task: str, trigger: str, at: datetime) -> WhyView:
        """Why a run did or did not start at a moment."""
        return await self._connection.get(WhyView, *_trigger(project, task, trigger), "why", at=at)

    async def missed_while_off(self, project: str, task: str, trigger: str) -> MissedView:
        """What switching a trigger on would make up for."""
        return await self._connection.get(MissedView, *_trigger(project, task, trigger), "missed")

    async def missed_while_paused(self, project: str, task: str) -> MissedView:
        """What resuming a task would make up for."""
        return await self._connection.get(MissedView, "projects", project, "tasks", task, "missed")

    async def enable(self, project: str, task: str, trigger: str, *, catch_up: bool) -> TriggerView:
        """Switch a trigger on."""
        body = {"catch_up": catch_up}
        return await self._connection.post(TriggerView, *_trigger(project, task, trigger), "enable", body=body)

    async def disable(self, project: str, task: str, trigger: str, *, note: str | None) -> TriggerView:
        """Switch a trigger off."""
        return await self._connection.post(
            TriggerView, *_trigger(project, task, trigger), "disable", body={"note": note}
        )


class Backfills:
    """Runs of what was planned in the past and never ran."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def plan(self, project: str, task: str, trigger: str, start: datetime, end: datetime) -> BackfillPlan:
        """How many runs it would start."""
        address = (*_trigger(project, task, trigger), "backfill")
        return await self._connection.get(BackfillPlan, *address, start=start, end=end)

    async def start(
        self, project: str, task: str, trigger: str, start: datetime, end: datetime, *, max_concurrent: int
    ) -> BackfillView:
        """Start it."""
        body = {"start": start, "end": end, "max_concurrent": max_concurrent}
        address = (*_trigger(project, task, trigger), "backfill")
        return await self._connection.post(BackfillView, *address, body=body)

    async def list(self, project: str) -> Sequence[BackfillView]:
        """All backfills of a project, latest first."""
        return await self._connection.whole(Page[BackfillView], "projects", project, "backfills")

    async def turn(self, project: str, backfill: str, verb: str) -> BackfillView:
        """`pause`, `resume` or `cancel` it."""
        return await self._connection.post(BackfillView, "projects", project, "backfills", backfill, verb)


class Calendars:
    """Named lists of closed periods: a project's, or, without a project, the server's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(self, project: str | None) -> Sequence[CalendarView]:
        """A project's with the server's, or the server's alone."""
        return await self._connection.get(list[CalendarView], *_calendars(project))

    async def put(self, project: str | None, calendar: CalendarView) -> CalendarView:
        """Make it (without a digest), or put it in place of the one that it was read as. Raises ChangedMeanwhile."""
        periods = [{"start": one.start, "end": one.end, "note": one.note} for one in calendar.periods]
        body = {"periods": periods, "exempt_tags": list(calendar.exempt_tags)}
        headers = {"If-Match": f'"{calendar.digest}"'} if calendar.digest else None
        address = (*_calendars(project), calendar.name)
        return await self._connection.ask(CalendarView, "PUT", *address, body=body, headers=headers)

    async def remove(self, project: str | None, name: str) -> None:
        """Remove it."""
        await self._connection.value("DELETE", *_calendars(project), name)


def _calendars(project: str | None) -> tuple[str, ...]:
    return ("calendars",) if project is None else ("projects", project, "calendars")


def _trigger(project: str, task: str, trigger: str) -> tuple[str, ...]:
    return ("projects", project, "tasks", task, "triggers", trigger)
