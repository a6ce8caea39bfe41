"""Tasks: checked, applied, published, paused, exported."""

from collections.abc import Mapping, Sequence

from errands.core import ids
from errands.core.catalog import Surroundings, ToolSpec
from errands.core.definition.checks import check_file
from errands.core.definition.task import TaskDefinition
from errands.core.definition.typing_contract import TypeChecker
from errands.core.problems import Problem
from errands.services.applying import Wish, apply_files
from errands.services.errors import FilesInvalid, Invalid
from errands.services.lookup import find_project, find_task, find_version
from errands.services.projects import check_name
from errands.services.rehearsing import Rehearsal
from errands.services.surroundings import of_project
from errands.services.trigger_sync import sync_triggers
from errands.services.views import Applied, SourceFile, TaskView, TestResult, VersionView
from errands.store import library, tasks
from errands.store.database import Database
from errands.store.tasks import TaskRow, VersionRow


class TaskService:
    """What a caller may ask of tasks."""

    def __init__(
        self,
        database: Database,
        tools: Mapping[str, ToolSpec],
        checker: TypeChecker | None,
        rehearsal: Rehearsal,
        *,
        timezone: str = "UTC",
    ) -> None:
        """`timezone`: of schedules that name none."""
        self._database = database
        self._tools = tools
        self._checker = checker
        self._rehearsal = rehearsal
        self._timezone = timezone

    async def validate(self, project: str | None, source: str, *, file: str = "") -> list[Problem]:
        """Everything wrong with a task, agent or model file, in the order of the file.

        Without a project, what a project holds (agents, models, secrets, other tasks) is not looked up.
        """
        around = Surroundings(self._tools)
        if project is not None:
            async with self._database.engine.connect() as connection:
                around = await of_project(connection, project, self._tools)
        return (await check_file(source, around, self._checker)).problems

    async def apply(
        self,
        project: str,
        files: Sequence[SourceFile],
        *,
        author: str,
        message: str | None = None,
        publish: bool = True,
        dry_run: bool = False,
    ) -> list[Applied]:
        """Make the project's tasks, agents and models what the files say: all of them, or none.

        A task whose source is that of its newest version gets no new one. `dry_run` tells what would change and
        changes nothing. Raises FilesInvalid with every problem of every file.
        """
        check_name(project)
        names = [file.name for file in files]
        if twice := {name for name in names if names.count(name) > 1}:
            raise Invalid(f"The file {min(twice)} was given twice.", "Give each file once.")
        wish = Wish(files, author, message, publish, self._timezone)
        async with self._database.engine.connect() as connection, connection.begin() as transaction:
            applied = await apply_files(connection, project, wish, self._tools, self._checker)
            if dry_run:
                await transaction.rollback()
        return applied

    async def export(self, project: str) -> list[SourceFile]:
        """The project's files as they were applied last: `tasks/NAME.yaml`, `agents/...`, `models/...`."""
        async with self._database.engine.connect() as connection:
            owner = await find_project(connection, project)
            models = await library.every(connection, "model", owner.id)
            agents = await library.every(connection, "agent", owner.id)
            bodies = await tasks.current_bodies(connection, owner.id)
        return [
            *(SourceFile(f"models/{row.name}.yaml", row.source) for row in models),
            *(SourceFile(f"agents/{row.name}.yaml", row.source) for row in agents),
            *(SourceFile(f"tasks/{row.name}.yaml", row.source) for row in bodies),
        ]

    async def list(self, project: str) -> list[TaskView]:
        """All tasks by name."""
        async with self._database.engine.connect() as connection:
            owner = await find_project(connection, project)
            return [_view(row) for row in await tasks.every(connection, owner.id)]

    async def get(self, project: str, name: str) -> TaskView:
        """One task. Raises NotFound."""
        async with self._database.engine.connect() as connection:
            return _view(await find_task(connection, project, name))

    async def versions(self, project: str, name: str) -> Sequence[VersionView]:
        """A task's versions, newest first. Raises NotFound."""
        async with self._database.engine.connect() as connection:
            task = await find_task(connection, project, name)
            return [_version_view(task, row) for row in await tasks.versions(connection, task.id)]

    async def publish(self, project: str, name: str, number: int) -> TaskView:
        """Let new runs take this version; running runs keep theirs. Raises NotFound."""
        async with self._database.engine.begin() as connection:
            task = await find_task(connection, project, name, lock=True)
            body = await find_version(connection, task, number)
            version = await tasks.version(connection, task.id, body.number)
            assert version is not None
            definition = TaskDefinition.model_validate(body.definition)
            await tasks.publish(connection, version, definition.title, definition.description, definition.tags)
            await sync_triggers(
                connection,
                task.project_id,
                task.id,
                definition,
                owner=version.author,
                default_timezone=self._timezone,
            )
            return _view(await find_task(connection, project, name))

    async def pause(self, project: str, name: str, note: str | None) -> TaskView:
        """Refuse new runs of the task; each refusal is recorded with the note. Raises NotFound."""
        async with self._database.engine.begin() as connection:
            task = await find_task(connection, project, name, lock=True)
            await tasks.pause(connection, task.id, note)
            return _view(await find_task(connection, project, name))

    async def resume(self, project: str, name: str) -> TaskView:
        """Admit runs again; what was refused is not made up for. Raises NotFound."""
        async with self._database.engine.begin() as connection:
            task = await find_task(connection, project, name, lock=True)
            await tasks.resume(connection, task.id)
            return _view(await find_task(connection, project, name))

    async def definition(self, project: str, name: str, version: int | None = None) -> TaskDefinition:
        """What a version says; without a number the published one, or else the newest. Raises NotFound."""
        async with self._database.engine.connect() as connection:
            task = await find_task(connection, project, name)
            return TaskDefinition.model_validate((await find_version(connection, task, version)).definition)

    async def source(self, project: str, name: str, version: int | None = None) -> str:
        """The text of a version as its author wrote it. Raises NotFound."""
        async with self._database.engine.connect() as connection:
            task = await find_task(connection, project, name)
            return (await find_version(connection, task, version)).source

    async def test(self, project: str, source_or_name: SourceFile | str) -> Sequence[TestResult]:
        """Do the tests of a task file (or of a stored task): dry runs whose outcome is compared with what they expect.

        Raises FilesInvalid for a file with errors, NotFound.
        """
        definition = await self.resolve(project, source_or_name)
        return [await self._rehearsal.test(project, definition, test) for test in definition.tests]

    async def resolve(self, project: str, source_or_name: SourceFile | str) -> TaskDefinition:
        """The checked definition of a file, or the stored one of a name. Raises FilesInvalid, NotFound, Invalid."""
        if isinstance(source_or_name, str):
            return await self.definition(project, source_or_name)
        file = source_or_name
        async with self._database.engine.connect() as connection:
            around = await of_project(connection, project, self._tools)
        checked = await check_file(file.source, around, self._checker)
        if checked.definition is None:
            raise FilesInvalid({file.name: checked.problems})
        if not isinstance(checked.definition, TaskDefinition):
            raise Invalid(f"{file.name} declares no task, so there is nothing to run.", "Give a file with `task:`.")
        return checked.definition


def _view(row: TaskRow) -> TaskView:
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
