"""The last runs of a task, walked again with another definition. Asks nobody's leave: that is for services to do."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from errands.core import ids
from errands.core.definition.task import TaskDefinition
from errands.core.outcomes import ErrorKind, RunStatus, StepError, StepFailed, Usage
from errands.core.params import Arguments, ArgumentsInvalid, bind, check_given
from errands.core.ports import Evaluator, RunIdentity
from errands.core.values import JsonObject, from_text
from errands.engine.backtest import Earlier, RecordedAnswers, Replayed, replayed, verdict
from errands.engine.defaults import argument_defaults
from errands.engine.history import usage_of
from errands.engine.live_models import LiveModels, Purse
from errands.engine.records import Record, Stored
from errands.services.backtest_views import BacktestedRun
from errands.services.differences import differences
from errands.services.lookup import find_task
from errands.services.telling import as_record
from errands.store import record, runs, tasks
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database
from errands.store.runs import RunRow

if TYPE_CHECKING:
    from errands.engine.engine import Engine

_LARGEST_OUTPUT = 8 * 1024 * 1024
_ENDED = (RunStatus.SUCCEEDED, RunStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Tried:
    """A definition that is tried on past runs."""

    definition: TaskDefinition
    agents: Mapping[str, JsonObject]
    """The agents that it uses, by name."""
    number: int | None
    """Of its version. None: a file that is none yet."""


class PastRuns:
    """Walks recorded runs again."""

    def __init__(self, database: Database, engine: "Engine", artifacts: ArtifactStore, evaluate: Evaluator) -> None:
        self._database = database
        self._engine = engine
        self._artifacts = artifacts
        self._evaluate = evaluate

    async def walk(
        self, project: str, tried: Tried, count: int, purse: Purse | None = None
    ) -> tuple[BacktestedRun, ...]:
        """The last runs of the task that came to an end, the newest first. With a purse real models are asked, too.

        Raises NotFound for a task that is not there.
        """
        earlier = await self._last_runs(project, tried.definition.task, count)
        return tuple([await self._one(project, tried, row, purse) for row in earlier])

    async def _last_runs(self, project: str, task: str, count: int) -> list[RunRow]:
        """The newest runs that came to an end of their own. Index: ix_runs_task_history."""
        async with self._database.engine.connect() as connection:
            found = await find_task(connection, project, task)
            listed = [
                one
                for status in _ENDED
                for one in await runs.history(
                    connection, found.project_id, runs.Filter(task_id=found.id, status=status), count
                )
            ]
            newest = sorted((one.id for one in listed), reverse=True)[:count]
            rows = [await runs.find(connection, run_id) for run_id in newest]
        return [row for row in rows if row is not None]

    async def _one(self, project: str, tried: Tried, row: RunRow, purse: Purse | None) -> BacktestedRun:
        earlier, draft = await self._earlier(row), tried.definition
        try:
            arguments = await self._arguments(draft, row)
        except (ArgumentsInvalid, StepFailed) as error:
            return _refused(row, error, usage_of(earlier.records))
        answers = RecordedAnswers(earlier, tried.agents, draft.agent, self._engine.output_schema)
        with tempfile.TemporaryDirectory(prefix="errands-backtest-") as folder:
            if purse is not None:
                answers.live, answers.folder = self._live(project, tried, row, purse), Path(folder)
            came = await self._engine.dry_run(
                draft,
                arguments,
                project=project,
                stubs={},
                make_up=True,
                state=_state(earlier.records),
                payload=row.trigger.get("payload"),
                now=row.started_at,
                answers=answers,
            )
        return await self._shown(row, replayed(answers, came), earlier)

    def _live(self, project: str, tried: Tried, row: RunRow, purse: Purse) -> LiveModels:
        """Asks the models of the project, by the agents of the version that is tried."""
        started, draft = row.started_at or row.queued_at, tried.definition
        run = RunIdentity("run_" + "0" * 32, draft.task, project, str(row.project_id), tried.number or 0, started)
        return self._engine.live_models(run, draft, purse)

    async def _earlier(self, row: RunRow) -> Earlier:
        async with self._database.engine.connect() as connection:
            body = await tasks.body_by_id(connection, row.version_id)
            assert body is not None
            found = [as_record(entry) for entry in await record.journal(connection, row.id)]
        records = {one.path: await self._whole(one) for one in found}
        return Earlier(TaskDefinition.model_validate(body.definition), body.agents or {}, records)

    async def _whole(self, one: Record) -> Record:
        """The record with its large output, if that can be had."""
        if not isinstance(one.output, Stored) or one.output.size > _LARGEST_OUTPUT:
            return one
        try:
            return one.with_output(from_text(await self._artifacts.get(one.output.ref)))
        except OSError:
            return one

    async def _arguments(self, draft: TaskDefinition, row: RunRow) -> Arguments:
        """The run's arguments, as far as the draft has such params. Raises ArgumentsInvalid, StepFailed."""
        given = {param.name: row.arguments[param.name] for param in draft.params if param.name in row.arguments}
        check_given(draft.params, given)
        drawn = await argument_defaults(draft.params, given, self._evaluate, row.started_at or row.queued_at, state={})
        return bind(draft.params, given, drawn.values)

    async def _shown(self, row: RunRow, found: Replayed, earlier: Earlier) -> BacktestedRun:
        before = row.output
        if row.output_ref is not None:
            before = from_text(await self._artifacts.get(row.output_ref))
        status_before = RunStatus(row.status)
        judged = verdict(status_before, before, found)
        known = found.known
        return BacktestedRun(
            run=ids.encode("run", row.id),
            verdict=judged,
            status_before=status_before,
            status=found.came.status if known else None,
            output=found.came.output if known else None,
            error=found.came.error if known else None,
            differences=tuple(differences(before, found.came.output, "output")) if judged == "changed" else (),
            same=found.same,
            unanswered=found.unanswered,
            dropped=found.dropped,
            usage_before=usage_of(earlier.records),
            usage=found.usage + found.paid,
            asked=found.asked,
            paid=found.paid,
        )


def _state(records: Mapping[str, Record]) -> JsonObject:
    """What the task had kept when the run read it."""
    read = records.get("@state")
    return read.output if read is not None and isinstance(read.output, Mapping) else {}


def _refused(row: RunRow, error: ArgumentsInvalid | StepFailed, usage: Usage) -> BacktestedRun:
    return BacktestedRun(
        run=ids.encode("run", row.id),
        verdict="refused",
        status_before=RunStatus(row.status),
        status=None,
        output=None,
        error=error.error if isinstance(error, StepFailed) else StepError(ErrorKind.INPUT, str(error)),
        differences=(),
        same=(),
        unanswered=(),
        dropped=(),
        usage_before=usage,
        usage=Usage(),
    )
