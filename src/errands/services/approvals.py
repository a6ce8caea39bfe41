"""Approvals: the inbox, and answers."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core import ids
from errands.core.access import ApprovalResource, Principal, ProjectResource, TaskResource, Verb
from errands.core.values import JsonObject
from errands.engine.answering import AnswerRefusedError
from errands.services.authority import Authority, utc_now
from errands.services.errors import Conflict, Denied, Invalid, NotFound, ServiceError
from errands.services.lookup import find_project, find_run
from errands.services.story import step_of
from errands.services.views import ApprovalAnswer, ApprovalAnswered, ApprovalView
from errands.store import approvals, members, runs
from errands.store.approvals import AnswerRow, ApprovalRow
from errands.store.database import Database
from errands.store.members import AccessRow

if TYPE_CHECKING:
    from errands.engine.engine import Engine

_MOST = 500


class ApprovalService:
    """What a caller may ask of approvals. One is named by its id, or by its run if that has one open question."""

    def __init__(self, database: Database, authority: Authority, engine: "Engine") -> None:
        self._database = database
        self._authority = authority
        self._engine = engine

    async def inbox(self, caller: Principal, project: str, *, mine: bool = False) -> list[ApprovalView]:
        """Open questions, oldest first, up to 500; `mine`: those that the caller may still answer. Raises Denied."""
        await self._authority.authorise(caller, Verb.APPROVAL_READ, ProjectResource(project, "approval"))
        async with self._database.engine.connect() as connection:
            owner = await find_project(connection, project)
            rows = await approvals.open_in(connection, owner.id, _MOST)
            views = await _views(connection, rows)
            if not mine:
                return views
            asked = await self._resources(connection, rows)
        return [
            view
            for view, resource in zip(views, asked, strict=True)
            if self._authority.decide(caller, Verb.APPROVAL_ANSWER, resource).allowed
            and all(answer.person != caller.reference for answer in view.answers)
        ]

    async def get(self, caller: Principal, id_or_run: str) -> ApprovalView:
        """One question, open or closed. Raises NotFound, Denied, Invalid (the run asks several)."""
        async with self._database.engine.connect() as connection:
            row = await self._find(connection, caller, id_or_run)
            return (await _views(connection, [row]))[0]

    async def answer(
        self, caller: Principal, id_or_run: str, *, choice: str, form: JsonObject, note: str | None = None
    ) -> ApprovalAnswered:
        """Give the caller's answer; the run goes on once the quorum is reached.

        Raises NotFound, Denied (not asked, or excluded from answering), Conflict (closed, or answered by this person
        before), Invalid (no such choice, a form that does not fit).
        """
        async with self._database.engine.connect() as connection:
            row = await self._find(connection, caller, id_or_run)
            (resource,) = await self._resources(connection, [row])
        await self._authority.authorise(caller, Verb.APPROVAL_ANSWER, resource)
        detail: JsonObject = {"run": ids.encode("run", row.run_id), "choice": choice}
        also = self._authority.witness(caller, Verb.APPROVAL_ANSWER, resource, detail)
        try:
            answered = await self._engine.answer(
                row.id, person=caller.reference, choice=choice, form=form, note=note, also=also
            )
        except AnswerRefusedError as error:
            raise await self._refusal(row, caller.reference, choice, error) from None
        return ApprovalAnswered(ids.encode("approval", row.id), answered.closed, choice)

    async def _find(self, connection: AsyncConnection, caller: Principal, id_or_run: str) -> ApprovalRow:
        """The approval, which the caller may read."""
        if id_or_run.startswith("apr_"):
            try:
                found = await approvals.find(connection, ids.decode("approval", id_or_run))
            except ValueError as error:
                raise Invalid(str(error)) from None
            if found is None:
                raise NotFound("approval", id_or_run)
            await self._authority.authorise(
                caller, Verb.APPROVAL_READ, ProjectResource(found.project, "approval", id_or_run)
            )
            return found
        run_id = await find_run(connection, id_or_run, lambda project: self._sees(caller, project))
        named = ids.encode("run", run_id)
        project = (await runs.projects_of(connection, [run_id])).get(run_id, "")
        await self._authority.authorise(caller, Verb.APPROVAL_READ, ProjectResource(project, "run", named))
        open_ones = await approvals.of_run(connection, run_id)
        if not open_ones:
            raise NotFound("open approval of run", named, hint="The run asks nothing at the moment.")
        if len(open_ones) > 1:
            asked = ", ".join(f"{ids.encode('approval', one.id)} ({step_of(one.path)})" for one in open_ones)
            raise Invalid(f"The run asks {len(open_ones)} questions.", f"Name the approval: {asked}.")
        return open_ones[0]

    def _sees(self, caller: Principal, project: str) -> bool:
        return self._authority.decide(caller, Verb.RUN_READ, ProjectResource(project, "run")).allowed

    async def _resources(self, connection: AsyncConnection, rows: Sequence[ApprovalRow]) -> list[ApprovalResource]:
        """The questions as `permit` knows them, in the same order."""
        access = {task: await members.access_of(connection, task) for task in {row.task_id for row in rows}}
        return [_resource(row, access[row.task_id]) for row in rows]

    async def _refusal(self, row: ApprovalRow, person: str, choice: str, error: AnswerRefusedError) -> ServiceError:
        """Whose move it is now."""
        async with self._database.engine.connect() as connection:
            view = (await _views(connection, [await approvals.find(connection, row.id) or row]))[0]
        answered = any(answer.person == person for answer in view.answers)
        if view.status != "open" or (answered and choice in view.choices):
            return Conflict(str(error), error.hint)
        return Denied(str(error), error.hint) if person in view.excluded else Invalid(str(error), error.hint)


def _resource(row: ApprovalRow, access: AccessRow) -> ApprovalResource:
    """Once it is late, those to whom it is escalated are asked as well."""
    task = TaskResource(row.project, row.task, frozenset(access.runners), frozenset(access.answerers))
    approvers = frozenset(row.approvers)
    escalated = row.escalate_seconds is not None and utc_now() >= row.created_at + timedelta(
        seconds=row.escalate_seconds
    )
    if approvers and escalated:
        approvers |= frozenset(row.escalate_to or ())
    return ApprovalResource(task, ids.encode("approval", row.id), approvers, frozenset(row.excluded))


async def _views(connection: AsyncConnection, rows: Sequence[ApprovalRow]) -> list[ApprovalView]:
    given = await approvals.answers(connection, [row.id for row in rows]) if rows else []
    return [_view(row, [answer for answer in given if answer.approval_id == row.id]) for row in rows]


def _view(row: ApprovalRow, answers: Sequence[AnswerRow]) -> ApprovalView:
    return ApprovalView(
        id=ids.encode("approval", row.id),
        run=ids.encode("run", row.run_id),
        task=row.task,
        path=step_of(row.path),
        question=row.question,
        form=row.form,
        choices=tuple(row.choices),
        approvers=tuple(row.approvers),
        excluded=tuple(row.excluded),
        quorum=row.quorum,
        status=row.status,
        choice=row.choice,
        answers=tuple(
            ApprovalAnswer(one.person, one.choice, one.form or {}, one.note, one.answered_at) for one in answers
        ),
        created_at=row.created_at,
        due_at=row.due_at,
        closed_at=row.closed_at,
    )
