"""Tells people of approvals: asks, reminds, widens the circle when nobody answers, raises an alarm when it is overdue.

One round is one transaction: what was told is written with the messages themselves, and a question is locked while it
is told of, so that each moment counts once, however many servers look.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from errands.core import ids
from errands.core.access import ApprovalResource, Person, SystemPrincipal, TaskResource, Verb, permit, refers_to
from errands.core.approval_times import Notices, OpenQuestion, notices
from errands.core.definition.alarms import APPROVAL, AlarmKind, AlarmRules, read_stored
from errands.core.definition.units import show_duration
from errands.core.rights import ServerRole
from errands.services.authority import Clock, entry_of, utc_now
from errands.services.principals import person_of
from errands.services.raising import raise_alarms
from errands.services.story import step_of
from errands.store import audit, outbox
from errands.store import notices as rows
from errands.store.alarms import NewAlarm
from errands.store.connections import Connection
from errands.store.database import Database
from errands.store.notices import NoticeRow, Reached
from errands.store.outbox import ListenerRow, NewMessage

_AT_ONCE = 100
_LONGEST_TITLE = 120
KEEPER = SystemPrincipal("keeper", "keeper")
"""Who acts where the clock does."""

What = Literal["asked", "reminded", "escalated"]


@dataclass(frozen=True, slots=True)
class _Case:
    """A question, and what is due of it."""

    row: NoticeRow
    rules: AlarmRules
    due: Notices


class Asking:
    """Looks at open questions whose moment has come."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def look(self) -> int:
        """Tell everything that is due. Gives of how many questions."""
        seen = 0
        while True:
            async with self._database.pool.acquire() as connection, connection.transaction():
                found = await _round(connection, self._clock())
            seen += found
            if found < _AT_ONCE:
                return seen


async def _round(connection: Connection, now: datetime) -> int:
    due = await rows.due(connection, now, _AT_ONCE)
    if not due:
        return 0
    cases = [_case(row, now) for row in due]
    projects = sorted({row.project_id for row in due})
    people = {project: await rows.reached(connection, project) for project in projects}
    channels = await outbox.listeners(connection, projects)
    messages = [one for case in cases for one in _messages(case, people[case.row.project_id], channels, now)]
    await outbox.put(connection, messages, now)
    late = [case for case in cases if case.due.overdue]
    await raise_alarms(
        connection, [_alarm(case.row, now) for case in late], {case.row.task_id: case.rules for case in late}, now
    )
    for case in cases:
        await _note(connection, case, now)
    return len(due)


def _case(row: NoticeRow, now: datetime) -> _Case:
    rules = read_stored(row.rules)
    question = OpenQuestion(
        row.created_at,
        remind=_span(row.remind_seconds),
        escalate_after=_span(row.escalate_seconds),
        overdue_after=rules.overdue if isinstance(rules.overdue, timedelta) else None,
        asked_at=row.asked_at,
        reminded_at=row.reminded_at,
        escalated_at=row.escalated_at,
        overdue_at=row.overdue_at,
    )
    return _Case(row, rules, notices(question, now))


async def _note(connection: Connection, case: _Case, now: datetime) -> None:
    """Write down what was told. That others may answer now is a change of rights: it is in the audit log."""
    row, due = case.row, case.due
    if due.escalate:
        detail = {"act": "escalate", "to": list(row.escalate_to or ())}
        entry = entry_of(KEEPER, Verb.APPROVAL_ANSWER, _resource(row, escalated=True), detail, "done")
        await audit.write_in(connection, entry)
    await rows.told(
        connection,
        row.id,
        now=now,
        next_at=due.next_at,
        ask=due.ask,
        remind=due.remind,
        escalate=due.escalate,
        overdue=due.overdue,
    )


def _messages(
    case: _Case, people: Sequence[Reached], channels: Sequence[ListenerRow], now: datetime
) -> Iterator[NewMessage]:
    """One message for each moment that is due and each recipient."""
    row = case.row
    listening = [one for one in channels if one.project_id == row.project_id and APPROVAL in one.events]
    for what, moment in _moments(case, now):
        title, body = _text(row, what)
        key = f"approval:{row.id.hex}:{moment}"
        for person in _asked(row, people, what):
            yield NewMessage(
                row.project_id,
                APPROVAL,
                f"{key}:{person.person.name}",
                title,
                body,
                user_id=person.person.id,
                approval_id=row.id,
            )
        for channel in listening:
            yield NewMessage(
                row.project_id,
                APPROVAL,
                f"{key}:#{channel.name}",
                title,
                body,
                channel_id=channel.id,
                approval_id=row.id,
            )


def _moments(case: _Case, now: datetime) -> Iterator[tuple[What, str]]:
    """What is told, and the name of the moment: the same if it is looked at again."""
    if case.due.ask:
        yield "asked", "asked"
    if case.due.remind and case.row.remind_seconds:
        yield "reminded", f"reminded-{int((now - case.row.created_at).total_seconds() // case.row.remind_seconds)}"
    if case.due.escalate:
        yield "escalated", "escalated"


def _asked(row: NoticeRow, people: Sequence[Reached], what: What) -> Iterator[Reached]:
    """Whoever may answer and has not; of those it is escalated to only they hear that it is."""
    resource = _resource(row, escalated=what == "escalated" or row.escalated_at is not None)
    for one in people:
        person = person_of(one.person)
        if person.reference in row.answered or not permit(person, Verb.APPROVAL_ANSWER, resource).allowed:
            continue
        if what == "escalated":
            if any(refers_to(person, row.project, name) for name in row.escalate_to or ()):
                yield one
        elif one.member or _meant(person, row, resource):
            yield one


def _meant(person: Person, row: NoticeRow, resource: ApprovalResource) -> bool:
    """An administrator may answer everywhere, and is written to where the step names administrators or the person."""
    by_project = {f"role:{role}" for role in ("viewer", "operator", "editor", "owner")}
    named = resource.approvers - by_project
    return person.server_role is ServerRole.ADMIN and any(refers_to(person, row.project, name) for name in named)


def _resource(row: NoticeRow, *, escalated: bool) -> ApprovalResource:
    task = TaskResource(row.project, row.task, frozenset(row.runners), frozenset(row.answerers))
    approvers = frozenset(row.approvers)
    if approvers and escalated:
        approvers |= frozenset(row.escalate_to or ())
    return ApprovalResource(task, ids.encode("approval", row.id), approvers, frozenset(row.excluded))


def _text(row: NoticeRow, what: What) -> tuple[str, str]:
    """Title and text, without a link: that is the recipient's own, and made when the message leaves."""
    approval = ids.encode("approval", row.id)
    begins = {"asked": "", "reminded": "Reminder: ", "escalated": "Nobody has answered yet: "}[what]
    first = next((line.strip() for line in row.question.splitlines() if line.strip()), "a question")
    title = f"{begins}{row.task} asks: {first}"
    lines = [row.question.strip(), "", f"Choices: {', '.join(row.choices)}"]
    if row.quorum > 1:
        lines.append(f"{row.quorum} people must choose the same.")
    if row.due_at is not None:
        lines.append(f"Answer by {row.due_at:%Y-%m-%d %H:%M} UTC.")
    lines += [f"Asked by {ids.encode('run', row.run_id)}, step {step_of(row.path)}, project {row.project}."]
    lines += [f"errands approve {approval}"]
    return title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 3]}...", "\n".join(lines)


def _alarm(row: NoticeRow, now: datetime) -> NewAlarm:
    approval = ids.encode("approval", row.id)
    waited = show_duration(timedelta(seconds=int((now - row.created_at).total_seconds())))
    said = f"The question of step {step_of(row.path)} has waited {waited} for its answer ({approval})."
    return NewAlarm(row.project_id, row.task_id, row.task, AlarmKind.OVERDUE, approval, said, row.run_id)


def _span(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
