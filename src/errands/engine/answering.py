"""Answers to approvals: each person's first answer counts, and the quorum closes the question."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from errands.core.json_schema import compile_schema
from errands.core.values import Json, JsonObject, from_text, to_text
from errands.engine.holds import defaults_of
from errands.engine.launching import request_cancel
from errands.engine.purse import CANCEL
from errands.engine.wakeups import close_wait
from errands.store.connections import Connection, Row


class AnswerRefusedError(Exception):
    """The answer was not taken, and nothing has changed; the hint says what can be done."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer did."""

    closed: bool
    """The quorum is reached; the run goes on."""
    choice: str
    given: int
    """How many people have chosen the same."""
    quorum: int


async def answer(
    connection: Connection,
    approval_id: UUID,
    *,
    person: str,
    choice: str,
    form: JsonObject,
    note: str | None,
    now: datetime,
) -> Answered:
    """Record one person's answer, in the connection's transaction. Raises AnswerRefusedError, LookupError."""
    row = await connection.fetchrow("select * from approvals where id = $1 for update", approval_id)
    if row is None:
        raise LookupError(f"there is no approval apr_{approval_id.hex}")
    if row["status"] != "open":
        raise AnswerRefusedError(f"this question is closed: {await _ending(connection, row)}", "nothing is left to do")
    _check(row, person, choice)
    filled = _filled(row, form)
    inserted = await connection.fetchval(
        "insert into approval_answers (approval_id, person, choice, form, note, answered_at) "
        "values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning person",
        approval_id,
        person,
        choice,
        to_text(filled),
        note,
        now,
    )
    if inserted is None:
        raise await _second(connection, approval_id, person)
    await connection.execute("delete from approval_drafts where approval_id = $1 and person = $2", approval_id, person)
    given = await connection.fetchval(
        "select count(*) from approval_answers where approval_id = $1 and choice = $2", approval_id, choice
    )
    if given < row["quorum"]:
        return Answered(False, choice, given, row["quorum"])
    await connection.execute(
        "update approvals set status = 'answered', choice = $2, closed_at = $3 where id = $1", approval_id, choice, now
    )
    result: JsonObject = {"by": "answer", "choice": choice, "form": filled, "person": person, "at": now.isoformat()}
    if choice == CANCEL and _is_budget(row):
        of = f"{row['path'].partition('/')[0]}: a budget was used up"
        await request_cancel(connection, row["run_id"], person, of, now)
    await close_wait(connection, row["run_id"], row["path"], result, now)
    return Answered(True, choice, given, row["quorum"])


def _is_budget(row: Row) -> bool:
    subject = None if row["subject"] is None else from_text(row["subject"])
    return isinstance(subject, dict) and subject.get("kind") == "budget"


async def _ending(connection: Connection, row: Row) -> str:
    """How a question was closed, by whom and when."""
    at = f"{row['closed_at']:%Y-%m-%d %H:%M} UTC"
    match row["status"]:
        case "answered":
            given = await connection.fetch(
                "select person from approval_answers where approval_id = $1 and choice = $2 order by answered_at",
                row["id"],
                row["choice"],
            )
            return f"{' and '.join(one['person'] for one in given)} answered {row['choice']!r}, the last at {at}"
        case "expired":
            return f"its time was over at {at}"
        case _:
            return f"its run has ended, at {at}"


async def _second(connection: Connection, approval_id: UUID, person: str) -> AnswerRefusedError:
    """Why somebody's second answer does not count."""
    first = await connection.fetchrow(
        "select choice, answered_at from approval_answers where approval_id = $1 and person = $2", approval_id, person
    )
    assert first is not None
    said = f"{person} has already answered {first['choice']!r} at {first['answered_at']:%Y-%m-%d %H:%M} UTC"
    return AnswerRefusedError(said, "each person's first answer counts")


def _check(row: Row, person: str, choice: str) -> None:
    if choice not in row["choices"]:
        raise AnswerRefusedError(f"{choice!r} is not a choice here", f"choose one of: {', '.join(row['choices'])}")
    if person in row["excluded"]:
        raise AnswerRefusedError(
            f"{person} may not answer this question, which the task excludes for the one who started the run",
            "let somebody else answer",
        )


def _filled(row: Row, form: JsonObject) -> JsonObject:
    """The form as it was answered: defaults where nothing was filled in. Raises AnswerRefusedError for what misfits."""
    schema: Json = None if row["form"] is None else from_text(row["form"])
    if not isinstance(schema, dict):
        if form:
            raise AnswerRefusedError("this question has no form", "answer with a choice alone")
        return {}
    filled = {**defaults_of(schema), **form}
    misfits = compile_schema(schema).misfits(filled, subject="the form")
    if misfits:
        said = "; ".join(f"{'.'.join(map(str, misfit.path))}: {misfit.message}" for misfit in misfits)
        raise AnswerRefusedError(f"the form does not fit: {said}", "correct it and answer again")
    return filled
