"""Runs: started, read, followed, cancelled, repeated."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core import ids
from errands.core.access import Principal, ProjectResource, TaskResource, Verb
from errands.core.definition.task import TaskDefinition
from errands.core.outcomes import RunStatus, StepFailed
from errands.core.params import bind, check_given
from errands.core.values import Json, JsonObject, from_text
from errands.engine.launching import IdempotencyConflictError, Order
from errands.engine.rerun import RerunRefusedError
from errands.engine.scope import with_marks
from errands.services.authority import Authority
from errands.services.errors import Conflict, Invalid, NotFound, Unavailable
from errands.services.feeds import Feeds, Told
from errands.services.leaving_out import event_without, run_without
from errands.services.lookup import (
    find_project,
    find_run,
    find_task,
    find_to_start,
    find_version,
    narrowed,
    refuse_archived,
)
from errands.services.parts import part_of_stored, part_of_value
from errands.services.rehearsal_views import DryRunView
from errands.services.rehearsing import Rehearsal
from errands.services.tail import Tail
from errands.services.tasks import TaskService
from errands.services.telling import line_view, log_line, read_run
from errands.services.uploads import Given, Intake, Upload, digests, digests_told, told, with_paths
from errands.services.views import (
    LogLine,
    Page,
    RerunView,
    RunEvent,
    RunLine,
    RunStarted,
    RunView,
    SourceFile,
    TextPart,
)
from errands.store import record, runs
from errands.store.artifacts import ArtifactStore
from errands.store.connections import Connection
from errands.store.database import Database
from errands.store.inputs import InputFile
from errands.store.record import JournalRow
from errands.store.runs import RunRow
from errands.store.tasks import TaskRow

if TYPE_CHECKING:
    from errands.engine.engine import Engine
    from errands.engine.launching import Launched
    from errands.engine.launching_at_once import Entry

_LARGEST_PAGE = 500


class RunService:
    """What a caller may ask of runs. Runs are named by id, or by 6 or more hex digits that single one out."""

    def __init__(
        self,
        database: Database,
        authority: Authority,
        engine: "Engine",
        artifacts: ArtifactStore,
        tasks: TaskService,
        rehearsal: Rehearsal,
        tail: Tail,
    ) -> None:
        self._database = database
        self._authority = authority
        self._engine = engine
        self._artifacts = artifacts
        self._intake = Intake(database, artifacts)
        self._tasks = tasks
        self._rehearsal = rehearsal
        self._feeds = Feeds(database, engine, artifacts, tail)

    async def start(
        self,
        caller: Principal,
        project: str,
        task: str,
        given: JsonObject,
        *,
        version: int | None = None,
        idempotency_key: str | None = None,
        files: Given | None = None,
    ) -> RunStarted:
        """Launch a run of the published version, or of the numbered one. `files` by param; they begin in its workspace.

        With an idempotency key that was used before: that run, if it was started with the same arguments. A version
        that is not published takes the right to publish. Raises Denied, ArgumentsInvalid (no run is made), NotFound,
        Conflict (nothing published; another run has the key), Invalid (a default cannot be computed), Unavailable (a
        file cannot be kept).
        """
        found, resource, version_id = await self._startable(caller, project, task, version)
        taken = await self._engine.versions.get(version_id)
        definition = taken.program.definition
        given, placed = with_paths(definition.params, given, files or {})
        if idempotency_key is not None:
            async with self._database.reader.connect() as connection:
                earlier = await runs.with_idempotency_key(connection, found.project_id, idempotency_key)
            if earlier is not None:
                return _same_as(earlier, found.id, given, placed, idempotency_key)
        arguments, marked = await self._bound(definition, given, project, found, caller.reference)
        kept = await self._intake.keep(placed)
        order = Order(
            found.project_id,
            found.id,
            version_id,
            arguments,
            trigger=with_marks({"kind": "on_demand"} | ({"files": told(kept)} if kept else {}), marked),
            starter=caller.reference,
            idempotency_key=idempotency_key,
        )
        entry = self._authority.entry(caller, Verb.TASK_RUN, resource, {"version": taken.number})
        try:
            launched = await self._launched(order, kept, entry)
        except IdempotencyConflictError as error:
            # Another caller was quicker; its computed defaults may differ from ours, what was given may not.
            async with self._database.reader.connect() as connection:
                row = await runs.find(connection, error.run_id)
            assert row is not None and idempotency_key is not None
            return _same_as(row, found.id, given, placed, idempotency_key)
        except StepFailed as failure:
            raise Invalid(failure.error.message, failure.error.hint) from None
        return RunStarted(ids.encode("run", launched.run_id), launched.status, launched.reason, launched.existing)

    async def dry_run(
        self,
        caller: Principal,
        project: str,
        source_or_name: SourceFile | str,
        given: JsonObject,
        *,
        stubs: JsonObject | None = None,
    ) -> DryRunView:
        """Rehearse a task: `stubs` (step id or path to output) stand in for what would touch the world.

        Raises Denied, FilesInvalid, ArgumentsInvalid, NotFound, Invalid.
        """
        definition = await self._tasks.resolve(caller, project, source_or_name)
        return await self._rehearsal.dry_run(project, definition, given, stubs or {})

    async def get(self, caller: Principal, run: str, *, largest: int | None = None) -> RunView:
        """A run with its record, what it waits for, and its files; values of more than `largest` bytes are left out.

        Raises NotFound, Denied, Invalid.
        """
        async with self._database.reader.connect() as connection:
            row = await self._row(connection, caller, run)
            view, _ = await read_run(connection, row, self._engine.versions, self._artifacts, datetime.now(UTC))
            return run_without(view, largest)

    async def output(self, caller: Principal, run: str, *, path: str | None = None) -> Json:
        """What came of a run, or of the record at a path, however large.

        Raises NotFound, Denied, Unavailable where it cannot be read.
        """
        row, found = await self._recorded(caller, run, path)
        ref = row.output_ref if found is None else found.output_ref
        if ref is None:
            return row.output if found is None else found.output
        try:
            return from_text(await self._artifacts.get(ref))
        except OSError as error:
            raise self._away(row, error) from error

    async def part(
        self,
        caller: Principal,
        run: str,
        *,
        path: str | None = None,
        of: Literal["input", "output"] = "output",
        offset: int = 0,
        limit: int = 2**16,
    ) -> TextPart:
        """A part of what a record says, `offset` and `limit` in bytes; without a path of the run's own output.

        `path` is that of a step, or of a request or call of an agent below one. Raises NotFound (run, record), Denied,
        Invalid (offset, limit), Unavailable.
        """
        if of == "input":
            return part_of_value(_input_at(await self.get(caller, run), path), offset, limit)
        row, found = await self._recorded(caller, run, path)
        ref = row.output_ref if found is None else found.output_ref
        if ref is not None:
            return await self._part_of_stored(row, ref, offset, limit)
        return part_of_value(row.output if found is None else found.output, offset, limit)

    async def _recorded(self, caller: Principal, run: str, path: str | None) -> tuple[RunRow, JournalRow | None]:
        """The run, and its record at a path where one is given. Raises NotFound, Denied."""
        async with self._database.reader.connect() as connection:
            row = await self._row(connection, caller, run)
            found = None if path is None or "\0" in path else await record.entry(connection, row.id, path)
        if path is not None and found is None:
            raise NotFound("record", path, hint="Take the path of a step from GET /runs/{run}.")
        return row, found

    async def _part_of_stored(self, row: RunRow, ref: str, offset: int, limit: int) -> TextPart:
        try:
            return await part_of_stored(self._artifacts, ref, offset, limit)
        except OSError as error:
            raise self._away(row, error) from error

    def _away(self, row: RunRow, error: OSError) -> Unavailable:
        return Unavailable(
            f"The output of {ids.encode('run', row.id)} cannot be read from {self._artifacts.place}: {error}.",
            "Bring the artifact store back.",
        )

    async def list(
        self,
        caller: Principal,
        project: str,
        *,
        task: str | None = None,
        status: RunStatus | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[RunLine]:
        """Runs, newest first; `since` (inclusive) and `until` (exclusive) are about when they were queued.

        Raises Denied, NotFound (project, task), Invalid (cursor, a moment without an offset, a limit outside 1 to 500).
        """
        await self._authority.authorise(caller, Verb.RUN_READ, ProjectResource(project, "run"))
        if not 1 <= limit <= _LARGEST_PAGE:
            raise Invalid(f"{limit} runs cannot be on one page.", f"Ask for 1 to {_LARGEST_PAGE}.")
        if any(moment is not None and moment.tzinfo is None for moment in (since, until)):
            raise Invalid("A moment without an offset is ambiguous.", "Give one such as 2026-03-01T08:00:00+01:00.")
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            task_id = (await find_task(connection, project, task)).id if task is not None else None
            wanted = runs.Filter(task_id, status, since, until, _before(cursor))
            found = await runs.history(connection, owner.id, wanted, limit + 1)
        items = tuple(line_view(row) for row in found[:limit])
        return Page(items, items[-1].id if len(found) > limit else None)

    async def logs(self, caller: Principal, run: str, *, after: int = 0, limit: int = 1000) -> Sequence[LogLine]:
        """Up to `limit` lines of a run's log after the line `after`. Raises NotFound, Denied."""
        async with self._database.reader.connect() as connection:
            row = await self._row(connection, caller, run)
            return [log_line(line) for line in await record.log(connection, row.id, after, limit)]

    async def cancel(self, caller: Principal, run: str, *, reason: str | None = None) -> bool:
        """Ask a run to end; running steps are stopped, `finally` is done. False: it had ended.

        Raises NotFound, Denied.
        """
        async with self._database.reader.connect() as connection:
            row = await self._row(connection, caller, run)
            resource = await narrowed(connection, row.project, row.task_id, row.task)
        await self._authority.authorise(caller, Verb.RUN_CANCEL, resource)
        detail: JsonObject = {"run": ids.encode("run", row.id), "reason": reason}
        also = self._authority.witness(caller, Verb.RUN_CANCEL, resource, detail)
        return await self._engine.cancel(row.id, by=caller.reference, reason=reason, also=also)

    async def rerun_plan(
        self, caller: Principal, run: str, *, from_step: str | None = None, version: int | None = None
    ) -> RerunView:
        """What a rerun would take over and what it would do a second time. Raises NotFound, Denied, Invalid."""
        row, version_id, number, _ = await self._to_rerun(caller, run, version)
        try:
            plan = await self._engine.plan_rerun(row.id, from_step=from_step, version_id=version_id)
        except RerunRefusedError as error:
            raise Invalid(str(error), error.hint) from None
        return RerunView(ids.encode("run", row.id), from_step, number, tuple(plan.kept), tuple(plan.repeated_effects))

    async def rerun(
        self,
        caller: Principal,
        run: str,
        *,
        from_step: str | None = None,
        version: int | None = None,
        arguments: JsonObject | None = None,
        outputs: JsonObject | None = None,
    ) -> RunStarted:
        """A new run with the same arguments; with `from_step` it takes over the records before that step.

        `arguments` stand in for those of the run of the same name, which takes the right to run the task; `outputs`
        for what came of steps before `from_step`, which takes the right to publish it. Raises NotFound, Denied,
        Invalid, ArgumentsInvalid.
        """
        row, version_id, number, resource = await self._to_rerun(caller, run, version)
        given = await self._edited_arguments(caller, row, resource, number, arguments)
        if outputs:
            # To say what a step gives is to decide what the task does.
            await self._authority.authorise(caller, Verb.TASK_PUBLISH, resource)
        detail: JsonObject = {
            "rerun_of": ids.encode("run", row.id),
            "from_step": from_step,
            **({"edited": sorted([*(arguments or {}), *(outputs or {})])} if arguments or outputs else {}),
        }
        also = self._authority.witness(caller, Verb.RUN_RERUN, resource, detail)
        try:
            launched = await self._engine.rerun(
                row.id,
                from_step=from_step,
                version_id=version_id,
                starter=caller.reference,
                arguments=given,
                outputs=outputs,
                also=also,
            )
        except RerunRefusedError as error:
            raise Invalid(str(error), error.hint) from None
        return RunStarted(ids.encode("run", launched.run_id), launched.status, launched.reason, launched.existing)

    async def _edited_arguments(
        self, caller: Principal, row: RunRow, resource: TaskResource, version: int, arguments: JsonObject | None
    ) -> JsonObject | None:
        """All arguments of a rerun whose arguments are edited, checked. Raises Denied, ArgumentsInvalid."""
        if not arguments:
            return None
        await self._authority.authorise(caller, Verb.TASK_RUN, resource)
        async with self._database.reader.connect() as connection:
            body = await find_version(connection, await find_task(connection, row.project, row.task), version)
        definition = TaskDefinition.model_validate(body.definition)
        return bind(definition.params, {**row.arguments, **arguments})

    async def follow(
        self, caller: Principal, run: str, *, largest: int | None = None
    ) -> AsyncGenerator[RunEvent, None]:
        """The run as it is, then every change, until it ends; values of more than `largest` bytes are left out.

        Steps that begin and text of models are seen where this process holds the run; everything else is seen
        wherever it runs, within a fifth of a second. Raises NotFound, Denied.
        """
        async with aclosing(self.follow_together(caller, run)) as told:
            async for some in told:
                for one in some:
                    yield event_without(one.event, largest)

    async def follow_together(
        self, caller: Principal, run: str, *, after: int = 0
    ) -> AsyncGenerator[Sequence[Told], None]:
        """The same, as many events at a time as were told since, each shared by all who follow the run.

        Of what the log holds already only lines after the line `after` are told. Raises NotFound, Denied.
        """
        async with self._database.reader.connect() as connection:
            row = await self._row(connection, caller, run)
        async with aclosing(self._feeds.follow(row.id, after=after)) as told:
            async for some in told:
                yield some

    async def _startable(
        self, caller: Principal, project: str, task: str, version: int | None
    ) -> tuple[TaskRow, TaskResource, UUID]:
        """The task and the id of the version that is to run. Raises Denied, NotFound, Conflict."""
        await self._authority.authorise(caller, Verb.TASK_RUN, TaskResource(project, task))
        found, resource = await find_to_start(self._database, project, task)
        await self._authority.authorise(caller, Verb.TASK_RUN, resource)
        await self._may_take(caller, found, resource, version)
        refuse_archived(found)
        if version is not None:
            async with self._database.reader.connect() as connection:
                return found, resource, (await find_version(connection, found, version)).id
        if found.published_version_id is None:
            hint = f"Publish one: errands apply FILE, or start version {found.latest} by its number."
            raise Conflict(f"No version of task {task} is published.", hint)
        return found, resource, found.published_version_id

    async def _launched(self, order: Order, kept: Sequence[InputFile], entry: "Entry") -> "Launched":
        """Launch it with its files; they are forgotten again where it was launched before, or is not."""
        if not kept:
            return await self._engine.launch(order, entry=entry)

        async def with_files(connection: Connection, run_id: UUID) -> None:
            await self._intake.hand_over(connection, run_id, kept, datetime.now(UTC))

        made = False
        try:
            launched = await self._engine.launch(order, entry=entry, also=with_files)
            made = not launched.existing
            return launched
        finally:
            if not made:
                await self._intake.forget(kept)

    async def _bound(
        self, definition: TaskDefinition, given: JsonObject, project: str, task: TaskRow, starter: str
    ) -> tuple[Mapping[str, Json], frozenset[str]]:
        """All arguments, and which of those that nobody gave carry the mark of data from outside."""
        check_given(definition.params, given)
        try:
            drawn = await self._engine.launch_defaults(
                definition, given, project_id=task.project_id, project=project, task_id=task.id, starter=starter
            )
        except StepFailed as failure:
            raise Invalid(failure.error.message, failure.error.hint) from None
        return bind(definition.params, given, drawn.values), drawn.marked

    async def _row(self, connection: AsyncConnection, caller: Principal, run: str) -> RunRow:
        """The run, which the caller may read. Raises NotFound, Denied."""
        row = await runs.find(connection, await find_run(connection, run, lambda project: self._sees(caller, project)))
        if row is None:
            raise NotFound("run", run)
        named = ProjectResource(row.project, "run", ids.encode("run", row.id))
        await self._authority.authorise(caller, Verb.RUN_READ, named)
        return row

    def _sees(self, caller: Principal, project: str) -> bool:
        return self._authority.decide(caller, Verb.RUN_READ, ProjectResource(project, "run")).allowed

    async def _to_rerun(
        self, caller: Principal, run: str, version: int | None
    ) -> tuple[RunRow, UUID | None, int, TaskResource]:
        """The run, the version to take (None: its own) with its number, and the task. Raises NotFound, Denied."""
        async with self._database.reader.connect() as connection:
            row = await self._row(connection, caller, run)
            resource = await narrowed(connection, row.project, row.task_id, row.task)
            await self._authority.authorise(caller, Verb.RUN_RERUN, resource)
            task = await find_task(connection, row.project, row.task)
            refuse_archived(task)
            if version is None:
                return row, None, row.version, resource
            if version != row.version:
                await self._may_take(caller, task, resource, version)
            body = await find_version(connection, task, version)
            return row, body.id, body.number, resource

    async def _may_take(self, caller: Principal, task: TaskRow, resource: TaskResource, version: int | None) -> None:
        """To run what is not published is to decide what the task does. Raises Denied."""
        if version is not None and version != task.published:
            await self._authority.authorise(caller, Verb.TASK_PUBLISH, resource)


def _same_as(
    earlier: RunRow, task_id: UUID, given: JsonObject, placed: Sequence[tuple[str, Upload]], key: str
) -> RunStarted:
    """The earlier run of an idempotency key. Computed defaults do not count: they may depend on the moment."""
    same = all(name in earlier.arguments and earlier.arguments[name] == value for name, value in given.items())
    same = same and digests(placed) == digests_told(earlier.trigger)
    if earlier.task_id != task_id or not same:
        raise Conflict(
            f"The idempotency key {key!r} belongs to {ids.encode('run', earlier.id)}, "
            "which was started with another task or other arguments.",
            "Use a new key for a new run.",
        )
    return RunStarted(ids.encode("run", earlier.id), RunStatus(earlier.status), earlier.reason, existing=True)


def _input_at(run: RunView, path: str | None) -> Json:
    """What a step or a record below one was given; without a path the run's arguments. Raises NotFound."""
    if path is None:
        return run.arguments
    found = {step.path: step.input for step in run.steps}
    found |= {below.path: below.input for step in run.steps for below in step.below}
    if path in found:
        return found[path]
    raise NotFound("record", path, hint="Take the path of a step from GET /runs/{run}.")


def _before(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        return ids.decode("run", cursor)
    except ValueError:
        raise Invalid(f"{cursor!r} is no cursor of a list of runs.", "Give back `next_cursor` as it came.") from None
