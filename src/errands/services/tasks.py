"""Tasks: checked, applied, published, paused, exported."""

from collections.abc import Mapping, Sequence
from typing import assert_never

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core import ids
from errands.core.access import AccountResource, Principal, ProjectResource, Resource, TaskResource, Verb
from errands.core.catalog import Surroundings, ToolSpec
from errands.core.definition.checks import check_file
from errands.core.definition.comparing import compare
from errands.core.definition.task import TaskDefinition
from errands.core.definition.typing_contract import TypeChecker
from errands.core.problems import Problem
from errands.core.values import Json, JsonObject
from errands.services.alarm_sync import sync_alarms
from errands.services.applying import Importing, Wish, apply_files
from errands.services.authority import Authority, utc_now
from errands.services.cursors import LARGEST_PAGE, check_limit, cursor_of, no_cursor, place_of
from errands.services.errors import FilesInvalid, Invalid
from errands.services.lookup import find_project, find_task, find_version, number_of, refuse_archived
from errands.services.making_up import make_up
from errands.services.model_roles import check_model_roles
from errands.services.principals import behind
from errands.services.projects import check_name, make_sure_of
from errands.services.publish_gates import Gatekeeper
from errands.services.rehearsal_views import TestResult
from errands.services.rehearsing import Rehearsal
from errands.services.surroundings import of_project
from errands.services.trigger_sync import sync_triggers
from errands.services.views import (
    Applied,
    Page,
    SourceFile,
    TaskView,
    VersionDiff,
    VersionView,
)
from errands.store import library, tasks, triggers
from errands.store.database import Database
from errands.store.projects import ProjectRow
from errands.store.tasks import TaskRow, VersionRow

_LARGEST_NUMBER = 2**31 - 1
"""Of a version, in the database."""


class TaskService:
    """What a caller may ask of tasks."""

    def __init__(
        self,
        database: Database,
        tools: Mapping[str, ToolSpec],
        checker: TypeChecker | None,
        rehearsal: Rehearsal,
        authority: Authority,
        gates: Gatekeeper,
        *,
        timezone: str = "UTC",
    ) -> None:
        """`timezone`: of schedules that name none."""
        self._database = database
        self._tools = tools
        self._checker = checker
        self._rehearsal = rehearsal
        self._authority = authority
        self._gates = gates
        self._timezone = timezone

    async def validate(self, caller: Principal, project: str | None, source: str, *, file: str = "") -> list[Problem]:
        """Everything wrong with a task, agent or model file, in the order of the file.

        Without a project, what a project holds (agents, models, secrets, other tasks) is not looked up, and everybody
        with an account may ask. Raises Denied.
        """
        around = Surroundings(self._tools, tool_servers=False)
        if project is None:
            person = behind(caller)
            own = AccountResource(caller.id if person is None else person.id, caller.name)
            await self._authority.authorise(caller, Verb.ACCOUNT_READ, own)
        else:
            await self._authority.authorise(caller, Verb.TASK_READ, ProjectResource(project, "task"))
            async with self._database.reader.connect() as connection:
                around = await of_project(connection, project, self._tools)
        return (await check_file(source, around, self._checker)).problems

    async def apply(
        self,
        caller: Principal,
        project: str,
        files: Sequence[SourceFile],
        *,
        message: str | None = None,
        publish: bool = True,
        dry_run: bool = False,
        edited: Mapping[str, Sequence[str]] | None = None,
        importing: Importing | None = None,
        overrule: str | None = None,
    ) -> list[Applied]:
        """Make the project's tasks, agents and models what the files say: all of them, or none.

        A task whose source is that of its newest version gets no new one. `dry_run` tells what would change and
        changes nothing. `edited`: by task, the digests of which one must be that of its newest version (none: the task
        must not be there yet). `importing`: the files are a whole project's. `overrule`: why closed gates are passed.
        Raises Denied; ChangedMeanwhile; GateClosed; FilesInvalid with every problem of every file.
        """
        await self._authority.authorise(caller, Verb.TASK_EDIT, ProjectResource(project))
        if publish:
            await self._authority.authorise(caller, Verb.TASK_PUBLISH, ProjectResource(project))
        check_name(project)
        names = [file.name for file in files]
        if twice := {name for name in names if names.count(name) > 1}:
            raise Invalid(f"The file {min(twice)} was given twice.", "Give each file once.")
        wish = Wish(files, caller.reference, message, publish, self._timezone, edited or {}, importing)
        async with self._database.engine.connect() as connection, connection.begin() as transaction:
            owner = await make_sure_of(connection, self._authority, caller, project)
            before = {row.name: row for row in await tasks.every(connection, owner.id)}
            if importing is not None:
                await importing.also(connection, owner)
            await check_model_roles(connection, self._authority, caller, owner, files)
            applied = await apply_files(connection, project, wish, self._tools, self._checker)
            if dry_run:
                await transaction.rollback()
            else:
                await self._record_applied(connection, caller, owner, applied, before, overrule)
        return applied

    async def _record_applied(
        self,
        connection: AsyncConnection,
        caller: Principal,
        owner: ProjectRow,
        applied: Sequence[Applied],
        before: Mapping[str, TaskRow],
        overrule: str | None,
    ) -> None:
        """What was changed, and what was published, as far as the gates let it. Raises GateClosed."""
        project = owner.name
        for one in applied:
            verb, resource = _edited(project, one)
            detail: JsonObject = {"change": one.change, "version": one.version}
            if one.change != "unchanged":
                await self._authority.authorise(caller, verb, resource)
                await self._authority.record(connection, caller, verb, resource, detail)
            earlier = before.get(one.name)
            if one.kind == "task" and one.published and one.version != (earlier and earlier.published):
                passed: JsonObject = {}
                if earlier is not None and one.version is not None:
                    body = await find_version(connection, earlier, one.version)
                    passed = await self._gates.check(connection, owner, earlier, body, overrule)
                detail = {"version": one.version, **passed}
                await self._authority.record(connection, caller, Verb.TASK_PUBLISH, resource, detail)

    async def export(self, caller: Principal, project: str) -> list[SourceFile]:
        """The project's files as they were applied last: `tasks/NAME.yaml`, `agents/...`, `models/...`."""
        await self._authority.authorise(caller, Verb.PROJECT_EXPORT, ProjectResource(project))
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            models = await library.every(connection, "model", owner.id)
            agents = await library.every(connection, "agent", owner.id)
            bodies = await tasks.current_bodies(connection, owner.id)
        return [
            *(SourceFile(f"models/{row.name}.yaml", row.source) for row in models),
            *(SourceFile(f"agents/{row.name}.yaml", row.source) for row in agents),
            *(SourceFile(f"tasks/{row.name}.yaml", row.source) for row in bodies),
        ]

    async def list(
        self,
        caller: Principal,
        project: str,
        *,
        archived: bool = False,
        sought: str = "",
        cursor: str | None = None,
        limit: int = LARGEST_PAGE,
    ) -> Page[TaskView]:
        """Tasks by name; with `archived` those too that are archived or deleted.

        `sought`: only those in whose name, title, description or tags each of these words stands.
        Raises NotFound, Denied, Invalid (cursor, limit).
        """
        await self._authority.authorise(caller, Verb.TASK_READ, ProjectResource(project, "task"))
        check_limit(limit, "tasks")
        after = None if cursor is None else _name_after(cursor)
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            found = await tasks.every(
                connection, owner.id, archived=archived, words=sought.split(), after=after, limit=limit + 1
            )
        shown = found[:limit]
        following = cursor_of(["tasks", shown[-1].name]) if len(found) > limit else None
        return Page(tuple(view_of(row) for row in shown), following)

    async def get(self, caller: Principal, project: str, name: str) -> TaskView:
        """One task. Raises NotFound, Denied."""
        await self._authority.authorise(caller, Verb.TASK_READ, TaskResource(project, name))
        async with self._database.reader.connect() as connection:
            return view_of(await find_task(connection, project, name))

    async def versions(
        self, caller: Principal, project: str, name: str, *, cursor: str | None = None, limit: int = LARGEST_PAGE
    ) -> Page[VersionView]:
        """A task's versions, newest first. Raises NotFound, Denied, Invalid (cursor, limit)."""
        await self._authority.authorise(caller, Verb.TASK_READ, TaskResource(project, name))
        check_limit(limit, "versions")
        before = None if cursor is None else min(number_of(cursor), _LARGEST_NUMBER)
        async with self._database.reader.connect() as connection:
            task = await find_task(connection, project, name)
            found = await tasks.versions(connection, task.id, before, limit + 1)
        shown = found[:limit]
        following = str(shown[-1].number) if len(found) > limit else None
        return Page(tuple(_version_view(task, row) for row in shown), following)

    async def compare(self, caller: Principal, project: str, name: str, older: int, newer: int) -> VersionDiff:
        """What differs between two versions, step by step. Raises NotFound, Denied."""
        await self._authority.authorise(caller, Verb.TASK_READ, TaskResource(project, name))
        async with self._database.reader.connect() as connection:
            task = await find_task(connection, project, name)
            bodies = [await find_version(connection, task, number) for number in (older, newer)]
        before, after = (TaskDefinition.model_validate(body.definition) for body in bodies)
        return VersionDiff(task.name, older, newer, compare(before, after))

    async def publish(
        self,
        caller: Principal,
        project: str,
        name: str,
        number: int,
        *,
        message: str | None = None,
        overrule: str | None = None,
    ) -> TaskView:
        """Let new runs take this version, be it newer or older; running runs keep theirs.

        `message` says why, in the audit log; `overrule` why a closed gate is passed. Raises NotFound, Denied, Conflict
        for an archived task, GateClosed.
        """
        resource = TaskResource(project, name)
        await self._authority.authorise(caller, Verb.TASK_PUBLISH, resource)
        async with self._database.engine.begin() as connection:
            task = await find_task(connection, project, name, lock=True)
            refuse_archived(task)
            body = await find_version(connection, task, number)
            version = await tasks.version(connection, task.id, body.number)
            assert version is not None
            owner = await find_project(connection, project)
            passed = await self._gates.check(connection, owner, task, body, overrule)
            definition = TaskDefinition.model_validate(body.definition)
            said = (definition.title, definition.description, definition.tags, definition.limits.keep_runs)
            await tasks.publish(connection, version, *said)
            await sync_triggers(
                connection,
                task.project_id,
                task.id,
                definition,
                owner=version.author,
                default_timezone=self._timezone,
            )
            await sync_alarms(connection, task.project_id, task.id, definition.alarms, utc_now())
            detail: JsonObject = {"version": version.number, "before": task.published, "message": message, **passed}
            await self._authority.record(connection, caller, Verb.TASK_PUBLISH, resource, detail)
            return view_of(await find_task(connection, project, name))

    async def pause(self, caller: Principal, project: str, name: str, note: str | None) -> TaskView:
        """Refuse new runs of the task; each refusal is recorded with the note. Raises NotFound, Denied."""
        resource = TaskResource(project, name)
        await self._authority.authorise(caller, Verb.TASK_PAUSE, resource)
        async with self._database.engine.begin() as connection:
            task = await find_task(connection, project, name, lock=True)
            await tasks.pause(connection, task.id, note)
            detail: JsonObject = {"act": "pause", "note": note}
            await self._authority.record(connection, caller, Verb.TASK_PAUSE, resource, detail)
            return view_of(await find_task(connection, project, name))

    async def resume(
        self, caller: Principal, project: str, name: str, *, catch_up: bool = True, note: str | None = None
    ) -> TaskView:
        """Admit runs again. With `catch_up` the schedules' `missed:` says what runs of what they planned meanwhile.

        `TriggerService.missed_while_paused` tells beforehand how many. `note` goes to the audit log.
        Raises NotFound, Denied.
        """
        resource = TaskResource(project, name)
        await self._authority.authorise(caller, Verb.TASK_PAUSE, resource)
        async with self._database.engine.begin() as connection:
            task = await find_task(connection, project, name, lock=True)
            await tasks.resume(connection, task.id)
            planned = await triggers.of_task(connection, task.id, lock=True)
            made_up = await make_up(connection, planned, "paused", utc_now(), catch_up=catch_up)
            await triggers.nudge(connection)
            said: dict[str, Json] = {"act": "resume", "made_up": made_up, "note": note}
            await self._authority.record(connection, caller, Verb.TASK_PAUSE, resource, said)
            return view_of(await find_task(connection, project, name))

    async def definition(
        self, caller: Principal, project: str, name: str, version: int | None = None
    ) -> TaskDefinition:
        """What a version says; without a number the published one, or else the newest. Raises NotFound, Denied."""
        await self._authority.authorise(caller, Verb.TASK_READ, TaskResource(project, name))
        async with self._database.reader.connect() as connection:
            task = await find_task(connection, project, name)
            return TaskDefinition.model_validate((await find_version(connection, task, version)).definition)

    async def source(self, caller: Principal, project: str, name: str, version: int | None = None) -> str:
        """The text of a version as its author wrote it. Raises NotFound, Denied."""
        await self._authority.authorise(caller, Verb.TASK_READ, TaskResource(project, name))
        async with self._database.reader.connect() as connection:
            task = await find_task(connection, project, name)
            return (await find_version(connection, task, version)).source

    async def test(self, caller: Principal, project: str, source_or_name: SourceFile | str) -> Sequence[TestResult]:
        """Do the tests of a task file (or of a stored task): dry runs whose outcome is compared with what they expect.

        Raises FilesInvalid for a file with errors, NotFound, Denied.
        """
        definition = await self.resolve(caller, project, source_or_name)
        return [await self._rehearsal.test(project, definition, test) for test in definition.tests]

    async def resolve(self, caller: Principal, project: str, source_or_name: SourceFile | str) -> TaskDefinition:
        """The checked definition of a file, or the stored one of a name, for a rehearsal.

        Raises FilesInvalid, NotFound, Invalid, Denied.
        """
        named = source_or_name if isinstance(source_or_name, str) else ""
        await self._authority.authorise(caller, Verb.TASK_REHEARSE, TaskResource(project, named))
        if isinstance(source_or_name, str):
            return await self.definition(caller, project, source_or_name)
        file = source_or_name
        async with self._database.reader.connect() as connection:
            around = await of_project(connection, project, self._tools)
        checked = await check_file(file.source, around, self._checker)
        if checked.definition is None:
            raise FilesInvalid({file.name: checked.problems})
        if not isinstance(checked.definition, TaskDefinition):
            raise Invalid(f"{file.name} declares no task, so there is nothing to run.", "Give a file with `task:`.")
        return checked.definition


def _edited(project: str, applied: Applied) -> tuple[Verb, Resource]:
    """What was done to what."""
    match applied.kind:
        case "task":
            return Verb.TASK_EDIT, TaskResource(project, applied.name)
        case "agent":
            return Verb.AGENT_EDIT, ProjectResource(project, "agent", applied.name)
        case "model":
            return Verb.MODEL_EDIT, ProjectResource(project, "model", applied.name)
        case _:
            assert_never(applied.kind)


def _name_after(cursor: str) -> str:
    """The name that a page of tasks ended with. Raises Invalid."""
    match place_of(cursor):
        case ["tasks", str(name)] if "\0" not in name:
            return name
        case _:
            raise no_cursor(cursor)


def view_of(row: TaskRow) -> TaskView:
    """A task as faces show it."""
    return TaskView(
        id=ids.encode("task", row.id),
        name=row.name,
        title=row.title,
        description=row.description,
        tags=tuple(row.tags),
        published=row.published,
        latest=row.latest,
        paused_at=row.paused_at,
        pause_note=row.pause_note,
        created_at=row.created_at,
        archived_at=row.archived_at,
        remove_at=row.remove_at,
    )


def _version_view(task: TaskRow, row: VersionRow) -> VersionView:
    return VersionView(
        id=ids.encode("version", row.id),
        number=row.number,
        digest=row.digest,
        author=row.author,
        message=row.message,
        created_at=row.created_at,
        published=row.id == task.published_version_id,
    )
