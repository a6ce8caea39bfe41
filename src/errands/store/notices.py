"""Questions of which people are to be told, and whom they could be told to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from errands.core.values import JsonObject, from_text
from errands.store.callers import PersonRow, person_columns, person_row
from errands.store.connections import Connection
from errands.store.sql import statement


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """An open question, with what its notices follow from."""

    id: UUID
    run_id: UUID
    project_id: UUID
    project: str
    task_id: UUID
    task: str
    path: str
    question: str
    choices: Sequence[str]
    approvers: Sequence[str]
    excluded: Sequence[str]
    quorum: int
    remind_seconds: float | None
    escalate_seconds: float | None
    escalate_to: Sequence[str] | None
    created_at: datetime
    due_at: datetime | None
    asked_at: datetime | None
    reminded_at: datetime | None
    escalated_at: datetime | None
    overdue_at: datetime | None
    runners: Sequence[str]
    answerers: Sequence[str]
    answered: Sequence[str]
    """Who has answered already."""
    rules: JsonObject
    """The task's alarms."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A person who can be written to."""

    person: PersonRow
    member: bool
    """Has a role in the project. False: an administrator without one."""


async def due(connection: Connection, now: datetime, most: int) -> list[NoticeRow]:
    """Questions whose moment has come; locked, so that no other server tells of them too."""
    rows = await connection.fetch(statement("due_notices"), now, most)
    plain = [name for name in NoticeRow.__dataclass_fields__ if name != "rules"]
    return [NoticeRow(**{name: row[name] for name in plain}, rules=_rules(row["rules"])) for row in rows]


async def told(
    connection: Connection,
    approval_id: UUID,
    *,
    now: datetime,
    next_at: datetime | None,
    ask: bool,
    remind: bool,
    escalate: bool,
    overdue: bool,
) -> None:
    """Write down what was told, and when to look again. Who is asked only now counts as reminded."""
    await connection.execute(
        "update approvals set notice_at = $3, asked_at = case when $4 then $2 else asked_at end, "
        "reminded_at = case when $4 or $5 then $2 else reminded_at end, reminders = reminders + $5::int, "
        "escalated_at = case when $6 then $2 else escalated_at end, "
        "overdue_at = case when $7 then $2 else overdue_at end where id = $1",
        approval_id,
        now,
        next_at,
        ask,
        remind,
        escalate,
        overdue,
    )


async def reached(connection: Connection, project_id: UUID) -> list[Reached]:
    """People with an address who have a role in a project, and administrators with one."""
    rows = await connection.fetch(
        f"select {person_columns()}, exists(select 1 from members where members.project_id = $1 and "
        "(members.user_id = users.id or members.group_id in "
        "(select group_id from group_members where group_members.user_id = users.id))) as member "
        "from users where users.email is not null and users.disabled_at is null and (users.server_role = 'admin' "
        "or users.id in (select user_id from members where project_id = $1) "
        "or users.id in (select group_members.user_id from group_members join members "
        "on members.group_id = group_members.group_id where members.project_id = $1)) order by users.name",
        project_id,
    )
    return [Reached(person_row(row), row["member"]) for row in rows]


def _rules(text: str | None) -> JsonObject:
    value = {} if text is None else from_text(text)
    assert isinstance(value, dict)
    return value
