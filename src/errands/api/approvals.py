"""Approvals: the inbox, and answers."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from errands.api.bodies import Body, JsonMap, Project
from errands.api.callers import Asked, Caller
from errands.api.routes import Routes
from errands.services.views import ApprovalAnswered, ApprovalView

routes = Routes("approvals")
Approval = Annotated[
    str,
    Path(
        min_length=6,
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


@routes.get("/projects/{project}/approvals", gives=list[ApprovalView])
async def list_approvals(
    caller: Caller,
    services: Asked,
    project: Project,
    mine: Annotated[bool, Query(description="Only those that you may still answer.")] = False,
) -> object:
    """Open questions, oldest first."""
    return await services.approvals.inbox(caller, project, mine=mine)


@routes.get("/approvals/{approval}", gives=ApprovalView)
async def get_approval(caller: Caller, services: Asked, approval: Approval) -> object:
    """One question, open or closed, with its answers."""
    return await services.approvals.get(caller, approval)


@routes.post("/approvals/{approval}/answer", gives=ApprovalAnswered)
async def answer_approval(caller: Caller, services: Asked, approval: Approval, body: AnswerBody) -> object:
    """Answer a question that holds a run; it goes on once enough people have."""
    return await services.approvals.answer(caller, approval, choice=body.choice, form=body.form, note=body.note)
