"""Reading a journal back: what a replay finds, and what a rerun takes over from an earlier run."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from errands.core.outcomes import StepError, StepStatus, Usage
from errands.core.values import Json, from_text
from errands.engine.program import Program
from errands.engine.records import Record, Stored
from errands.store.connections import Connection, Pool, Row
from errands.store.sql import statement

COUNTED = ("turn", "call")
FAILED = "@failed"
"""In the place of the step that a rerun begins with: what failed, wherever it stands."""


@dataclass(slots=True)
class WaitState:
    """A wait of the run, and its result once it is closed."""

    done: bool
    result: Json
    kind: str
    child: UUID | None = None


async def load_journal(database: Pool | Connection, run_id: UUID) -> dict[str, Record]:
    """All records of a run by path. Large outputs stay away, as `Stored`."""
    rows = await database.fetch(statement("load_journal"), run_id)
    return {row["path"]: record_of(row) for row in rows}


async def load_waits(database: Pool | Connection, run_id: UUID) -> dict[str, WaitState]:
    """All waits of a run by path."""
    rows = await database.fetch(statement("load_waits"), run_id)
    return {
        row["path"]: WaitState(row["done_at"] is not None, _value(row["result"]), row["kind"], row["child_run_id"])
        for row in rows
    }


def record_of(row: Row) -> Record:
    """A row of `steps` as a record."""
    facts, error = _value(row["facts"]), _value(row["error"])
    output: Json | Stored = _value(row["output"])
    if row["output_ref"] is not None:
        size = facts.get("output_bytes") if isinstance(facts, Mapping) else None
        output = Stored(row["output_ref"], size if isinstance(size, int) else 0)
    return Record(
        path=row["path"],
        kind=row["kind"],
        status=StepStatus(row["status"]) if row["status"] is not None else None,
        input=_value(row["input"]),
        output=output,
        error=StepError.from_json(error) if isinstance(error, Mapping) else None,
        facts=facts if isinstance(facts, Mapping) else None,
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )


def _value(text: str | None) -> Json:
    return None if text is None else from_text(text)


def usage_of(records: Mapping[str, Record]) -> Usage:
    """What a run has used so far: model requests and tool calls, and what steps used by themselves."""
    total = Usage()
    for record in records.values():
        if record.facts and "usage" in record.facts and (record.kind in COUNTED or record.kind == "outcome"):
            total += record.usage
    return total


def place(program: Program, path: str) -> tuple[tuple[int, int], ...] | None:
    """A path's place in the order of the file: one pair of position and round per segment. `None`: not in this file."""
    segments: list[tuple[int, int]] = []
    for segment in path.split("."):
        key, bracket, rest = segment.partition("[")
        compiled = program.steps.get(key)
        if compiled is None:
            return None
        segments.append((compiled.position, int(rest.rstrip("]")) if bracket else 0))
    return tuple(segments)


def comes_before(program: Program, path: str, mark: str) -> bool:
    """Whether the step at `path` comes before the one at `mark`, in file order and by rounds of loops."""
    one, other = place(program, path), place(program, mark)
    return one is not None and other is not None and one < other


def taken_over(program: Program, path: str, mark: str) -> bool:
    """Whether a rerun that begins with `mark` may take over a succeeded outcome."""
    return mark == FAILED or comes_before(program, path, mark)


def inheritable(journal: Mapping[str, Record], old: Program, new: Program) -> dict[str, Record]:
    """The succeeded outcomes that a rerun may take over: those of steps that read the same in both versions."""
    same = {
        key
        for key, compiled in new.steps.items()
        if key in old.steps and (old is new or old.steps[key].step == compiled.step)
    }
    return {
        path: record
        for path, record in journal.items()
        if record.kind == "outcome"
        and record.status is StepStatus.SUCCEEDED
        and path.rpartition(".")[2].partition("[")[0] in same
    }
