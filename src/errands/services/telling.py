"""From rows of runs and their records to what faces show."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core import ids
from errands.core.outcomes import RunStatus, StepError, StepStatus, Usage
from errands.core.values import Json
from errands.engine.launching import Versions
from errands.engine.records import Record, Stored
from errands.services.story import Story, step_of
from errands.services.views import ArtifactView, LogLine, RunLine, RunView, Timings, WaitView
from errands.store import record
from errands.store.artifacts import ArtifactStore
from errands.store.identifiers import created_at
from errands.store.record import ArtifactRow, JournalRow, LogRow, WaitRow
from errands.store.runs import RunListed, RunRow


async def read_run(
    connection: AsyncConnection, row: RunRow, versions: Versions, artifacts: ArtifactStore, now: datetime
) -> tuple[RunView, Story]:
    """A run with its whole record, and the story to go on from."""
    story = Story((await versions.get(row.version_id)).program.definition)
    for entry in await record.journal(connection, row.id):
        story.add(as_record(entry))
    # Of what has ended nothing is waited for, and most runs that are read have.
    waits = [] if RunStatus(row.status).final else await record.open_waits(connection, row.id)
    waiting = tuple(wait_view(wait) for wait in waits)
    for wait in waiting:
        story.begin(wait.path)
    files = tuple(artifact_view(file) for file in await record.files(connection, row.id))
    size = await output_size(artifacts, row.output_ref)
    return run_view(row, story, waiting, files, size, now), story


def run_view(
    row: RunRow,
    story: Story,
    waiting: tuple[WaitView, ...],
    files: tuple[ArtifactView, ...],
    output_size: int | None,
    now: datetime,
) -> RunView:
    """Everything of a run in one value."""
    status = RunStatus(row.status)
    return RunView(
        id=ids.encode("run", row.id),
        status=status,
        project=row.project,
        task=row.task,
        version=row.version,
        trigger=row.trigger,
        starter=row.starter,
        arguments=row.arguments,
        reason=row.reason or row.cancel_reason,
        output=row.output,
        output_size=output_size,
        error=None if row.error is None else StepError.from_json(row.error),
        usage=usage_of(row),
        queued_at=created_at(row.id),
        started_at=row.started_at,
        finished_at=row.finished_at,
        timings=timings(row, now),
        cancel_requested_at=row.cancel_requested_at,
        cancel_by=row.cancel_by,
        parent=None if row.parent_run_id is None else ids.encode("run", row.parent_run_id),
        rerun_of=None if row.rerun_of is None else ids.encode("run", row.rerun_of),
        rerun_from=row.rerun_from,
        untrusted=row.untrusted,
        steps=story.steps(unended(status), frozenset(wait.path for wait in waiting)),
        waiting=waiting,
        artifacts=files,
    )


def unended(status: RunStatus) -> StepStatus:
    """The state of a step that has begun and has no outcome, in a run of this state."""
    if status.final:
        return StepStatus.CANCELLED
    return StepStatus.WAITING if status is RunStatus.WAITING else StepStatus.RUNNING


def timings(row: RunRow, now: datetime) -> Timings:
    """Where the time went. What a run spends in the queue after a wait counts as waiting."""
    queued_at, end = created_at(row.id), row.finished_at or now
    total = max((end - queued_at).total_seconds(), 0.0)
    if row.started_at is None:
        return Timings(total, 0.0, 0.0)
    queued = max((row.started_at - queued_at).total_seconds(), 0.0)
    running = row.active_seconds
    if row.status == RunStatus.RUNNING and row.taken_at is not None:
        running += max((now - row.taken_at).total_seconds(), 0.0)
    return Timings(queued, running, max(total - queued - running, 0.0))


def as_record(row: JournalRow) -> Record:
    """A row of the journal as the engine sees it; a large output stays away."""
    facts = row.facts or {}
    size = facts.get("output_bytes")
    output: Json | Stored = row.output
    if row.output_ref is not None:
        output = Stored(row.output_ref, size if isinstance(size, int) else 0)
    return Record(
        path=row.path,
        kind=row.kind,
        status=None if row.status is None else StepStatus(row.status),
        input=row.input,
        output=output,
        error=None if row.error is None else StepError.from_json(row.error),
        facts=row.facts,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def wait_view(row: WaitRow) -> WaitView:
    """What a run waits for."""
    return WaitView(
        path=step_of(row.path),
        kind=row.kind,
        since=row.created_at,
        due_at=row.due_at,
        event=row.event_name,
        key=row.event_key,
        child=None if row.child_run_id is None else ids.encode("run", row.child_run_id),
        approval=None if row.approval_id is None else ids.encode("approval", row.approval_id),
        question=row.question,
        choices=tuple(row.choices or ()),
    )


def artifact_view(row: ArtifactRow) -> ArtifactView:
    """A file that a run made."""
    return ArtifactView(
        id=ids.encode("artifact", row.id),
        path=row.path,
        name=row.name,
        media_type=row.media_type,
        size=row.size,
        sha256=row.sha256,
        created_at=row.created_at,
    )


def log_line(row: LogRow) -> LogLine:
    """A line of a run's log."""
    return LogLine(row.id, row.logged_at, row.path, row.level, row.message)


def line_view(row: RunListed) -> RunLine:
    """A run in a list."""
    return RunLine(
        id=ids.encode("run", row.id),
        status=RunStatus(row.status),
        task=row.task,
        task_title=row.task_title,
        version=row.version,
        trigger=row.trigger,
        starter=row.starter,
        reason=row.reason,
        error=None if row.error is None else StepError.from_json(row.error),
        queued_at=created_at(row.id),
        started_at=row.started_at,
        finished_at=row.finished_at,
        usage=usage_of(row),
    )


def usage_of(row: RunRow | RunListed) -> Usage:
    """What a run has used, as its row counts it."""
    return Usage(row.input_tokens, row.output_tokens, row.usd, row.requests, row.tool_calls)


async def output_size(artifacts: ArtifactStore, ref: str | None) -> int | None:
    """Bytes of an output in the artifact store; 0 where the store is away, so that the rest can still be shown."""
    if ref is None:
        return None
    try:
        return await artifacts.size(ref)
    except OSError:
        return 0
