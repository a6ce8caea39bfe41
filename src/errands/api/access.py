"""Who is what where: members of projects, groups, what tasks narrow, and the audit log."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, Field

from errands.api.bodies import Body, Project, Task
from errands.api.callers import Asked, Caller
from errands.api.edits import IfMatchOptional, IfNew, edited_if_said, edited_or_new, etag
from errands.api.people import PersonName
from errands.api.routes import Routes, reply
from errands.core.access import ProjectRole
from errands.services.audit import Filter, Outcome
from errands.services.people_views import AuditEntry, AuditVerdict, GroupView, MemberView, TaskAccess
from errands.services.views import Check, Page

routes = Routes("access")
Member = Annotated[str, Path(max_length=100, description="`user:NAME` or `group:NAME`.", examples=["user:ana"])]
Group = Annotated[str, Path(min_length=1, max_length=100, examples=["ops"])]
References = Annotated[list[Annotated[str, Field(max_length=70)]], Field(max_length=100)]
Sought = Annotated[str | None, Query(max_length=200)]


class MemberBody(Body):
    role: ProjectRole


class GroupBody(Body):
    title: Annotated[str, Field(max_length=200)] | None = None


class AccessBody(Body):
    """Who alone may; an empty list narrows nothing."""

    runners: References = Field(default_factory=list, examples=[["group:ops"]])
    answerers: References = Field(default_factory=list, examples=[["user:ana", "role:owner"]])


class VerifyBody(Body):
    expected_head: Annotated[str, Field(max_length=200)] | None = None
    """The head that an earlier check or an export has told: a log that was cut is found out with it."""


@routes.get("/projects/{project}/members", gives=list[MemberView])
async def list_members(caller: Caller, services: Asked, project: Project) -> object:
    """Everybody who has a role in the project."""
    return await services.members.list(caller, project)


@routes.put("/projects/{project}/members/{member}")
async def put_member(
    caller: Caller,
    services: Asked,
    *,
    project: Project,
    member: Member,
    body: MemberBody,
    if_match: IfMatchOptional = None,
    if_none_match: IfNew = None,
) -> None:
    """Give a person or a group a role, in place of an earlier one.

    `digest` of the member that is there, in quotes, is its ETag: give it back as If-Match.
    """
    await services.members.put(caller, project, member, body.role, edited=edited_or_new(if_match, if_none_match))


@routes.delete("/projects/{project}/members/{member}")
async def remove_member(caller: Caller, services: Asked, project: Project, member: Member) -> None:
    """Take the role away."""
    await services.members.remove(caller, project, member)


@routes.get("/projects/{project}/tasks/{task}/access", gives=TaskAccess)
async def get_task_access(caller: Caller, services: Asked, project: Project, task: Task) -> object:
    """Who alone may run a task and answer for it."""
    view = await services.members.task_access(caller, project, task)
    return reply(view, headers={"ETag": etag(view.digest)})


@routes.put("/projects/{project}/tasks/{task}/access", gives=TaskAccess)
async def narrow_task(
    caller: Caller, services: Asked, project: Project, task: Task, body: AccessBody, if_match: IfMatchOptional = None
) -> object:
    """Let only these run the task, and only those answer for it."""
    named = {"runners": body.runners, "answerers": body.answerers}
    view = await services.members.narrow_task(caller, project, task, **named, edited=edited_if_said(if_match))
    return reply(view, headers={"ETag": etag(view.digest)})


@routes.get("/groups", gives=list[GroupView])
async def list_groups(caller: Caller, services: Asked) -> object:
    """All groups with their people."""
    return await services.groups.list(caller)


@routes.put("/groups/{group}")
async def create_group(caller: Caller, services: Asked, group: Group, body: GroupBody) -> None:
    """Make a group."""
    await services.groups.create(caller, group, title=body.title)


@routes.delete("/groups/{group}")
async def remove_group(caller: Caller, services: Asked, group: Group) -> None:
    """Remove a group; its people lose what they had by it."""
    await services.groups.remove(caller, group)


@routes.put("/groups/{group}/people/{person}")
async def add_to_group(caller: Caller, services: Asked, group: Group, person: PersonName) -> None:
    """Take somebody into a group."""
    await services.groups.add(caller, group, person)


@routes.delete("/groups/{group}/people/{person}")
async def take_out_of_group(caller: Caller, services: Asked, group: Group, person: PersonName) -> None:
    """Take somebody out of a group."""
    await services.groups.take_out(caller, group, person)


async def wanted(
    actor: Sought = None,
    verb: Sought = None,
    noun: Sought = None,
    name: Sought = None,
    project: Sought = None,
    outcome: Outcome | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
) -> Filter:
    """Which entries of the audit log."""
    return Filter(actor, verb, noun, name, project, outcome, since, until)


Wanted = Annotated[Filter, Depends(wanted)]


@routes.get("/audit", gives=Page[AuditEntry])
async def list_audit_entries(
    caller: Caller,
    services: Asked,
    sought: Wanted,
    cursor: Annotated[str | None, Query(max_length=30)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> object:
    """What was done and refused, newest first."""
    return await services.audit.list(caller, sought, cursor=cursor, limit=limit)


@routes.get(
    "/audit/export",
    gives=Response,
    also={200: {"description": "Lines of JSON, signed.", "content": {"application/x-ndjson": {}}}},
)
async def export_audit(caller: Caller, services: Asked, sought: Wanted) -> object:
    """The audit log as a file, signed."""
    lines = services.audit.export(caller, sought)
    first = await anext(lines)
    headers = {"Content-Disposition": 'attachment; filename="audit.ndjson"'}
    return StreamingResponse(_ended(first, lines), headers=headers, media_type="application/x-ndjson")


@routes.post("/audit/verify", gives=AuditVerdict)
async def verify_audit(caller: Caller, services: Asked, body: VerifyBody) -> object:
    """Follow the log's chain from its beginning, and name the first entry that does not fit."""
    return await services.audit.verify(caller, expected_head=body.expected_head)


@routes.get("/server/checks", gives=list[Check])
async def check_server(caller: Caller, services: Asked) -> object:
    """Whether the database, keys, extras and models are in order, and what to do where not."""
    return await services.doctor.report(caller)


@routes.post("/server/secrets/rotate", gives=dict[str, int], example={"encrypted_anew": 12})
async def rotate_secrets(caller: Caller, services: Asked) -> object:
    """Encrypt every stored secret anew with the newest key; tells how many were. Older keys can be taken away then."""
    return {"encrypted_anew": await services.secrets.rotate(caller)}


async def _ended(first: str, following: AsyncIterator[str]) -> AsyncIterator[str]:
    yield f"{first}\n"
    async for line in following:
        yield f"{line}\n"
