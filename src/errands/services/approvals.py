"""Approvals: the inbox, and answers."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core import ids
from errands.core.access import (
    ApprovalResource,
    Principal,
    ProjectResource,
    SystemPrincipal,
    TaskResource,
    Verb,
    references_of,
)
from errands.core.values import Json, JsonObject, to_text
from errands.engine.answering import AnswerRefusedError
from errands.services.authority import Authority, utc_now
from errands.services.errors import Conflict, Denied, Invalid, NotFound, ServiceError
from errands.services.lookup import find_project, find_run
from errands.services.principals import behind
from errands.services.story import step_of
from errands.services.views import ApprovalAnswer, ApprovalAnswered, ApprovalView, DraftView, Page
from errands.store import approval_drafts, approvals, members, projects, runs
from errands.store.approval_drafts import DraftRow
from errands.store.approvals import AnswerRow, ApprovalRow
from errands.store.database import Database
from errands.store.members import AccessRow

if TYPE_CHECKING:
    from errands.engine.engine import Engine

_MOST = 500
_LARGEST_DRAFT = 64 * 2**10


class ApprovalService:
    """What a caller may ask of approvals. One is named by its id, or by its run if that has one open question."""

    def __init__(self, database: Database, authority: Authority, engine: "Engine") -> None:
        self._database = database
        self._authority = authority
        self._engine = engine

    async def inbox(
        self,
        caller: Principal,
        project: str | None = None,
        *,
        mine: bool = False,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[ApprovalView]:
        """Open questions, oldest first. `mine`: those that the caller may still answer.

        Without a project those of all projects that the caller may still answer. A page may hold fewer than `limit`
        and have a next one. Raises NotFound, Denied, Invalid.
        """
        if project is not None:
            await self._authority.authorise(caller, Verb.APPROVAL_READ, ProjectResource(project, "approval"))
        after = _after(cursor, limit)
        if project is None or mine:
            return await self._answerable(caller, project, after, limit)
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            rows = await approvals.open_in(connection, owner.id, after=after, limit=limit + 1)
            return await _page(connection, rows[:limit], more=len(rows) > limit)

    async def _answerable(
        self, caller: Principal, project: str | None, after: UUID | None, limit: int
    ) -> Page[ApprovalView]:
        """One page: the database picks by names, `permit` has the last word."""
        async with self._database.reader.connect() as connection:
            seen = [await find_project(connection, project)] if project else await projects.every(connection)
            reach = {one.id: sorted(_names(caller, one.name)) for one in seen if self._reads(caller, one.name)}
            found = await approvals.answerable(
                self._database.pool,
                reach,
                caller.reference,
                everything=isinstance(caller, SystemPrincipal),
                after=after,
                limit=limit + 1,
            )
            rows = await approvals.those(connection, found[:limit])
            asked = await self._resources(connection, rows)
            own = [
                row
                for row, resource in zip(rows, asked, strict=True)
                if self._authority.decide(caller, Verb.APPROVAL_ANSWER, resource).allowed
            ]
            last = rows[-1].id if len(found) > limit else None
            return await _page(connection, own, more=last is not None, last=last)

    def _reads(self, caller: Principal, project: str) -> bool:
        return self._authority.decide(caller, Verb.APPROVAL_READ, ProjectResource(project, "approval")).allowed

    async def get(self, caller: Principal, id_or_run: str) -> ApprovalView:
        """One question, open or closed. Raises NotFound, Denied, Invalid (the run asks several)."""
        async with self._database.reader.connect() as connection:
            row = await self._find(connection, caller, id_or_run)
            return (await _views(connection, [row]))[0]

    async def answer(
        self,
        caller: Principal,
        id_or_run: str,
        *,
        choice: str,
        form: JsonObject,
        note: str | None = None,
        way: str | None = None,
    ) -> ApprovalAnswered:
        """Give the caller's answer; the run goes on once the quorum is reached.

        `way`: how the caller came, for the record. Raises NotFound, Denied (not asked, or excluded from answering),
        Conflict (closed, or answered by this person before), Invalid (no such choice, a form that does not fit).
        """
        async with self._database.reader.connect() as connection:
            row = await self._find(connection, caller, id_or_run)
            (resource,) = await self._resources(connection, [row])
        await self._authority.authorise(caller, Verb.APPROVAL_ANSWER, resource)
        detail: dict[str, Json] = {"run": ids.encode("run", row.run_id), "choice": choice}
        if way is not None:
            detail["by"] = way
        also = self._authority.witness(caller, Verb.APPROVAL_ANSWER, resource, detail)
        try:
            answered = await self._engine.answer(
                row.id, person=caller.reference, choice=choice, form=form, note=note, also=also
            )
        except AnswerRefusedError as error:
            raise await self._refusal(row, caller.reference, choice, error) from None
        return ApprovalAnswered(ids.encode("approval", row.id), answered.closed, choice)

    async def behind_link(self, approval_id: UUID) -> ApprovalView:
        """A question for somebody who holds a link that we have signed: the link is the right. Raises NotFound."""
        async with self._database.reader.connect() as connection:
            found = await approvals.find(connection, approval_id)
            if found is None:
                raise NotFound("approval", ids.encode("approval", approval_id))
            return (await _views(connection, [found]))[0]

    async def draft(self, caller: Principal, id_or_run: str) -> DraftView:
        """What the caller has begun to answer. Raises NotFound, Denied, Invalid."""
        async with self._database.reader.connect() as connection:
            row = await self._find(connection, caller, id_or_run)
            found = await approval_drafts.find(connection, row.id, caller.reference)
        if found is None:
            raise NotFound("draft of an answer to", ids.encode("approval", row.id))
        return _draft_view(found)

    async def save_draft(
        self,
        caller: Principal,
        id_or_run: str,
        *,
        choice: str | None = None,
        form: JsonObject | None = None,
        note: str | None = None,
    ) -> DraftView:
        """Keep what the caller has filled in so far, for later: only the caller sees it, and it decides nothing.

        The form may still be incomplete. Raises NotFound, Denied, Conflict (closed), Invalid.
        """
        async with self._database.engine.begin() as connection:
            row = await self._find(connection, caller, id_or_run)
            (resource,) = await self._resources(connection, [row])
            await self._authority.authorise(caller, Verb.APPROVAL_ANSWER, resource)
            _check_draft(row, choice, form or {})
            draft = DraftRow(row.id, caller.reference, choice, form or {}, note, utc_now())
            await approval_drafts.put(connection, draft)
            await self._authority.record(connection, caller, Verb.APPROVAL_ANSWER, resource, {"act": "draft"})
        return _draft_view(draft)

    async def drop_draft(self, caller: Principal, id_or_run: str) -> None:
        """Forget the caller's draft. Raises NotFound, Denied, Invalid."""
        async with self._database.engine.begin() as connection:
            row = await self._find(connection, caller, id_or_run)
            (resource,) = await self._resources(connection, [row])
            if not await approval_drafts.remove(connection, row.id, caller.reference):
                raise NotFound("draft of an answer to", ids.encode("approval", row.id))
            await self._authority.record(connection, caller, Verb.APPROVAL_ANSWER, resource, {"act": "drop draft"})

    async def _find(self, connection: AsyncConnection, caller: Principal, id_or_run: str) -> ApprovalRow:
        """The approval, which the caller may read; by a run the one that it asks, or else has asked last."""
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
        project = (await runs.projects_of(connection, [run_id])).get(run_id)
        if project is None:
            raise NotFound("run", id_or_run)
        await self._authority.authorise(caller, Verb.APPROVAL_READ, ProjectResource(project, "run", named))
        open_ones = await approvals.of_run(connection, run_id)
        if not open_ones:
            # Whoever comes late is told who was quicker, as by the question's own id.
            last = await approvals.last_of_run(connection, run_id)
            if last is None:
                raise NotFound("approval of run", named, hint="The run has asked nothing so far.")
            return last
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
        async with self._database.reader.connect() as connection:
            view = (await _views(connection, [await approvals.find(connection, row.id) or row]))[0]
        answered = any(answer.person == person for answer in view.answers)
        if view.status != "open" or (answered and choice in view.choices):
            return Conflict(str(error), error.hint)
        return Denied(str(error), error.hint) if person in view.excluded else Invalid(str(error), error.hint)


def _resource(row: ApprovalRow, access: AccessRow) -> ApprovalResource:
    """Once it is escalated, those it was escalated to are asked as well."""
    task = TaskResource(row.project, row.task, frozenset(access.runners), frozenset(access.answerers))
    approvers = frozenset(row.approvers)
    if approvers and row.escalated_at is not None:
        approvers |= frozenset(row.escalate_to or ())
    return ApprovalResource(task, ids.encode("approval", row.id), approvers, frozenset(row.excluded))


def _names(caller: Principal, project: str) -> frozenset[str]:
    person = behind(caller)
    return frozenset({caller.reference}) if person is None else references_of(person, project)


def _after(cursor: str | None, limit: int) -> UUID | None:
    if not 1 <= limit <= _MOST:
        raise Invalid(f"{limit} questions cannot be on one page.", f"Ask for 1 to {_MOST}.")
    if cursor is None:
        return None
    try:
        return ids.decode("approval", cursor)
    except ValueError:
        raise Invalid(f"{cursor[:80]!r} is no cursor of this list.", "Take it from the page before.") from None


def _check_draft(row: ApprovalRow, choice: str | None, form: JsonObject) -> None:
    """What can never become an answer is refused at once; the rest is looked at when it is given."""
    if row.status != "open":
        raise Conflict(f"This question is closed: {row.status}.", "Nothing is left to answer.")
    if choice is not None and choice not in row.choices:
        raise Invalid(f"{choice[:80]!r} is not a choice here.", f"Choose one of: {', '.join(row.choices)}.")
    if form and row.form is None:
        raise Invalid("This question has no form.", "Leave `form` out.")
    size = len(to_text(form))
    if size > _LARGEST_DRAFT:
        raise Invalid(f"The draft's form has {size} characters.", f"{_LARGEST_DRAFT} are kept at most.")


def _draft_view(row: DraftRow) -> DraftView:
    return DraftView(ids.encode("approval", row.approval_id), row.choice, row.form, row.note, row.saved_at)


async def _page(
    connection: AsyncConnection, rows: Sequence[ApprovalRow], *, more: bool, last: UUID | None = None
) -> Page[ApprovalView]:
    views = await _views(connection, rows)
    end = last or (rows[-1].id if rows else None)
    return Page(tuple(views), ids.encode("approval", end) if more and end is not None else None)


async def _views(connection: AsyncConnection, rows: Sequence[ApprovalRow]) -> list[ApprovalView]:
    given = await approvals.answers(connection, [row.id for row in rows]) if rows else []
    return [_view(row, [answer for answer in given if answer.approval_id == row.id]) for row in rows]


def _view(row: ApprovalRow, answers: Sequence[AnswerRow]) -> ApprovalView:
    after = row.escalate_seconds
    return ApprovalView(
        id=ids.encode("approval", row.id),
        run=ids.encode("run", row.run_id),
        project=row.project,
        task=row.task,
        task_title=row.task_title,
        path=step_of(row.path),
        question=row.question,
        form=row.form,
        choices=tuple(row.choices),
        subject=row.subject,
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
        reminded_at=row.reminded_at,
        reminders=row.reminders,
        escalates_at=None if after is None else row.created_at + timedelta(seconds=after),
        escalate_to=tuple(row.escalate_to or ()),
        escalated_at=row.escalated_at,
    )
