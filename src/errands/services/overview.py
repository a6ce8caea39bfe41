"""What went on in a project: what fails, what is slow, what costs."""

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
from errands.store import run_figures
from errands.store.database import Database
from errands.store.run_figures import Count, DayCount, Order

_RECENT = 20
_MOST_DAYS = 90
_MOST_ROWS = 200
_MOST_TASKS = 100_000


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


By = Literal["task", "person", "model"]


@dataclass(frozen=True, slots=True)
class Insight:
    """The runs of one task, of one who starts them, or of one model."""

    name: str
    """Of the task or the model; of who starts runs the reference: `user:ana`, `trigger:nightly`. Empty: not known."""
    recent: tuple[RecentRun, ...]
    """Of a task: the newest first, twenty at most."""
    runs: int
    """Of a model: those that asked it. A run that asked two counts for both."""
    succeeded: int | None
    """None: of a model."""
    failed: int
    """Failed or timed out."""
    p50_seconds: float | None
    """Running time of a task's runs that succeeded, without waiting, to within 2 %. None: none did."""
    p95_seconds: float | None
    requests: int
    """To a model."""
    tokens: int
    usd: float


@dataclass(frozen=True, slots=True)
class Insights:
    """What fails, what is slow, what costs: the first of them in an order."""

    timezone: str
    """Where the days begin and end."""
    by: By
    order: Order
    rows: tuple[Insight, ...]
    all: int
    """How many there are, those left out included."""


class OverviewService:
    """A project at a glance. No figure costs more when there are more runs: see `store.run_figures`."""

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
        zone, first_day, since = self._window(days, timezone)
        pool = self._database.pool
        by_day: tuple[DayFigures, ...] = ()
        by_task: tuple[TaskFigures, ...] = ()
        if only != "tasks":
            counted = {row.day: row for row in await run_figures.by_day(pool, project_id, since, zone.key)}
            every_day = [first_day + timedelta(days=number) for number in range(days)]
            by_day = tuple(_day(day, counted.get(day)) for day in every_day)
        if only != "days":
            tasks = await run_figures.by_task(pool, project_id, since, "often", _MOST_TASKS, recent=_RECENT)
            by_task = tuple(_task(row) for row in sorted(tasks.found, key=lambda one: one.name))
        return Overview(zone.key, by_day, by_task)

    async def insights(
        self,
        caller: Principal,
        project: str,
        by: By,
        *,
        order: Order = "failed",
        days: int = 14,
        timezone: str | None = None,
        limit: int = 50,
    ) -> Insights:
        """The first `limit` (200 at most) tasks, persons or models of the last `days` days, today included.

        Raises Denied, NotFound, Invalid (zone, days, limit, an order that does not go with `by`).
        """
        project_id = await self._project(caller, project)
        if not 1 <= limit <= _MOST_ROWS:
            raise Invalid(f"{limit} rows cannot be given at once.", f"Ask for 1 to {_MOST_ROWS}.")
        if order == "slow" and by != "task":
            raise Invalid(f"There are no running times by {by}.", "Order by failed, cost or often; or look by task.")
        zone, _, since = self._window(days, timezone)
        pool = self._database.pool
        match by:
            case "task":
                counts = await run_figures.by_task(pool, project_id, since, order, limit, recent=_RECENT)
            case "person":
                counts = await run_figures.by_starter(pool, project_id, since, order, limit)
            case "model":
                counts = await run_figures.by_model(pool, project_id, since, order, limit)
        return Insights(zone.key, by, order, tuple(map(_insight, counts.found)), counts.all)

    def _window(self, days: int, timezone: str | None) -> tuple[ZoneInfo, date, datetime]:
        """The zone, the first day in it, and when that begins. Raises Invalid."""
        if not 1 <= days <= _MOST_DAYS:
            raise Invalid(f"{days} days cannot be looked at together.", f"Ask for 1 to {_MOST_DAYS}.")
        zone = _zone(timezone)
        first_day = self._clock().astimezone(zone).date() - timedelta(days=days - 1)
        return zone, first_day, datetime(first_day.year, first_day.month, first_day.day, tzinfo=zone)

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


def _task(counted: Count) -> TaskFigures:
    return TaskFigures(
        task=counted.name,
        recent=_recent(counted),
        runs=counted.runs,
        succeeded=counted.succeeded or 0,
        failed=counted.failed,
        p50_seconds=counted.p50_seconds,
        p95_seconds=counted.p95_seconds,
        tokens=counted.tokens,
        usd=counted.usd,
    )


def _insight(counted: Count) -> Insight:
    return Insight(
        *(counted.name, _recent(counted), counted.runs, counted.succeeded, counted.failed),
        *(counted.p50_seconds, counted.p95_seconds, counted.requests, counted.tokens, counted.usd),
    )


def _recent(counted: Count) -> tuple[RecentRun, ...]:
    return tuple(RecentRun(ids.encode("run", run_id), status) for run_id, status in counted.recent)
