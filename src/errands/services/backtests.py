"""Backtests: what a draft would have made of the last runs of its task, without asking anything of the world."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from errands.core import ids
from errands.core.access import Principal, ProjectResource, TaskResource, Verb
from errands.core.definition.task import TaskDefinition
from errands.core.outcomes import ErrorKind, RunStatus, StepError, StepFailed, Usage
from errands.core.params import Arguments, ArgumentsInvalid, bind
from errands.core.ports import Evaluator
from errands.core.values import JsonObject, from_text
from errands.engine.backtest import Earlier, RecordedAnswers, Replayed, replayed, usage_of, verdict
from errands.engine.defaults import argument_defaults
from errands.engine.records import Record, Stored
from errands.services.applying import freeze_agents
from errands.services.authority import Authority
from errands.services.backtest_views import Backtest, BacktestedRun
from errands.services.differences import differences
from errands.services.errors import Invalid
from errands.services.lookup import find_project, find_task, find_version
from errands.services.rehearsing import check_given
from errands.services.tasks import TaskService
from errands.services.telling import as_record
from errands.services.views import SourceFile
from errands.store import record, runs, tasks
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database
from errands.store.runs import RunRow

if TYPE_CHECKING:
    from errands.engine.engine import Engine

_MOST_RUNS = 200
_LARGEST_OUTPUT = 8 * 1024 * 1024
_ENDED = (RunStatus.SUCCEEDED, RunStatus.FAILED)


class BacktestService:
    """What a caller may learn of a draft from the past."""

    def __init__(
        self,
        database: Database,
        authority: Authority,
        engine: "Engine",
        artifacts: ArtifactStore,
        tasks_: TaskService,
        evaluate: Evaluator,
    ) -> None:
        self._database = database
        self._authority = authority
        self._engine = engine
        self._artifacts = artifacts
        self._tasks = tasks_
        self._evaluate = evaluate

    async def backtest(
        self,
        caller: Principal,
        project: str,
        source_or_name: SourceFile | str,
        *,
        version: int | None = None,
        count: int = 20,
    ) -> Backtest:
        """Walk the last runs again with a file, or with a version of a task (None: the newest).

        Raises Denied, NotFound, FilesInvalid, Invalid.
        """
        named = source_or_name if isinstance(source_or_name, str) else ""
        await self._authority.authorise(caller, Verb.TASK_REHEARSE, TaskResource(project, named))
        await self._authority.authorise(caller, Verb.RUN_READ, ProjectResource(project, "run"))
        if not 1 <= count <= _MOST_RUNS:
            raise Invalid(f"{count} runs cannot be walked again at once.", f"Ask for 1 to {_MOST_RUNS}.")
        draft, agents, number = await self._draft(caller, project, source_or_name, version)
        earlier = await self._last_runs(project, draft.task, count)
        found = [await self._one(project, draft, agents, row) for row in earlier]
        return Backtest(draft.task, number, tuple(found))

    async def _draft(
        self, caller: Principal, project: str, source_or_name: SourceFile | str, version: int | None
    ) -> tuple[TaskDefinition, Mapping[str, JsonObject], int | None]:
        async with self._database.engine.connect() as connection:
            if isinstance(source_or_name, str):
                task = await find_task(connection, project, source_or_name)
                body = await find_version(connection, task, version or task.latest)
                return TaskDefinition.model_validate(body.definition), body.agents or {}, body.number
        definition = await self._tasks.resolve(caller, project, source_or_name)
        async with self._database.engine.connect() as connection:
            owner = await find_project(connection, project)
            return definition, await freeze_agents(connection, owner.id, definition), None

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

    async def _one(
        self, project: str, draft: TaskDefinition, agents: Mapping[str, JsonObject], row: RunRow
    ) -> BacktestedRun:
        earlier = await self._earlier(row)
        try:
            arguments = await self._arguments(draft, row)
        except (ArgumentsInvalid, StepFailed) as error:
            return _refused(row, error, usage_of(earlier.records))
        answers = RecordedAnswers(earlier, agents, draft.agent, self._engine.output_schema)
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
        check_given(draft, given)
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
            usage=found.usage,
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
