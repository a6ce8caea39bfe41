"""Runs: started, listed, read, followed, cancelled, repeated."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import Header, Query, Request, Response
from pydantic import AwareDatetime, Field

from errands.api.bodies import Body, Cursor, Limit, Project, Run, Task, Version, VersionNumber
from errands.api.callers import Asked, Caller
from errands.api.following import Followers, LastEventId, events_response
from errands.api.problems import Refusal
from errands.api.routes import Routes, reply
from errands.api.starting import TAKES, Started
from errands.core.access import Principal
from errands.core.definition.units import Duration, show_duration
from errands.core.outcomes import RunStatus
from errands.core.values import Json, JsonValue
from errands.services import Services
from errands.services.parts import LARGEST_PART
from errands.services.views import (
    LogLine,
    Page,
    RerunView,
    RunChanged,
    RunEnded,
    RunLine,
    RunSnapshot,
    RunStarted,
    RunView,
    StepView,
    TextPart,
)

routes = Routes("runs")
_LONGEST_WAIT = timedelta(minutes=5)
Wait = Annotated[
    Duration | None,
    Query(description="How long to wait for the run's end, such as `30s`; 5m at most.", examples=["30s"]),
]
IdempotencyKey = Annotated[
    str | None,
    Header(min_length=1, max_length=200, description="The same key with the same request gives the first run again."),
]
Note = Annotated[str | None, Query(max_length=1000, description="Kept in the audit log: why.")]
Since = Annotated[AwareDatetime | None, Query(description="Queued at this moment or later.")]
Until = Annotated[AwareDatetime | None, Query(description="Queued before this moment.")]
OfTask = Annotated[str | None, Query(max_length=200, description="Only runs of this task.")]
OfStatus = Annotated[RunStatus | None, Query(description="Only runs in this state.")]
Largest = Annotated[
    int | None,
    Query(
        ge=0,
        le=2**31,
        description="Leave out inputs and outputs of more bytes; `input_size` and `output_size` say how many.",
    ),
]
RecordPath = Annotated[
    str | None, Query(max_length=500, description="A step, or a record below it. Without: the run itself.")
]
_EXAMPLE = {
    "id": "run_0192f3c4a1b27c3e8d5f6a7b8c9d0e1f",
    "status": "queued",
    "reason": None,
    "existing": False,
}
_ENDED = {200: {"model": RunView, "description": "The run has ended within the time to wait."}}


class CancelBody(Body):
    reason: Annotated[str, Field(max_length=1000)] | None = None
    """Kept with the run."""


class RerunBody(Body):
    from_step: Annotated[str, Field(max_length=500)] | None = None
    """Path of the step to begin with; what stands before it is taken over. `@failed`: everything that succeeded is, and
    what failed is done again, with what hangs on it. None: from the beginning."""
    version: VersionNumber | None = None
    """Number of the version. None: that of the run."""
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    """In place of the run's arguments of the same name. Steps before `from_step` that this changes are done again."""
    outputs: dict[str, JsonValue] = Field(default_factory=dict)
    """In place of what came of steps before `from_step`, by their path; takes the right to publish the task."""


@routes.post(
    "/projects/{project}/tasks/{task}/runs",
    gives=RunStarted,
    status=HTTPStatus.ACCEPTED,
    also=_ENDED,
    example=_EXAMPLE,
    takes=TAKES,
)
async def start_run(
    caller: Caller,
    services: Asked,
    project: Project,
    task: Task,
    start: Started,
    wait: Wait = None,
    idempotency_key: IdempotencyKey = None,
) -> object:
    """Start a run: 202 with its address in Location. With `wait`, 200 and the whole run if it ends in time.

    Files for params of `format: file` are sent as multipart/form-data, each part under the name of its param.
    """
    seconds = _seconds(wait)
    body = start.body
    started = await services.runs.start(
        *(caller, project, task, body.arguments),
        version=body.version,
        idempotency_key=idempotency_key,
        files=start.files,
    )
    return await _told(services, caller, started, seconds)


@routes.get("/projects/{project}/runs", gives=Page[RunLine])
async def list_runs(
    caller: Caller,
    services: Asked,
    *,
    project: Project,
    task: OfTask = None,
    status: OfStatus = None,
    since: Since = None,
    until: Until = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> object:
    """Runs, newest first. New ones do not move the pages that follow."""
    return await services.runs.list(
        caller, project, task=task, status=status, since=since, until=until, cursor=cursor, limit=limit
    )


@routes.get("/runs/{run}", gives=RunView)
async def get_run(caller: Caller, services: Asked, run: Run, largest: Largest = None) -> object:
    """A run with its record, what it waits for, and its files. A large output is left out: see `output_size`."""
    return await services.runs.get(caller, run, largest=largest)


@routes.delete("/runs/{run}")
async def delete_run(caller: Caller, services: Asked, run: Run, note: Note = None) -> None:
    """Delete an ended run with its record, log and files, at once and for good. 409 while it goes on."""
    await services.records.delete(caller, run, note=note)


@routes.get("/runs/{run}/steps", gives=list[StepView])
async def list_steps(caller: Caller, services: Asked, run: Run) -> object:
    """The steps of a run, as far as it got, in the order of the file."""
    return (await services.runs.get(caller, run)).steps


@routes.get("/runs/{run}/output", gives=Json)
async def get_run_output(caller: Caller, services: Asked, run: Run, path: RecordPath = None) -> object:
    """The output of a run, or of a step or record of it, however large."""
    return await services.runs.output(caller, run, path=path)


@routes.get("/runs/{run}/text", gives=TextPart)
async def get_run_text(
    caller: Caller,
    services: Asked,
    *,
    run: Run,
    path: RecordPath = None,
    of: Annotated[Literal["input", "output"], Query(description="Which side of it.")] = "output",
    offset: Annotated[int, Query(ge=0, le=2**53, description="Byte to begin with.")] = 0,
    limit: Annotated[int, Query(ge=4, le=LARGEST_PART, description="Bytes of the part.")] = 2**16,
) -> object:
    """A part of a recorded value as JSON text, however large the value is; without `path` of the run's own."""
    return await services.runs.part(caller, run, path=path, of=of, offset=offset, limit=limit)


@routes.get("/runs/{run}/logs", gives=list[LogLine])
async def list_log_lines(
    caller: Caller,
    services: Asked,
    run: Run,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="Only lines after the one with this id.")] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> object:
    """Lines of a run's log, in their order."""
    return await services.runs.logs(caller, run, after=after, limit=limit)


@routes.get("/runs/{run}/events", gives=Response, also=events_response)
async def follow_run(
    request: Request,
    caller: Caller,
    services: Asked,
    run: Run,
    last_event_id: LastEventId = None,
    largest: Largest = None,
) -> object:
    """The run as it is, then every change, until it ends: server-sent events."""
    followers: Followers = request.app.state.followers
    return await followers.follow(services, caller, run, last_event_id, largest)


@routes.post("/runs/{run}/cancel", gives=dict[str, bool], example={"cancelled": True})
async def cancel_run(caller: Caller, services: Asked, run: Run, body: CancelBody) -> object:
    """Ask a run to end. `cancelled` is false where it had ended already."""
    return {"cancelled": await services.runs.cancel(caller, run, reason=body.reason)}


@routes.get("/runs/{run}/rerun", gives=RerunView)
async def plan_rerun(
    caller: Caller,
    services: Asked,
    run: Run,
    from_step: Annotated[str | None, Query(max_length=500)] = None,
    version: Version = None,
) -> object:
    """What a rerun would take over, and what it would do to the outside a second time."""
    return await services.runs.rerun_plan(caller, run, from_step=from_step, version=version)


@routes.post("/runs/{run}/rerun", gives=RunStarted, status=HTTPStatus.ACCEPTED, also=_ENDED, example=_EXAMPLE)
async def rerun_run(caller: Caller, services: Asked, run: Run, body: RerunBody, wait: Wait = None) -> object:
    """A new run with the same or edited arguments; with `from_step` it takes over the records before that step."""
    seconds = _seconds(wait)
    started = await services.runs.rerun(
        *(caller, run),
        from_step=body.from_step,
        version=body.version,
        arguments=body.arguments,
        outputs=body.outputs,
    )
    return await _told(services, caller, started, seconds)


async def _told(services: Services, caller: Principal, started: RunStarted, seconds: float) -> Response:
    """The run if it ends in time; else where it will be."""
    address = {"Location": f"/api/v1/runs/{started.id}"}
    if not seconds:
        return reply(started, HTTPStatus.ACCEPTED, address)
    status = started.status
    try:
        async with asyncio.timeout(seconds), aclosing(services.runs.follow(caller, started.id)) as events:
            async for event in events:
                match event:
                    case RunEnded():
                        return reply(event.run, HTTPStatus.OK, address)
                    case RunSnapshot():
                        status = event.run.status
                    case RunChanged():
                        status = event.status
                    case _:
                        pass
    except TimeoutError:
        pass
    return reply(replace(started, status=status), HTTPStatus.ACCEPTED, address)


def _seconds(wait: timedelta | None) -> float:
    """0: do not wait. Raises Refusal for longer than a request may take."""
    if wait is not None and not timedelta(0) <= wait <= _LONGEST_WAIT:
        detail = (
            f"A request waits for up to {_LONGEST_WAIT.total_seconds() / 60:.0f} minutes, not {show_duration(wait)}."
        )
        hint = "Follow /runs/{run}/events for as long as you like."
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "malformed", detail, hint)
    return wait.total_seconds() if wait is not None else 0.0
