"""Tasks: read, edited, published, paused, rehearsed."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Header
from pydantic import Field

from errands.api.bodies import Body, JsonMap, Project, Task, TaskChoice, Version, VersionNumber
from errands.api.callers import Asked, Caller
from errands.api.problems import Refusal
from errands.api.routes import Routes, reply
from errands.core.access import Principal
from errands.core.definition.parsing import parse_document
from errands.core.definition.schema import format_schema
from errands.core.params import arguments_schema
from errands.core.values import JsonObject
from errands.services import Services
from errands.services.applying import kind_and_name
from errands.services.views import Applied, DryRunView, SourceFile, TaskView, TestResult, VersionView

routes = Routes("tasks")
IfMatch = Annotated[
    str | None,
    Header(description="ETag of the version that was edited. `*`: whatever is there. 412 where it is another."),
]


class EditBody(Body):
    """A task's new source."""

    source: Annotated[str, Field(max_length=2**20)]
    """The whole YAML file; its `task:` is the name in the address."""
    message: Annotated[str, Field(max_length=1000)] | None = None
    """Kept with the version: why."""
    publish: bool = False
    """Let new runs take it at once."""


class PublishBody(Body):
    version: VersionNumber


class PauseBody(Body):
    note: Annotated[str, Field(max_length=1000)] | None = None
    """Shown to whoever is refused a run."""


class RehearsalBody(TaskChoice):
    """A rehearsal: nothing leaves the machine, nothing is kept."""

    arguments: JsonMap = Field(default_factory=dict)
    stubs: JsonMap = Field(default_factory=dict)
    """Output by step id or path, in place of what would touch the world."""


@routes.get("/projects/{project}/tasks", gives=list[TaskView])
async def list_tasks(caller: Caller, services: Asked, project: Project) -> object:
    """All tasks by name."""
    return await services.tasks.list(caller, project)


@routes.get("/projects/{project}/tasks/{task}", gives=TaskView)
async def get_task(caller: Caller, services: Asked, project: Project, task: Task) -> object:
    """One task. Its ETag names the newest version; give it back as If-Match with an edit."""
    view = await services.tasks.get(caller, project, task)
    return reply(view, headers={"ETag": _etag(await _newest(services, caller, project, task))})


@routes.put("/projects/{project}/tasks/{task}", gives=Applied)
async def edit_task(
    caller: Caller, services: Asked, project: Project, task: Task, body: EditBody, if_match: IfMatch = None
) -> object:
    """Store a new version of a task. Without If-Match: a new task; 412 where it is there already."""
    _check_name(task, body.source)
    file, edited = SourceFile(f"tasks/{task}.yaml", body.source), _edited(if_match)
    expected = {} if edited is None else {task: edited}
    applied = await services.tasks.apply(
        caller, project, [file], message=body.message, publish=body.publish, edited=expected
    )
    return reply(applied[0], headers={"ETag": _etag(await _newest(services, caller, project, task))})


@routes.get("/projects/{project}/tasks/{task}/source", gives=SourceFile)
async def get_task_source(
    caller: Caller, services: Asked, project: Project, task: Task, version: Version = None
) -> object:
    """The text of a version as its author wrote it; without a number the published one, or else the newest."""
    return SourceFile(f"tasks/{task}.yaml", await services.tasks.source(caller, project, task, version))


@routes.get("/projects/{project}/tasks/{task}/schema", gives=JsonObject)
async def get_task_schema(
    caller: Caller, services: Asked, project: Project, task: Task, version: Version = None
) -> object:
    """JSON Schema of the arguments of a run; a form can be drawn from it."""
    definition = await services.tasks.definition(caller, project, task, version)
    return arguments_schema(definition.params)


@routes.get("/projects/{project}/tasks/{task}/versions", gives=list[VersionView])
async def list_versions(caller: Caller, services: Asked, project: Project, task: Task) -> object:
    """A task's versions, newest first."""
    return await services.tasks.versions(caller, project, task)


@routes.post("/projects/{project}/tasks/{task}/publish", gives=TaskView)
async def publish_task(caller: Caller, services: Asked, project: Project, task: Task, body: PublishBody) -> object:
    """Let new runs take this version, be it newer or older; running runs keep theirs."""
    return await services.tasks.publish(caller, project, task, body.version)


@routes.post("/projects/{project}/tasks/{task}/pause", gives=TaskView)
async def pause_task(caller: Caller, services: Asked, project: Project, task: Task, body: PauseBody) -> object:
    """Refuse new runs; each refusal is recorded with the note."""
    return await services.tasks.pause(caller, project, task, body.note)


@routes.post("/projects/{project}/tasks/{task}/resume", gives=TaskView)
async def resume_task(caller: Caller, services: Asked, project: Project, task: Task) -> object:
    """Admit runs again."""
    return await services.tasks.resume(caller, project, task)


@routes.post("/projects/{project}/tasks/{task}/test", gives=list[TestResult])
async def test_task(caller: Caller, services: Asked, project: Project, task: Task) -> object:
    """Do the tests that the task's file holds."""
    return await services.tasks.test(caller, project, task)


@routes.post("/projects/{project}/test", gives=list[TestResult])
async def test_file(caller: Caller, services: Asked, project: Project, body: TaskChoice) -> object:
    """Do the tests of a file that need not be stored."""
    return await services.tasks.test(caller, project, body.chosen())


@routes.post("/projects/{project}/dry-run", gives=DryRunView)
async def dry_run(caller: Caller, services: Asked, project: Project, body: RehearsalBody) -> object:
    """Rehearse a task or a file: nothing leaves the machine, nothing is kept."""
    return await services.runs.dry_run(caller, project, body.chosen(), body.arguments, stubs=body.stubs)


@routes.get("/schema", gives=JsonObject)
async def get_definition_schema(caller: Caller) -> object:
    """JSON Schema of task, agent and model files, for editors."""
    return format_schema()


async def _newest(services: Services, caller: Principal, project: str, task: str) -> VersionView:
    return (await services.tasks.versions(caller, project, task))[0]


def _etag(version: VersionView) -> str:
    return f'"{version.digest}"'


def _edited(if_match: str | None) -> list[str] | None:
    """The digests of an If-Match; none of them without the header; None for `*`, which fits whatever is there."""
    if if_match is None:
        return []
    given = [one.strip().removeprefix("W/").strip('"') for one in if_match.split(",")]
    return None if "*" in given else given


def _check_name(task: str, source: str) -> None:
    """Raises Refusal where the file declares something else. One that cannot be read is refused by `apply`."""
    definition = parse_document(source).definition
    if definition is None or kind_and_name(definition) == ("task", task):
        return
    kind, name = kind_and_name(definition)
    detail = f"The file declares the {kind} {name}, the address names the task {task}."
    raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "other-task", detail, "Edit the one that the file declares.")
