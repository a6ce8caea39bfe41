"""What happens when a client calls one of our tools."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from mcp_types import CallToolResult, TextContent
from pydantic import ValidationError
from pydantic_core import from_json

from errands.api.bodies import Body
from errands.api.mcp.offered import FIXED, LONGEST_NAME, AnswerApproval, GetRun, StartRun, tool_name
from errands.api.shapes import json_bytes
from errands.core.access import Principal
from errands.core.outcomes import RunStatus
from errands.core.params import ArgumentsInvalid
from errands.core.values import JsonObject
from errands.services import Services
from errands.services.errors import Invalid, NotFound, ServiceError
from errands.services.views import RunChanged, RunEnded, RunSnapshot, RunView, StepChanged

Kind = TypeVar("Kind", bound=Body)
Progress = Callable[[float, str], Awaitable[None]]
"""How many steps have ended, and the one that ended last."""

_PATIENCE_SECONDS = 45.0
"""How long a call of a task waits for its run. Clients give up after a minute unless told otherwise."""


async def call(
    services: Services, caller: Principal, name: str, arguments: Mapping[str, Any], progress: Progress
) -> CallToolResult:
    """Do one call. A refusal is an answer with `isError`, in words that the model behind the client can act on."""
    try:
        if name in FIXED:
            return _told(await _fixed(services, caller, name, arguments, progress))
        return _told(await _task(services, caller, name, arguments, progress))
    except ArgumentsInvalid as invalid:
        lines = [f"{problem.path}: {problem.message}" for problem in invalid.problems]
        return _refused("No run was made; its arguments are wrong.", "; ".join(lines))
    except ServiceError as refusal:
        return _refused(refusal.message, refusal.hint)


async def _task(
    services: Services, caller: Principal, name: str, arguments: Mapping[str, Any], progress: Progress
) -> JsonObject:
    """Start the task behind the name, and wait a while for the run."""
    project, separator, task = name.partition("__")
    if not separator or len(name) >= LONGEST_NAME:
        project, task = await _behind(services, caller, name)
    started = await services.runs.start(caller, project, task, dict(arguments))
    if started.status is RunStatus.SKIPPED:
        return {"run": started.id, "status": started.status.value, "reason": started.reason}
    return await _followed(services, caller, started.id, _PATIENCE_SECONDS, progress)


async def _behind(services: Services, caller: Principal, name: str) -> tuple[str, str]:
    """Project and task of a name that is shortened, or none. Raises NotFound."""
    for offered in await services.offering.tasks(caller):
        if tool_name(offered.project, offered.task) == name:
            return offered.project, offered.task
    raise NotFound("tool", name, hint="tools/list tells what there is.")


async def _fixed(
    services: Services, caller: Principal, name: str, arguments: Mapping[str, Any], progress: Progress
) -> JsonObject:
    match name:
        case "start_run":
            wanted = _read(StartRun, arguments)
            started = await services.runs.start(
                caller, wanted.project, wanted.task, wanted.arguments, idempotency_key=wanted.idempotency_key
            )
            return {"run": started.id, "status": started.status.value, "reason": started.reason}
        case "get_run":
            asked = _read(GetRun, arguments)
            return await _followed(services, caller, asked.run, asked.wait_seconds, progress)
        case "list_approvals":
            page = await services.approvals.inbox(caller, mine=True)
            return {"approvals": [_plain(one) for one in page.items]}
        case _:
            answer = _read(AnswerApproval, arguments)
            answered = await services.approvals.answer(
                caller, answer.approval, choice=answer.choice, form=answer.form, note=answer.note, way="mcp"
            )
            return _object(answered)


async def _followed(services: Services, caller: Principal, run: str, seconds: float, progress: Progress) -> JsonObject:
    """The run when it ends, asks a person, or the time is over; steps are told as they end."""
    try:
        async with asyncio.timeout(seconds):
            await until_still(services, caller, run, progress)
    except TimeoutError:
        pass
    return _of_run(await services.runs.get(caller, run))


async def until_still(services: Services, caller: Principal, run: str, progress: Progress) -> None:
    """Returns when a run has ended or asks a person. Tells each step once, when it has ended."""
    ended: set[str] = set()  # A step of an agent is told again when its figures are there.
    async with aclosing(services.runs.follow(caller, run)) as events:
        async for event in events:
            match event:
                case RunSnapshot(view):
                    ended.update(step.path for step in view.steps if step.finished_at is not None)
                    if view.status is RunStatus.WAITING and _asks(view.waiting):
                        return
                case StepChanged(step) if step.finished_at is not None and step.path not in ended:
                    ended.add(step.path)
                    await progress(float(len(ended)), f"{step.path}: {step.status.value}")
                case RunChanged(RunStatus.WAITING, waiting) if _asks(waiting):
                    return
                case RunEnded():
                    return
                case _:
                    pass


def _asks(waiting: Any) -> bool:
    """Whether only a person can let it go on."""
    return any(one.kind == "approval" for one in waiting)


def _of_run(view: RunView) -> JsonObject:
    told: dict[str, Any] = {"run": view.id, "status": view.status.value, "reason": view.reason}
    if view.status.final:
        told["output"] = view.output
        told["error"] = None if view.error is None else dict(view.error.as_json())
        if view.output_size is not None:
            told["reason"] = f"The output has {view.output_size:,} bytes: GET /api/v1/runs/{view.id}/output gives it."
    if view.waiting:
        told["waiting_for"] = [_plain(one) for one in view.waiting]
    return told


def _read(kind: type[Kind], arguments: Mapping[str, Any]) -> Kind:
    """Raises Invalid that names the argument."""
    try:
        return kind.model_validate(dict(arguments))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Invalid(f"{place}: {first['msg'].removeprefix('Value error, ')}.") from None


def _object(view: object) -> JsonObject:
    plain: JsonObject = _plain(view)
    return plain


def _plain(view: object) -> Any:
    return from_json(json_bytes(view))


def _told(result: JsonObject) -> CallToolResult:
    text = TextContent(type="text", text=json_bytes(result).decode())
    return CallToolResult(content=[text], structured_content=dict(result))


def _refused(message: str, hint: str | None) -> CallToolResult:
    text = f"{message} {hint}" if hint else message
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
