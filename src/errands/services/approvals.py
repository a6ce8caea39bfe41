"""Approvals: the inbox, and answers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core import ids
from errands.core.values import JsonObject
from errands.engine.answering import AnswerRefusedError
from errands.services.errors import Conflict, Denied, Invalid, NotFound, ServiceError
from errands.services.lookup import find_project, find_run
from errands.services.story import step_of
from errands.services.views import ApprovalAnswer, ApprovalAnswered, ApprovalView
from errands.store import approvals
from errands.store.approvals import AnswerRow, ApprovalRow
from errands.store.database import Database

if TYPE_CHECKING:
    from errands.engine.engine import Engine

_MOST = 500


class ApprovalService:
    """What a caller may ask of approvals. One is named by its id, or by its run if that has one open question."""

    def __init__(self, database: Database, engine: "Engine") -> None:
        self._database = database
        self._engine = engine

    async def inbox(self, project: str, *, person: str | None = None) -> list[ApprovalView]:
        """Open questions, oldest first, up to 500; with a person those that he or she may still answer."""
        async with self._database.engine.connect() as connection:
            owner = await find_project(connection, project)
            views = await _views(connection, await approvals.open_in(connection, owner.id, _MOST))
        return views if person is None else [view for view in views if _may_answer(view, person)]

    async def get(self, id_or_run: str) -> ApprovalView:
        """One question, open or closed. Raises NotFound, Invalid (the run asks several)."""
        async with self._database.engine.connect() as connection:
            return (await _views(connection, [await _find(connection, id_or_run)]))[0]

    async def answer(
        self, id_or_run: str, *, person: str, choice: str, form: JsonObject, note: str | None = None
    ) -> ApprovalAnswered:
        """Give one person's answer; the run goes on once the quorum is reached.

        Raises NotFound, Denied (excluded from answering), Conflict (closed, or answered by this person before),
        Invalid (no such choice, a form that does not fit).
        """
        async with self._database.engine.connect() as connection:
            row = await _find(connection, id_or_run)
        try:
            answered = await self._engine.answer(row.id, person=person, choice=choice, form=form, note=note)
        except AnswerRefusedError as error:
            raise await self._refusal(row, person, choice, error) from None
        return ApprovalAnswered(ids.encode("approval", row.id), answered.closed, choice)

    async def _refusal(self, row: ApprovalRow, person: str, choice: str, error: AnswerRefusedError) -> ServiceError:
        """Whose move it is now."""
        async with self._database.engine.connect() as connection:
            view = (await _views(connection, [await approvals.find(connection, row.id) or row]))[0]
        answered = any(answer.person == person for answer in view.answers)
        if view.status != "open" or (answered and choice in view.choices):
            return Conflict(str(error), error.hint)
        return Denied(str(error), error.hint) if person in view.excluded else Invalid(str(error), error.hint)


async def _find(connection: AsyncConnection, id_or_run: str) -> ApprovalRow:
    if id_or_run.startswith("apr_"):
        try:
            found = await approvals.find(connection, ids.decode("approval", id_or_run))
        except ValueError as error:
            raise Invalid(str(error)) from None
        if found is None:
            raise NotFound("approval", id_or_run)
        return found
    run_id = await find_run(connection, id_or_run)
    open_ones = await approvals.of_run(connection, run_id)
    if not open_ones:
        raise NotFound("open approval of run", ids.encode("run", run_id), hint="The run asks nothing at the moment.")
    if len(open_ones) > 1:
        asked = ", ".join(f"{ids.encode('approval', one.id)} ({step_of(one.path)})" for one in open_ones)
        raise Invalid(f"The run asks {len(open_ones)} questions.", f"Name the approval: {asked}.")
    return open_ones[0]


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


def _may_answer(view: ApprovalView, person: str) -> bool:
    return person not in view.excluded and all(answer.person != person for answer in view.answers)
