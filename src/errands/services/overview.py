"""What went on in a project, at a glance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from errands.core import ids
from errands.core.access import Principal, ProjectResource, Verb
from errands.core.schedules.findings import Findings
from errands.core.schedules.timezones import check_timezone
from errands.services.authority import Authority, Clock, utc_now
from errands.services.errors import Invalid
from errands.services.lookup import find_project
from errands.store import overview
from errands.store.database import Database
from errands.store.identifiers import first_id_at
from errands.store.overview import DayCount, TaskCount

_MOST_RUNS = 50_000
"""Figures are of the newest so many runs at most: a first screen must not wait for a million."""


@dataclass(frozen=True, slots=True)
class DayFigures:
    """The runs that were queued on one day."""

    day: date
    succeeded: int
    failed: int
    timed_out: int
    cancelled: int
    skipped: int
    active: int
    p50_seconds: float | None
    """Running time of those that succeeded, without waiting. None: none did."""
    p95_seconds: float | None
    tokens: int
    usd: float


@dataclass(frozen=True, slots=True)
class RecentRun:
    """One of a task's newest runs."""

    id: str
    status: str


@dataclass(frozen=True, slots=True)
class TaskFigures:
    """The runs of one task within the days."""

    task: str
    recent: tuple[RecentRun, ...]
    """The newest first, twenty at most."""
    runs: int
    succeeded: int
    failed: int
    """Failed or timed out."""
    p50_seconds: float | None
    p95_seconds: float | None
    tokens: int
    usd: float


@dataclass(frozen=True, slots=True)
class Overview:
    """Figures of a project over some days."""

    timezone: str
    """Where its days begin and end."""
    days: tuple[DayFigures, ...]
    """Earliest first; days without a run are there too. None, where only tasks were asked for."""
    tasks: tuple[TaskFigures, ...]
    """By name; only those that had a run. None, where only days were asked for."""
    most_runs: int
    """Figures are of so many runs at most, the newest."""


class OverviewService:
    """A project at a glance."""

    def __init__(self, database: Database, authority: Authority, clock: Clock = utc_now) -> None:
        self._database = database
        self._authority = authority
        self._clock = clock

    async def get(
        self,
        caller: Principal,
        project: str,
        *,
        days: int = 14,
        timezone: str | None = None,
        only: Literal["days", "tasks"] | None = None,
    ) -> Overview:
        """Figures of the last `days` days, today included. Raises Denied, NotFound, Invalid (zone, days).

        `only`: leave the other figures out, which cost as much again.
        """
        project_id = await self._project(caller, project)
        if not 1 <= days <= 90:
            raise Invalid(f"{days} days cannot be looked at together.", "Ask for 1 to 90.")
        zone = _zone(timezone)
        today = self._clock().astimezone(zone).date()
        first_day = today - timedelta(days=days - 1)
        first = first_id_at(datetime(first_day.year, first_day.month, first_day.day, tzinfo=zone))
        pool = self._database.pool
        by_day: tuple[DayFigures, ...] = ()
        by_task: tuple[TaskFigures, ...] = ()
        if only != "tasks":
            counted = {row.day: row for row in await overview.by_day(pool, project_id, first, zone.key, _MOST_RUNS)}
            every_day = [first_day + timedelta(days=number) for number in range(days)]
            by_day = tuple(_day(day, counted.get(day)) for day in every_day)
        if only != "days":
            by_task = tuple(_task(row) for row in await overview.by_task(pool, project_id, first, _MOST_RUNS))
        return Overview(zone.key, by_day, by_task, _MOST_RUNS)

    async def _project(self, caller: Principal, project: str) -> UUID:
        await self._authority.authorise(caller, Verb.RUN_READ, ProjectResource(project, "run"))
        async with self._database.reader.connect() as connection:
            return (await find_project(connection, project)).id


def _zone(name: str | None) -> ZoneInfo:
    known = check_timezone(name or "UTC", "", Findings())
    if known is None:
        raise Invalid(f"{(name or '')[:80]!r} is no time zone.", "Give one such as Europe/Berlin.")
    return ZoneInfo(known)


def _day(day: date, counted: DayCount | None) -> DayFigures:
    if counted is None:
        return DayFigures(day, 0, 0, 0, 0, 0, 0, None, None, 0, 0.0)
    return DayFigures(
        *(day, counted.succeeded, counted.failed, counted.timed_out, counted.cancelled, counted.skipped),
        *(counted.active, counted.p50_seconds, counted.p95_seconds, counted.tokens, counted.usd),
    )


def _task(counted: TaskCount) -> TaskFigures:
    recent: Sequence[tuple[UUID, str]] = list(zip(counted.recent_ids, counted.recent, strict=True))
    return TaskFigures(
        task=counted.task,
        recent=tuple(RecentRun(ids.encode("run", run_id), status) for run_id, status in recent),
        runs=counted.runs,
        succeeded=counted.succeeded,
        failed=counted.failed,
        p50_seconds=counted.p50_seconds,
        p95_seconds=counted.p95_seconds,
        tokens=counted.tokens,
        usd=counted.usd,
    )
