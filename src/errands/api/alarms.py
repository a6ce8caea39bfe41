"""Alarms, and what a project watches by default."""

from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import Field

from errands.api.bodies import Body, Cursor, Limit, Project
from errands.api.callers import Asked, Caller
from errands.api.edits import IfMatchOptional, edited_if_said, etag
from errands.api.routes import Routes, reply
from errands.core.definition.alarms import AlarmKind
from errands.services.notice_views import AlarmView, DefaultsView
from errands.services.views import Page

routes = Routes("alarms")
Alarm = Annotated[
    str,
    Path(
        min_length=1, max_length=64, description="Id of the alarm.", examples=["alm_0192f3c4a1b27c3e8d5f6a7b8c9d0e1f"]
    ),
]
_ALARM = {
    "id": "alm_0192f3c4a1b27c3e8d5f6a7b8c9d0e1f",
    "project": "default",
    "task": "morning-brief",
    "kind": "failed",
    "subject": None,
    "state": "open",
    "message": "run_0192f3c4a1b27c3e8d5f6a7b8c9d0e1f failed at load: connection refused",
    "count": 2,
    "run": "run_0192f3c4a1b27c3e8d5f6a7b8c9d0e1f",
    "opened_at": "2026-03-02T08:00:03Z",
    "last_at": "2026-03-02T09:00:02Z",
    "closed_at": None,
    "closed_by": None,
    "acknowledged_at": None,
    "acknowledged_by": None,
    "note": None,
}
_DEFAULTS = {"rules": {"failed": "episode", "late": 600.0}, "watched": 12}


class AcknowledgeBody(Body):
    note: Annotated[str, Field(max_length=2000, examples=["looking into it"])] | None = None
    """Kept with the alarm."""


Bound = Annotated[str, Field(max_length=40, examples=["10m"])]


class LongBody(Body):
    """How long a run may take."""

    after: Bound | None = None
    """Running time, such as `30m`; `never` takes it back."""
    times_p95: Annotated[float, Field(gt=1, le=1000)] | None = None
    """So many times as long as 95 of the last 100 succeeded runs took."""


class DefaultsBody(Body):
    """The rules of `alarms:` in a task's file. What is left out is not watched."""

    failed: Literal["episode", "each", "never"] | None = None
    recovered: bool | None = None
    late: Bound | None = None
    silent: Bound | None = None
    long: LongBody | None = None
    budget: bool | None = None
    overdue: Bound | None = None
    pause_after_failures: Annotated[int, Field(ge=0, le=1000)] | None = None
    channels: Annotated[list[Annotated[str, Field(max_length=63)]], Field(max_length=50)] | None = None


@routes.get("/projects/{project}/alarms", gives=Page[AlarmView], example={"items": [_ALARM], "next_cursor": None})
async def list_alarms(
    caller: Caller,
    services: Asked,
    project: Project,
    state: Annotated[
        Literal["open", "acknowledged", "closed"] | None, Query(description="`open` includes acknowledged ones.")
    ] = None,
    kind: Annotated[AlarmKind | None, Query(description="What they tell of.")] = None,
    task: Annotated[str | None, Query(max_length=200, description="Only of this task.")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> object:
    """What is or was wrong with a project's tasks, newest first."""
    return await services.alarms.list(caller, project, state=state, kind=kind, task=task, cursor=cursor, limit=limit)


@routes.get("/alarms/{alarm}", gives=AlarmView, example=_ALARM)
async def get_alarm(caller: Caller, services: Asked, alarm: Alarm) -> object:
    """One alarm."""
    return await services.alarms.get(caller, alarm)


@routes.post("/alarms/{alarm}/acknowledge", gives=AlarmView, example={**_ALARM, "state": "acknowledged"})
async def acknowledge_alarm(caller: Caller, services: Asked, alarm: Alarm, body: AcknowledgeBody) -> object:
    """Say that you have seen an open alarm and look after it. It closes when its cause is over."""
    return await services.alarms.acknowledge(caller, alarm, note=body.note)


@routes.get("/projects/{project}/alarm-defaults", gives=DefaultsView, example={**_DEFAULTS, "watched": None})
async def get_alarm_defaults(caller: Caller, services: Asked, project: Project) -> object:
    """What the project watches of tasks that say nothing themselves."""
    view = await services.alarms.defaults(caller, project)
    return reply(view, headers={"ETag": etag(view.digest)})


@routes.put("/projects/{project}/alarm-defaults", gives=DefaultsView, example=_DEFAULTS)
async def set_alarm_defaults(
    caller: Caller, services: Asked, project: Project, body: DefaultsBody, if_match: IfMatchOptional = None
) -> object:
    """Watch every published task so, where its own file says nothing else. Takes effect at once."""
    rules = body.model_dump(exclude_none=True)
    view = await services.alarms.set_defaults(caller, project, rules, edited=edited_if_said(if_match))
    return reply(view, headers={"ETag": etag(view.digest)})
