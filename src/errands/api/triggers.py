"""Triggers: what they will do, what became of their planned times, switches, backfills, calendars."""

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import AwareDatetime, Field

from errands.api.bodies import Body, Cursor, JsonMap, Limit, Project, Task
from errands.api.callers import Asked, Caller
from errands.api.edits import IfMatch, edited, etag
from errands.api.routes import Routes, reply
from errands.core.values import Json
from errands.services.trigger_lists import MOST_TASKS, Order
from errands.services.trigger_views import (
    BackfillPlan,
    BackfillView,
    CalendarView,
    DeliveryView,
    MissedView,
    OccurrenceView,
    PeriodView,
    PreviewView,
    SimulationView,
    TriggerView,
    WhyView,
)
from errands.services.views import Page

routes = Routes("triggers")
Trigger = Annotated[str, Path(min_length=1, max_length=200, description="Name of the trigger.", examples=["daily"])]
Backfill = Annotated[str, Path(max_length=64, examples=["bkf_0192f3c4a1b27c3e8d5f6a7b8c9d0e1f"])]
Calendar = Annotated[str, Path(min_length=1, max_length=100, examples=["release-freeze"])]
Count = Annotated[int, Query(ge=1, le=500)]
After = Annotated[AwareDatetime | None, Query(description="Later than this moment. None: now.")]
Zone = Annotated[str | None, Query(max_length=100, description="The reader's zone.", examples=["Europe/Berlin"])]
Days = Annotated[int, Query(ge=1, le=366)]
_ONE = "/projects/{project}/tasks/{task}/triggers/{trigger}"


class SchedulePreviewBody(Body):
    """A schedule that is still being written."""

    schedule: JsonMap = Field(examples=[{"daily": "09:00", "timezone": "Europe/Berlin"}])
    count: Annotated[int, Field(ge=1, le=500)] = 10
    after: AwareDatetime | None = None
    timezone: Annotated[str, Field(max_length=100)] | None = None
    """The reader's zone, and that of a schedule that names none."""


class EnableBody(Body):
    catch_up: bool = True
    """Make up for what was held back meanwhile, as the schedule's `missed:` says."""


class NoteBody(Body):
    note: Annotated[str, Field(max_length=1000)] | None = None


class BackfillBody(Body):
    """A range of planned times; `start` is included, `end` is not."""

    start: AwareDatetime
    end: AwareDatetime
    overlap: Literal["skip", "queue_one", "queue_all", "cancel_running", "allow"] = "allow"
    max_concurrent: Annotated[int, Field(ge=1, le=1000)] = 1
    """Runs of it at a time."""


class PeriodBody(Body):
    start: AwareDatetime
    end: AwareDatetime
    note: Annotated[str, Field(max_length=1000)] | None = None


class CalendarBody(Body):
    """Closed periods."""

    periods: Annotated[list[PeriodBody], Field(max_length=5000)]
    exempt_tags: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=100)] = Field(
        default_factory=list
    )
    """Tasks with one of these tags take no notice of it."""

    def as_views(self) -> list[PeriodView]:
        return [PeriodView(one.start, one.end, one.note) for one in self.periods]


@routes.get("/projects/{project}/triggers", gives=Page[TriggerView])
async def list_triggers(
    caller: Caller,
    services: Asked,
    project: Project,
    task: Annotated[
        list[Annotated[str, Field(max_length=200)]] | None,
        Query(max_length=MOST_TASKS, description="Only of this task; may be given several times."),
    ] = None,
    order: Annotated[
        Order,
        Query(description="`task`: by task and name. `next`: the next to start first, what is held last."),
    ] = "task",
    cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before.")] = None,
    limit: Limit = 100,
) -> object:
    """A project's triggers, or some tasks'."""
    return await services.triggers.list(caller, project, task or (), order=order, cursor=cursor, limit=limit)


@routes.get(_ONE, gives=TriggerView)
async def get_trigger(caller: Caller, services: Asked, project: Project, task: Task, trigger: Trigger) -> object:
    """One trigger."""
    return await services.triggers.get(caller, project, task, trigger)


@routes.get(f"{_ONE}/preview", gives=PreviewView)
async def preview_trigger(
    caller: Caller,
    services: Asked,
    project: Project,
    task: Task,
    trigger: Trigger,
    count: Count = 10,
    after: After = None,
    timezone: Zone = None,
) -> object:
    """The next starts of a schedule, and what its window, closed periods and clock changes let pass."""
    return await services.triggers.preview(caller, project, task, trigger, count=count, after=after, timezone=timezone)


@routes.post("/projects/{project}/schedules/preview", gives=PreviewView)
async def preview_schedule(caller: Caller, services: Asked, project: Project, body: SchedulePreviewBody) -> object:
    """The same for a schedule that is still being written."""
    return await services.triggers.preview_of(
        caller, project, dict[str, Json](body.schedule), count=body.count, after=body.after, timezone=body.timezone
    )


@routes.get("/simulation", gives=SimulationView)
async def simulate_server(caller: Caller, services: Asked, days: Days = 90) -> object:
    """What all enabled schedules of the server come to."""
    return await services.triggers.simulate(caller, days=days)


@routes.get("/projects/{project}/simulation", gives=SimulationView)
async def simulate_project(
    caller: Caller,
    services: Asked,
    project: Project,
    task: Annotated[str | None, Query(max_length=200)] = None,
    days: Days = 90,
) -> object:
    """What the enabled schedules of a project, or of one task, come to: load, spend, collisions."""
    return await services.triggers.simulate(caller, project, task, days=days)


@routes.get("/projects/{project}/tasks/{task}/occurrences", gives=list[OccurrenceView])
async def list_occurrences(
    caller: Caller,
    services: Asked,
    *,
    project: Project,
    task: Task,
    trigger: Annotated[str | None, Query(max_length=200)] = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    outcome: Annotated[str | None, Query(max_length=30)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> object:
    """What became of planned times, latest first."""
    return await services.triggers.ledger(
        caller, project, task, trigger, since=since, until=until, outcome=outcome, limit=limit
    )


@routes.get(f"{_ONE}/why", gives=WhyView)
async def explain_trigger(
    caller: Caller, services: Asked, project: Project, task: Task, trigger: Trigger, at: AwareDatetime
) -> object:
    """Why a run did or did not start at a moment."""
    return await services.triggers.why(caller, project, task, trigger, at)


@routes.get(f"{_ONE}/missed", gives=MissedView)
async def count_missed(caller: Caller, services: Asked, project: Project, task: Task, trigger: Trigger) -> object:
    """What switching a disabled trigger on would make up for."""
    return await services.triggers.missed_while_off(caller, project, task, trigger)


@routes.get("/projects/{project}/tasks/{task}/missed", gives=MissedView)
async def count_missed_of_task(caller: Caller, services: Asked, project: Project, task: Task) -> object:
    """What resuming a paused task would make up for."""
    return await services.triggers.missed_while_paused(caller, project, task)


@routes.post(f"{_ONE}/enable", gives=TriggerView)
async def enable_trigger(
    caller: Caller, services: Asked, project: Project, task: Task, trigger: Trigger, body: EnableBody
) -> object:
    """Switch a trigger on."""
    return await services.triggers.enable(caller, project, task, trigger, catch_up=body.catch_up)


@routes.post(f"{_ONE}/disable", gives=TriggerView)
async def disable_trigger(
    caller: Caller, services: Asked, project: Project, task: Task, trigger: Trigger, body: NoteBody
) -> object:
    """Switch a trigger off; its planned times are recorded as skipped, with the note."""
    return await services.triggers.disable(caller, project, task, trigger, note=body.note)


@routes.put(f"{_ONE}/note", gives=TriggerView)
async def annotate_trigger(
    caller: Caller, services: Asked, project: Project, task: Task, trigger: Trigger, body: NoteBody
) -> object:
    """Change a trigger's note."""
    return await services.triggers.annotate(caller, project, task, trigger, body.note)


@routes.get(f"{_ONE}/deliveries", gives=Page[DeliveryView])
async def list_deliveries(
    caller: Caller,
    services: Asked,
    project: Project,
    task: Task,
    trigger: Trigger,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> object:
    """What came to a trigger's address and what became of it, newest first."""
    return await services.triggers.deliveries(caller, project, task, trigger, cursor=cursor, limit=limit)


@routes.post(f"{_ONE}/address", gives=TriggerView)
async def renew_address(caller: Caller, services: Asked, project: Project, task: Task, trigger: Trigger) -> object:
    """Give a webhook or mail trigger a new address; the old one leads nowhere from now on."""
    return await services.triggers.renew_address(caller, project, task, trigger)


@routes.get(f"{_ONE}/backfill", gives=BackfillPlan)
async def plan_backfill(
    caller: Caller,
    services: Asked,
    project: Project,
    task: Task,
    trigger: Trigger,
    start: AwareDatetime,
    end: AwareDatetime,
) -> object:
    """How many runs a backfill of a range would start."""
    return await services.backfills.plan(caller, project, task, trigger, start, end)


@routes.post(f"{_ONE}/backfill", gives=BackfillView, status=HTTPStatus.ACCEPTED)
async def start_backfill(
    caller: Caller, services: Asked, project: Project, task: Task, trigger: Trigger, body: BackfillBody
) -> object:
    """Run what was planned in a range and has not run."""
    return await services.backfills.start(
        *(caller, project, task, trigger, body.start, body.end),
        overlap=body.overlap,
        max_concurrent=body.max_concurrent,
    )


@routes.get("/projects/{project}/backfills", gives=Page[BackfillView])
async def list_backfills(
    caller: Caller,
    services: Asked,
    *,
    project: Project,
    task: Annotated[str | None, Query(max_length=200, description="With `trigger`: only of that one.")] = None,
    trigger: Annotated[str | None, Query(max_length=200, description="Name of a trigger of `task`.")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> object:
    """A project's backfills, or one trigger's, latest first."""
    return await services.backfills.list(caller, project, task=task, trigger=trigger, cursor=cursor, limit=limit)


@routes.post("/projects/{project}/backfills/{backfill}/pause", gives=BackfillView)
async def pause_backfill(caller: Caller, services: Asked, project: Project, backfill: Backfill) -> object:
    """Start no more of it until it is resumed."""
    return await services.backfills.pause(caller, project, backfill)


@routes.post("/projects/{project}/backfills/{backfill}/resume", gives=BackfillView)
async def resume_backfill(caller: Caller, services: Asked, project: Project, backfill: Backfill) -> object:
    """Go on with a backfill."""
    return await services.backfills.resume(caller, project, backfill)


@routes.post("/projects/{project}/backfills/{backfill}/cancel", gives=BackfillView)
async def cancel_backfill(caller: Caller, services: Asked, project: Project, backfill: Backfill) -> object:
    """End a backfill; runs that have begun go on."""
    return await services.backfills.cancel(caller, project, backfill)


@routes.get("/projects/{project}/calendars", gives=list[CalendarView])
async def list_calendars(caller: Caller, services: Asked, project: Project) -> object:
    """A project's calendars of closed periods, and the server's."""
    return await services.calendars.list(caller, project)


@routes.put("/projects/{project}/calendars/{calendar}", gives=CalendarView)
async def put_calendar(
    caller: Caller, services: Asked, project: Project, calendar: Calendar, body: CalendarBody, if_match: IfMatch = None
) -> object:
    """Make or replace a calendar; schedules that name it follow at once. Without If-Match: a new one.

    `digest` of the one that is there, in quotes, is its ETag: give it back as If-Match.
    """
    return await _put_calendar(caller, services, project, calendar, body, if_match)


@routes.delete("/projects/{project}/calendars/{calendar}")
async def remove_calendar(caller: Caller, services: Asked, project: Project, calendar: Calendar) -> None:
    """Remove a calendar."""
    await services.calendars.remove(caller, project, calendar)


@routes.get("/calendars", gives=list[CalendarView])
async def list_server_calendars(caller: Caller, services: Asked) -> object:
    """The calendars of all projects, also those that a project has one of its own in place of."""
    return await services.calendars.list(caller, None)


@routes.put("/calendars/{calendar}", gives=CalendarView)
async def put_server_calendar(
    caller: Caller, services: Asked, calendar: Calendar, body: CalendarBody, if_match: IfMatch = None
) -> object:
    """Make or replace a calendar for all projects. Without If-Match: a new one; see the calendars of projects."""
    return await _put_calendar(caller, services, None, calendar, body, if_match)


@routes.delete("/calendars/{calendar}")
async def remove_server_calendar(caller: Caller, services: Asked, calendar: Calendar) -> None:
    """Remove a calendar of all projects."""
    await services.calendars.remove(caller, None, calendar)


async def _put_calendar(
    caller: Caller, services: Asked, project: str | None, name: str, body: CalendarBody, if_match: str | None
) -> object:
    view = await services.calendars.put(
        caller, project, name, body.as_views(), exempt_tags=body.exempt_tags, edited=edited(if_match)
    )
    return reply(view, headers={"ETag": etag(view.digest)})
