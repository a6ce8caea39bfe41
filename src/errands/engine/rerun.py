"""Rerun: a new run that takes over the journal of an earlier one up to a step, on the same or a newer version.

What it is given can be edited: other arguments, and other outputs of steps before that step. An edited output is a
record of the new run from its beginning, so the walk takes it as it takes every record.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from errands.core.definition.steps import AgentStep, ApproveStep, NotifyStep, ToolStep
from errands.core.outcomes import StepStatus
from errands.core.values import Json, JsonObject, from_text, to_text
from errands.engine.history import FAILED, inheritable, load_journal, place, taken_over
from errands.engine.launching import Order, Versions
from errands.engine.program import Program
from errands.engine.records import Record, Stored
from errands.store.connections import Connection, Pool
from errands.store.sql import statement


class RerunRefusedError(Exception):
    """The rerun cannot be done; the message says why and the hint what to do instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class RerunPlan:
    """What a rerun would take over and what it would do again."""

    kept: list[str]
    """Steps whose outcome is taken over, if their input comes out the same."""
    repeated_effects: list[str]
    """Steps that changed the outside in the earlier run and would do so again, under a new effect key."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The run that is repeated."""

    project_id: UUID
    task_id: UUID
    version_id: UUID
    arguments: JsonObject
    trigger: JsonObject


async def plan_rerun(
    pool: Pool, versions: Versions, run_id: UUID, *, from_step: str | None, version_id: UUID | None
) -> RerunPlan:
    """What a rerun would keep and repeat. `from_step`: a path, or `@failed`. Raises LookupError, RerunRefusedError."""
    earlier = await _earlier(pool, run_id)
    old = (await versions.get(earlier.version_id)).program
    new = (await versions.get(version_id or earlier.version_id)).program
    if from_step is not None and from_step != FAILED and place(new, from_step) is None:
        raise RerunRefusedError(f"there is no step `{from_step}` in this version", _steps_of(new))
    journal = await load_journal(pool, run_id)
    if from_step == FAILED and not any(record.status is StepStatus.FAILED for record in journal.values()):
        raise RerunRefusedError("no step of this run has failed", "name the step to begin with")
    kept: list[str] = []
    if from_step is not None:
        kept = [path for path in inheritable(journal, old, new) if taken_over(new, path, from_step)]
    if from_step == FAILED:  # A loop goes through its rounds again, and each step in it decides for itself.
        kept = [path for path in kept if _makes_calls(new, path)]
    effects = {path.partition("/")[0] for path, record in journal.items() if record.kind == "intent"}
    return RerunPlan(sorted(kept), sorted(effects - set(kept)))


async def order_of_rerun(
    pool: Pool,
    versions: Versions,
    run_id: UUID,
    *,
    from_step: str | None,
    version_id: UUID | None,
    starter: str | None,
    arguments: JsonObject | None = None,
) -> Order:
    """The rerun, with the earlier run's trigger, and its arguments where there are no other ones.

    Raises LookupError, RerunRefusedError.
    """
    await plan_rerun(pool, versions, run_id, from_step=from_step, version_id=version_id)
    earlier = await _earlier(pool, run_id)
    return Order(
        earlier.project_id,
        earlier.task_id,
        version_id or earlier.version_id,
        earlier.arguments if arguments is None else arguments,
        trigger={**earlier.trigger, "rerun_of": f"run_{run_id.hex}", "rerun_from": from_step},
        starter=starter,
        rerun=(run_id, from_step),
    )


async def edited_records(
    pool: Pool,
    versions: Versions,
    run_id: UUID,
    outputs: Mapping[str, Json],
    *,
    from_step: str | None,
    version_id: UUID | None,
    most_bytes: int,
) -> list[Record]:
    """The outcomes that the new run begins with: `outputs` by the path of a step before `from_step`.

    The mark of data from outside stays on a record that had it. Raises LookupError, RerunRefusedError.
    """
    earlier = await _earlier(pool, run_id)
    program = (await versions.get(version_id or earlier.version_id)).program
    journal = await load_journal(pool, run_id)
    return [
        _edited(program, journal.get(path), path, output, from_step, most_bytes, run_id)
        for path, output in outputs.items()
    ]


def _edited(
    program: Program,
    before: Record | None,
    path: str,
    output: Json,
    from_step: str | None,
    most_bytes: int,
    run_id: UUID,
) -> Record:
    if from_step is None or place(program, path) is None or not taken_over(program, path, from_step):
        raise RerunRefusedError(
            f"the output of `{path}` cannot be edited: it is no step before `{from_step or 'the beginning'}`",
            "name the step to rerun from, and edit outputs of steps that come before it",
        )
    step = program.steps[path.rpartition(".")[2].partition("[")[0]].step
    if isinstance(step, ApproveStep):
        raise RerunRefusedError(
            f"the answer of `{path}` cannot be edited: people give it", "rerun from that step, and answer it again"
        )
    size = len(to_text(output).encode())
    if size > most_bytes:
        raise RerunRefusedError(
            f"the edited output of `{path}` has {size:,} bytes; {most_bytes:,} is the most",
            "edit the output of a later step, or change the task",
        )
    facts: dict[str, Json] = {"edited": True, "from_run": str(run_id)}
    record = Record(
        path,
        "outcome",
        StepStatus.SUCCEEDED,
        None if before is None else before.input,
        output,
        None,
        facts,
        None if before is None else before.started_at,
        None if before is None else before.finished_at,
    )
    return record.carrying(before is not None and before.untrusted)


async def write_edited(connection: Connection, run_id: UUID, records: list[Record]) -> None:
    """Put the records into the journal of a run that nobody has taken yet."""
    for record in records:
        await connection.execute(
            statement("put_edited_record"),
            run_id,
            record.path,
            None if record.input is None else to_text(record.input),
            None if isinstance(record.output, Stored) else to_text(record.output),
            to_text(record.facts),
            record.started_at,
            record.finished_at,
        )


async def _earlier(pool: Pool, run_id: UUID) -> Earlier:
    row = await pool.fetchrow(
        "select project_id, task_id, version_id, arguments, trigger from runs where id = $1", run_id
    )
    if row is None:
        raise LookupError(f"there is no run run_{run_id.hex}")
    arguments, trigger = from_text(row["arguments"]), from_text(row["trigger"])
    return Earlier(
        row["project_id"],
        row["task_id"],
        row["version_id"],
        arguments if isinstance(arguments, Mapping) else {},
        trigger if isinstance(trigger, Mapping) else {},
    )


def _makes_calls(program: Program, path: str) -> bool:
    return isinstance(program.steps[path.rpartition(".")[2].partition("[")[0]].step, ToolStep | AgentStep | NotifyStep)


def _steps_of(program: Program) -> str:
    names = [key for key in program.steps if "#" not in key]
    return f"name one of: {', '.join(names[:20])}" + (" ..." if len(names) > 20 else "")
