"""A run in the hands of a worker: its journal in memory, its fence, its waits, its budgets.

The session is the walk's ledger. It writes nothing but through the fenced journal, and what it hands to the walk is
what was written: redacted, and with large outputs put away, so that a live value and a replayed one cannot differ.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol
from uuid import UUID

from errands.core.outcomes import ErrorKind, StepError, StepFailed, Usage
from errands.core.redaction import Redactor
from errands.core.values import Json, JsonObject, from_text, to_text
from errands.engine.budgets import DayMeter, Meter
from errands.engine.flow import Ending
from errands.engine.history import WaitState, taken_over
from errands.engine.journal import Also, Entry, Journal
from errands.engine.lanes import Lane, LaneStopped, Pulse, Turn
from errands.engine.ledger import AnswerHold, Cached, ChildHold, Hold, Kept
from errands.engine.limits import EngineLimits
from errands.engine.patience import patiently
from errands.engine.program import Program
from errands.engine.records import Record, RecordRefusedError, Stored
from errands.engine.runs import HeldRun
from errands.store.connections import Connection, Pool

_KEPT_LARGE_BYTES = 32 * 2**20


class Artifacts(Protocol):
    """Where large outputs lie."""

    async def put(self, data: bytes, *, suffix: str = "") -> str: ...

    async def get(self, ref: str) -> bytes: ...


class Holds(Protocol):
    """Makes the rows of waits: timers, events, approvals, sub-tasks."""

    async def register(self, connection: Connection, run: HeldRun, path: str, hold: Hold) -> WaitState:
        """Within the transaction that records the wait. A wait that is over at once comes back done."""
        ...


@dataclass(slots=True)
class Shared:
    """What all sessions of a worker share."""

    pool: Pool
    journal: Journal
    artifacts: Artifacts
    holds: Holds
    nudge: Callable[[datetime], None]
    """Tells the keeper of a moment that it must not sleep past."""
    limits: EngineLimits
    clock: Callable[[], datetime]


@dataclass(slots=True, eq=False)
class _Waiter:
    """A branch that is held by a wait."""

    future: asyncio.Future[Json]
    turn: Turn


class Session:
    """One run, held under one epoch. The walk's `Ledger`."""

    def __init__(
        self,
        shared: Shared,
        run: HeldRun,
        program: Program,
        history: dict[str, Record],
        waits: dict[str, WaitState],
        redactor: Redactor,
    ) -> None:
        self.run = run
        self.program = program
        self.history = history
        self.redactor = redactor
        self.usage = run.usage
        self.meters: list[Meter] = []
        self.signal = asyncio.Event()
        """Something for the supervisor to look at: the walk is still, has ended, or a wake-up came."""
        self.pulse = Pulse(self.signal.set)
        self.earlier: Mapping[str, Record] = {}
        """Outcomes that a rerun may take over from the run that it repeats."""
        self.marked_files = any(record.fact("files") is True for record in history.values())
        """Data from outside has come to files of the run."""
        self.asking = asyncio.Lock()
        """Held while a question about a budget is put, so that branches that cross it together ask once."""
        self.early: tuple[Ending, StepError] | None = None
        """How people want the run to end before its steps do, and what is said of those that are cut off."""
        self.broken: Exception | None = None
        """Why nothing more can be recorded: the lease is lost, or the database refuses a record."""
        self._shared = shared
        self._waits = waits
        self._blocked: dict[str, list[_Waiter]] = {}
        self._riding: set[asyncio.Future[None]] = set()
        self._large: OrderedDict[str, tuple[Json, int]] = OrderedDict()
        self._large_bytes = 0

    # The walk's ledger

    def find(self, path: str) -> Record | None:
        return self.history.get(path)

    def inherited(self, path: str) -> Record | None:
        mark = self.run.rerun_from
        record = self.earlier.get(path)
        if record is None or mark is None or not taken_over(self.program, path, mark):
            return None
        return replace(record, facts={**(record.facts or {}), "from_run": str(self.run.rerun_of), "usage": None})

    async def write(self, record: Record, *, keep: Kept | None = None) -> Record:
        also = None
        if keep is not None and keep.values:
            also = partial(keep_state, task_id=self.run.task_id, kept=replace(keep, values=self.redacted(keep.values)))
        return await self.commit(record, also)

    async def commit(self, record: Record, also: Also | None = None) -> Record:
        """Record, together with further writes of the same transaction, and wait for the commit."""
        entry, stored = await self._prepared(record, also)
        try:
            await self._shared.journal.append(entry)
        except RecordRefusedError as error:
            raise StepFailed(
                ErrorKind.STORAGE,
                f"the outcome of {record.path} cannot be recorded: {error}",
                hint="the output holds something that the database refuses; leave it out or encode it",
            ) from error
        self.history[record.path] = stored
        self.marked_files = self.marked_files or stored.fact("files") is True
        self._tell(stored)
        if stored.kind == "outcome" and stored.facts and "usage" in stored.facts:
            self.settle(stored.usage)
        return stored

    async def ride(self, record: Record) -> Record:
        entry, stored = await self._prepared(record, None)
        written = self._shared.journal.append(entry)
        self._riding.add(written)
        written.add_done_callback(self._rode)
        self.history[record.path] = stored
        self._tell(stored)
        return stored

    def _tell(self, stored: Record) -> None:
        """A record, with the step at its path, or that it lies below of, to whoever counts or looks on."""
        compiled = self.program.steps.get(stored.path.partition("/")[0].rpartition(".")[2].partition("[")[0])
        step = None if compiled is None else compiled.step
        self._shared.journal.tally.recorded(self.run.id, stored, step)

    def _rode(self, written: asyncio.Future[None]) -> None:
        self._riding.discard(written)
        error = None if written.cancelled() else written.exception()
        if isinstance(error, Exception):
            self.broken = self.broken or error
            self.signal.set()

    async def landed(self) -> None:
        """Wait until everything that rides along is committed. Raises LeaseLostError, RecordRefusedError."""
        while self._riding:
            await asyncio.wait(list(self._riding))
        if self.broken is not None:
            raise self.broken

    async def read(self, stored: Stored) -> Json:
        found = self._large.get(stored.ref)
        if found is not None:
            self._large.move_to_end(stored.ref)
            return found[0]
        try:
            value = from_text(await self._shared.artifacts.get(stored.ref))
        except (OSError, ValueError) as error:
            raise StepFailed(
                ErrorKind.STORAGE,
                f"a recorded output of {stored.size:,} bytes cannot be read from the artifact store: {error}",
                hint="bring the store back and rerun from this step",
            ) from error
        self._keep_large(stored, value)
        return value

    def _keep_large(self, stored: Stored, value: Json) -> None:
        self._large[stored.ref] = (value, stored.size)
        self._large_bytes += stored.size
        while self._large_bytes > _KEPT_LARGE_BYTES and len(self._large) > 1:
            _, (_, size) = self._large.popitem(last=False)
            self._large_bytes -= size

    async def hold(self, path: str, hold: Hold, lane: Lane, turn: Turn | None = None) -> Json:
        await self.open_wait(path, hold)
        state = self._waits[path]
        if state.done:
            return state.result
        lane.check()
        waiter = _Waiter(asyncio.get_running_loop().create_future(), turn or self.pulse)
        self._blocked.setdefault(path, []).append(waiter)
        lane.on_stop(lambda: self._leave(path, waiter, LaneStopped()))
        waiter.turn.held()
        try:
            return await waiter.future
        except asyncio.CancelledError:
            self._leave(path, waiter)
            raise

    async def open_wait(self, path: str, hold: Hold) -> None:
        """Record a wait, unless it is known; whoever holds at its path waits for it."""
        if path in self._waits:
            return
        made: list[WaitState] = []
        if isinstance(hold, AnswerHold) and self.redactor.active:
            subject = None if hold.subject is None else self.redacted(hold.subject)
            hold = replace(hold, question=self.redactor.text(hold.question), subject=subject)

        async def also(connection: Connection) -> None:
            made[:] = [await self._shared.holds.register(connection, self.run, path, hold)]

        asked = hold.subject if isinstance(hold, AnswerHold) else None
        await self.commit(Record(path, "wait", input=asked, started_at=self._shared.clock()), also)
        if not isinstance(hold, ChildHold) and hold.due_at is not None:
            self._shared.nudge(hold.due_at)
        self._waits.setdefault(path, made[0])

    def _resolve(self, path: str, result: Json) -> None:
        for waiter in self._blocked.pop(path, []):
            waiter.turn.released()
            if not waiter.future.done():
                waiter.future.set_result(result)

    def _leave(self, path: str, waiter: "_Waiter", reason: BaseException | None = None) -> None:
        """One who waits does so no longer, for another reason than that the wait is over."""
        waiters = self._blocked.get(path, [])
        if waiter not in waiters:
            return
        waiters.remove(waiter)
        if not waiters:
            del self._blocked[path]
        waiter.turn.released()
        if reason is not None and not waiter.future.done():
            waiter.future.set_exception(reason)

    async def cached(self, key: str) -> Cached | None:
        row = await patiently(
            self._shared.pool.fetchrow,
            "select output, untrusted from cache_entries where project_id = $1 and key = $2 and expires_at > $3",
            self.run.project_id,
            key,
            self._shared.clock(),
        )
        return None if row is None else Cached(from_text(row["output"]), row["untrusted"])

    async def remember(self, key: str, entry: Cached, ttl: timedelta) -> None:
        text = to_text(entry.output)
        if len(text) > self._shared.limits.inline_output_bytes * 16:
            return  # A cache of this size would slow everything else down; the step is simply done again.
        await patiently(
            self._shared.pool.execute,
            "insert into cache_entries (project_id, key, output, expires_at, untrusted) values ($1, $2, $3, $4, $5) "
            "on conflict (project_id, key) do update set output = excluded.output, expires_at = excluded.expires_at, "
            "untrusted = excluded.untrusted",
            self.run.project_id,
            key,
            text,
            self._shared.clock() + ttl,
            entry.untrusted,
        )

    async def state(self) -> JsonObject:
        record = self.history.get("@state")
        if record is None:
            query = "select state, state_untrusted <> '{}' from tasks where id = $1"
            row = await patiently(self._shared.pool.fetchrow, query, self.run.task_id)
            value, untrusted = (from_text(row[0]), row[1]) if row is not None else ({}, False)
            record = await self.ride(Record("@state", "reading", output=value).carrying(untrusted))
        value = await self.read(record.output) if isinstance(record.output, Stored) else record.output
        return value if isinstance(value, Mapping) else {}

    # Waits and wake-ups

    @property
    def waits(self) -> Mapping[str, WaitState]:
        return self._waits

    def woken(self, waits: Mapping[str, WaitState]) -> None:
        """Take in what has come of the run's waits, and let the branches go on whose wait is over."""
        for path, state in waits.items():
            self._waits[path] = state
            if state.done:
                self._resolve(path, state.result)

    def finish(self, ending: Ending, reason: StepError) -> None:
        """Tell the supervisor to end the run."""
        self.early = self.early or (ending, reason)
        self.signal.set()

    def renew(self, run: HeldRun) -> None:
        """Go on under a new epoch, after the run was let go and taken again by this same worker."""
        self.run = run
        self.signal.clear()

    # Making entries

    def settle(self, usage: Usage, path: str | None = None) -> None:
        """Count what a call has used, in place of what it held back under its path."""
        self.usage += usage
        for meter in self.meters:
            meter.settle(usage, path)

    def spending(self, usage: Usage, path: str) -> Also | None:
        """What a call's record takes along into its transaction: the day's spending, where the task bounds it."""
        day = next((meter for meter in self.meters if isinstance(meter, DayMeter)), None)
        return None if day is None else partial(day.record, used=usage, path=path)

    def redacted(self, value: JsonObject) -> JsonObject:
        """An object without the values of secrets."""
        plain = self.redactor.json(value) if self.redactor.active else value
        return plain if isinstance(plain, Mapping) else {}

    async def _prepared(self, record: Record, also: Also | None) -> tuple[Entry, Record]:
        if self.redactor.active:
            record = self._redact(record)
        if record.error is not None:
            record = replace(record, error=_sayable(record.error))
        output_text, output_ref, facts = None, None, record.facts
        if isinstance(record.output, Stored):
            output_ref = record.output.ref
            facts = {**(facts or {}), "output_bytes": record.output.size}
        elif record.output is not None:
            output_text, as_read = _written_and_read(record.output, record.path)
            if as_read != record.output:
                record = replace(record, output=as_read)
            if len(output_text) > self._shared.limits.inline_output_bytes:
                stored = await self._put_away(record, output_text)
                self._keep_large(stored, as_read)
                output_text, output_ref = None, stored.ref
                facts = {**(facts or {}), "output_bytes": stored.size}
                record = replace(record, output=stored, facts=facts)
        entry = Entry(
            self.run.id,
            self.run.epoch,
            record.path,
            record.kind,
            record.status,
            None if record.input is None else _text(record.input, f"the input of {record.path}"),
            output_text,
            output_ref,
            None if record.error is None else to_text(record.error.as_json()),
            None if facts is None else to_text(facts),
            record.started_at,
            record.finished_at,
            also,
            asyncio.get_running_loop().create_future(),
        )
        return entry, record

    def _redact(self, record: Record) -> Record:
        output = record.output if isinstance(record.output, Stored) else self.redactor.json(record.output)
        error = record.error
        if error is not None:
            error = replace(
                error,
                message=self.redactor.text(error.message),
                hint=None if error.hint is None else self.redactor.text(error.hint),
                detail=self.redactor.json(error.detail),
            )
        return replace(record, input=self.redactor.json(record.input), output=output, error=error)

    async def _put_away(self, record: Record, text: str) -> Stored:
        data = text.encode()
        most = self._shared.limits.largest_output_bytes
        if len(data) > most:
            raise StepFailed(
                ErrorKind.LIMIT,
                f"the output of {record.path} has {len(data):,} bytes; the limit is {most:,}",
                hint="let the step give less: select fewer columns or rows, or write a file and pass its name on",
            )
        try:
            return Stored(await self._shared.artifacts.put(data, suffix=".json"), len(data))
        except OSError as error:
            raise StepFailed(
                ErrorKind.STORAGE,
                f"the output of {record.path} ({len(data):,} bytes) cannot be kept: {error.strerror or error}",
                hint="make room or bring the artifact store back, then rerun from this step",
            ) from error


def _written_and_read(value: Json, path: str) -> tuple[str, Json]:
    """An output's text, and the value that a replay reads from it: a tuple comes back as a list, NaN not at all."""
    text = _text(value, f"the output of {path}")
    try:
        return text, from_text(text)
    except ValueError as error:
        raise _not_json(f"the output of {path}", error) from error


def _text(value: Json, what: str) -> str:
    try:
        return to_text(value)
    except ValueError as error:
        raise _not_json(what, error) from error


def _not_json(what: str, error: ValueError) -> StepFailed:
    return StepFailed(
        ErrorKind.TOOL,
        f"{what} is not JSON: {error}",
        hint="pass on text, finite numbers, truth values, lists and objects only",
    )


def _sayable(error: StepError) -> StepError:
    """The error as text can hold it: what cannot be encoded is replaced, a detail that is not JSON left out."""
    try:
        to_text(error.as_json())
    except ValueError:
        hint = None if error.hint is None else _encodable(error.hint)
        return replace(error, message=_encodable(error.message), hint=hint, detail=None)
    return error


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


async def keep_state(connection: Connection, *, task_id: UUID, kept: Kept) -> None:
    """Put values into a task's state. Those that carry the mark of data from outside are remembered by name."""
    names = list(kept.values)
    await connection.execute(
        "update tasks set state = (state::jsonb || $2::jsonb)::json, state_untrusted = "
        "array(select unnest(state_untrusted) except select unnest($3::text[]) union select unnest($4::text[])) "
        "where id = $1",
        task_id,
        to_text(kept.values),
        names,
        names if kept.untrusted else [],
    )
