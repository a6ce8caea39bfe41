"""Approvals: the inbox, and answers."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from errands.api.bodies import Body, Cursor, JsonMap, Limit, Project
from errands.api.callers import Asked, Caller
from errands.api.routes import Routes
from errands.services.views import ApprovalAnswered, ApprovalView, DraftView, Page

routes = Routes("approvals")
Approval = Annotated[
    str,
    Path(
        min_length=1,
        max_length=64,
        description="Id of the approval, or of a run that has one open question.",
        examples=["apr_0192f3c4a1b27c3e8d5f6a7b8c9d0e1f"],
    ),
]


class AnswerBody(Body):
    """One person's answer."""

    choice: Annotated[str, Field(min_length=1, max_length=200, examples=["approve"])]
    """One of the approval's choices."""
    form: JsonMap = Field(default_factory=dict)
    """The fields of its form; what is left out keeps its default."""
    note: Annotated[str, Field(max_length=2000)] | None = None
    """Kept with the answer."""


class DraftBody(Body):
    """An answer that is not complete yet."""

    choice: Annotated[str, Field(min_length=1, max_length=200, examples=["approve"])] | None = None
    form: JsonMap = Field(default_factory=dict)
    """The fields that are filled in so far."""
    note: Annotated[str, Field(max_length=2000)] | None = None


@routes.get("/inbox", gives=Page[ApprovalView])
async def list_inbox(caller: Caller, services: Asked, cursor: Cursor = None, limit: Limit = 100) -> object:
    """Open questions of all projects that you may still answer, oldest first."""
    return await services.approvals.inbox(caller, cursor=cursor, limit=limit)


@routes.get("/projects/{project}/approvals", gives=Page[ApprovalView])
async def list_approvals(
    caller: Caller,
    services: Asked,
    project: Project,
    mine: Annotated[bool, Query(description="Only those that you may still answer.")] = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> object:
    """Open questions of a project, oldest first."""
    return await services.approvals.inbox(caller, project, mine=mine, cursor=cursor, limit=limit)


@routes.get("/approvals/{approval}", gives=ApprovalView)
async def get_approval(caller: Caller, services: Asked, approval: Approval) -> object:
    """One question, open or closed, with its answers."""
    return await services.approvals.get(caller, approval)


@routes.post("/approvals/{approval}/answer", gives=ApprovalAnswered)
async def answer_approval(caller: Caller, services: Asked, approval: Approval, body: AnswerBody) -> object:
    """Answer a question that holds a run; it goes on once enough people have."""
    return await services.approvals.answer(caller, approval, choice=body.choice, form=body.form, note=body.note)


@routes.get("/approvals/{approval}/draft", gives=DraftView)
async def get_draft(caller: Caller, services: Asked, approval: Approval) -> object:
    """Your answer as far as you have saved it. Nobody else sees it."""
    return await services.approvals.draft(caller, approval)


@routes.put("/approvals/{approval}/draft", gives=DraftView)
async def save_draft(caller: Caller, services: Asked, approval: Approval, body: DraftBody) -> object:
    """Save an answer that is not complete yet. It decides nothing; answering removes it."""
    return await services.approvals.save_draft(caller, approval, choice=body.choice, form=body.form, note=body.note)


@routes.delete("/approvals/{approval}/draft")
async def drop_draft(caller: Caller, services: Asked, approval: Approval) -> None:
    """Forget your saved answer."""
    await services.approvals.drop_draft(caller, approval)
