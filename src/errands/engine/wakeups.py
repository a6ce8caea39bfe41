"""What runs wait for, and what wakes them: timers, events, answers, sub-tasks that end, cancels."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from uuid import UUID

from errands.core.access import Verb
from errands.core.definition.steps import ApproveStep
from errands.core.ids import encode
from errands.core.values import Json, JsonObject, from_text, to_text
from errands.engine import admission
from errands.engine.happenings import event_sent
from errands.engine.history import WaitState
from errands.engine.ledger import AnswerHold, ChildHold, EventHold, Hold, TimerHold
from errands.engine.queueing import RESUMED, enqueue, tell
from errands.engine.runs import HeldRun
from errands.store.audit import NewEntry, write_in
from errands.store.connections import Connection
from errands.store.identifiers import new_id
from errands.store.sql import statement
from errands.store.watches import signal_budget

LaunchChild = Callable[[Connection, HeldRun, str, ChildHold], Awaitable[UUID]]


class WaitingRoom:
    """Makes the rows of waits. Each within the transaction that records the wait in the journal."""

    def __init__(self, clock: Callable[[], datetime], launch_child: LaunchChild) -> None:
        self._clock = clock
        self._launch_child = launch_child

    async def register(self, connection: Connection, run: HeldRun, path: str, hold: Hold) -> WaitState:
        """Open a wait; what is over at once comes back done."""
        match hold:
            case TimerHold():
                return await self._timer(connection, run, path, hold)
            case EventHold():
                return await self._event(connection, run, path, hold)
            case AnswerHold():
                return await self._answer(connection, run, path, hold)
            case ChildHold():
                return await self._child(connection, run, path, hold)

    async def _timer(self, connection: Connection, run: HeldRun, path: str, hold: TimerHold) -> WaitState:
        done = {"by": "timer", "at": hold.due_at.isoformat()} if hold.due_at <= self._clock() else None
        await _insert(connection, run, path, "timer", due_at=hold.due_at, result=done, now=self._clock())
        return WaitState(done is not None, done, "timer")

    async def _event(self, connection: Connection, run: HeldRun, path: str, hold: EventHold) -> WaitState:
        """Takes the first such event since the run began that this run has not taken yet, else waits for one.

        Events taken are found by the text of the wait's result: `->>` refuses a document that holds `\\u0000` anywhere.
        """
        await lock_event(connection, run.project_id, hold.name)
        row = await connection.fetchrow(
            r"""
            select id, payload from events
            where project_id = $1 and name = $2 and ($3::text is null or key = $3) and created_at >= $4
              and not exists (select 1 from waits where run_id = $5 and kind = 'event'
                              and substring(result::text from '^{"by":"event","event_id":(\d+),')::bigint = events.id)
            order by id limit 1
            """,
            run.project_id,
            hold.name,
            hold.key,
            run.started_at,
            run.id,
        )
        done = None if row is None else _event_result(row["id"], row["payload"])
        await _insert(
            connection,
            run,
            path,
            "event",
            due_at=hold.due_at,
            event=(hold.name, hold.key),
            result=done,
            now=self._clock(),
        )
        return WaitState(done is not None, done, "event")

    async def _answer(self, connection: Connection, run: HeldRun, path: str, hold: AnswerHold) -> WaitState:
        policy = hold.policy or ApproveStep(key="crash", question=hold.question)
        await connection.execute(
            """
            insert into approvals (id, run_id, path, project_id, question, form, choices, approvers, excluded, quorum,
                                   remind_seconds, escalate_seconds, escalate_to, created_at, due_at, notice_at,
                                   subject)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $14, $16)
            """,
            new_id(),
            run.id,
            path,
            run.project_id,
            hold.question,
            None if hold.form is None else to_text(hold.form),
            list(hold.choices),
            list(policy.approvers),
            [run.starter if name == "starter" else name for name in policy.not_ if name != "starter" or run.starter],
            policy.quorum,
            policy.remind.total_seconds() if policy.remind is not None else None,
            policy.escalate.after.total_seconds() if policy.escalate is not None else None,
            list(policy.escalate.to) if policy.escalate is not None else None,
            self._clock(),
            hold.due_at,
            None if hold.subject is None else to_text(hold.subject),
        )
        if (hold.subject or {}).get("kind") == "budget":
            said = hold.question.strip().partition("\n")[0]
            await signal_budget(connection, run.task_id, run.id, said, self._clock())
        await _insert(connection, run, path, "approval", due_at=hold.due_at, now=self._clock())
        return WaitState(False, None, "approval")

    async def _child(self, connection: Connection, run: HeldRun, path: str, hold: ChildHold) -> WaitState:
        child = await self._launch_child(connection, run, path, hold)
        skipped = await connection.fetchrow("select status, reason from runs where id = $1", child)
        done: JsonObject | None = None
        if not hold.wait:
            done = {"by": "child", "run": _run_text(child)}
        elif skipped is not None and skipped["status"] == "skipped":
            done = {"by": "child", "run": _run_text(child), "status": "skipped", "reason": skipped["reason"]}
        await _insert(connection, run, path, "child", child=child, result=done, now=self._clock())
        return WaitState(done is not None, done, "child", child)


async def _insert(
    connection: Connection,
    run: HeldRun,
    path: str,
    kind: str,
    *,
    now: datetime,
    due_at: datetime | None = None,
    event: tuple[str, str | None] = ("", None),
    child: UUID | None = None,
    result: JsonObject | None = None,
) -> None:
    await connection.execute(
        """
        insert into waits (run_id, path, kind, due_at, project_id, event_name, event_key, child_run_id, created_at,
                           done_at, result)
        values ($1, $2, $3, $4, $5, nullif($6, ''), $7, $8, $9, $10, $11)
        """,
        run.id,
        path,
        kind,
        due_at,
        run.project_id,
        event[0],
        event[1],
        child,
        now,
        None if result is None else now,
        None if result is None else to_text(result),
    )


def _run_text(run_id: UUID) -> str:
    return f"run_{run_id.hex}"


def _event_result(event_id: int, payload: str | None) -> JsonObject:
    value: Json = None if payload is None else from_text(payload)
    return {"by": "event", "event_id": event_id, "payload": value}


async def lock_event(connection: Connection, project_id: UUID, name: str) -> None:
    """Serialise sending and awaiting events of one name, so that none falls between the two."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended($1, 7))", f"{project_id}/{name}")


async def close_wait(connection: Connection, run_id: UUID, path: str, result: JsonObject, now: datetime) -> bool:
    """Close an open wait and wake its run, in the connection's transaction. False: it was closed before."""
    closed = await connection.fetchval(
        "update waits set done_at = $3, result = $4 where run_id = $1 and path = $2 and done_at is null returning path",
        run_id,
        path,
        now,
        to_text(result),
    )
    if closed is None:
        return False
    await wake(connection, run_id, now)
    return True


async def wake(connection: Connection, run_id: UUID, now: datetime) -> None:
    """Count a wake-up; a waiting run gets a job (and a slot, if its task limits them), a holder is told."""
    row = await connection.fetchrow(statement("wake_run"), run_id, now)
    if row is None:
        return
    if row["before"] == "running":
        await tell(connection, run_id)
    elif row["before"] == "waiting":
        most = row["max_concurrent"]
        if most is None or await admission.take_slot(connection, run_id, row["task_id"], row["key"], most):
            await enqueue(connection, [(run_id, RESUMED)])


async def fire_due(connection: Connection, now: datetime, most: int = 500) -> int:
    """Close the waits whose time has come, and wake their runs. Gives how many; call again while it is `most`."""
    due = await connection.fetch(statement("due_waits"), now, most)
    for row in sorted(due, key=lambda row: (row["run_id"], row["path"])):
        if row["kind"] == "approval":
            await _expire(connection, row["run_id"], row["path"], now)
        await close_wait(connection, row["run_id"], row["path"], {"by": "timer", "at": now.isoformat()}, now)
    return len(due)


async def _expire(connection: Connection, run_id: UUID, path: str, now: datetime) -> None:
    """Nobody has answered in time: what the step says of that counts as the answer, and the audit log says so."""
    row = await connection.fetchrow(
        "update approvals set status = 'expired', closed_at = $3 from projects "
        "where run_id = $1 and path = $2 and status = 'open' and projects.id = approvals.project_id "
        "returning approvals.id, projects.name as project",
        run_id,
        path,
        now,
    )
    if row is not None:
        who, name = ("system:keeper", "system", "keeper"), encode("approval", row["id"])
        detail: JsonObject = {"act": "expired", "run": encode("run", run_id), "step": path}
        entry = NewEntry(*who, Verb.APPROVAL_ANSWER, "approval", name, row["project"], "done", detail)
        await write_in(connection, entry)


async def send_event(
    connection: Connection,
    project_id: UUID,
    *,
    name: str,
    key: str | None,
    payload: Json,
    sender: str | None,
    now: datetime,
) -> int:
    """Record an event and wake the runs that wait for it. Gives how many."""
    await lock_event(connection, project_id, name)
    text = to_text(payload)
    event_id = await connection.fetchval(
        "insert into events (project_id, name, key, payload, sender, created_at) values ($1, $2, $3, $4, $5, $6) "
        "returning id",
        project_id,
        name,
        key,
        text,
        sender,
        now,
    )
    await event_sent(connection, project_id, name=name, key=key, event_id=event_id, now=now)
    waiting = await connection.fetch(
        "select run_id, path from waits where project_id = $1 and event_name = $2 and kind = 'event' "
        "and done_at is null and (event_key is null or event_key = $3) order by run_id, path",
        project_id,
        name,
        key,
    )
    woken = 0
    for row in waiting:
        result = _event_result(event_id, text)
        woken += await close_wait(connection, row["run_id"], row["path"], result, now)
    return woken


async def child_ended(connection: Connection, child: UUID, result: Mapping[str, Json], now: datetime) -> None:
    """Wake the run that waits for a sub-task, in the transaction that ends the sub-task."""
    rows = await connection.fetch(
        "select run_id, path from waits where child_run_id = $1 and kind = 'child' and done_at is null", child
    )
    for row in rows:
        await close_wait(connection, row["run_id"], row["path"], {"by": "child", **result}, now)
