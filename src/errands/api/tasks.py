"""Tasks: read, edited, published, paused, rehearsed."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Query
from pydantic import Field

from errands.api.bodies import (
    LARGEST_NUMBER,
    Body,
    Cursor,
    JsonMap,
    Limit,
    Project,
    Task,
    TaskChoice,
    Version,
    VersionNumber,
)
from errands.api.callers import Asked, Caller
from errands.api.edits import IfMatch, IfMatchOptional, edited, edited_if_said, etag
from errands.api.problems import Refusal
from errands.api.routes import Routes, reply
from errands.core.access import Principal
from errands.core.definition.parsing import parse_document
from errands.core.definition.policies import BudgetAmounts
from errands.core.definition.schema import format_schema
from errands.core.params import arguments_schema
from errands.core.values import JsonObject
from errands.services import Services
from errands.services.applying import as_json, kind_and_name
from errands.services.backtest_views import Backtest, PublishGateView
from errands.services.grants_views import GrantsSuggested
from errands.services.publish_gates import PublishGate
from errands.services.rehearsal_views import DryRunView, TestResult
from errands.services.views import (
    Applied,
    Page,
    SourceFile,
    TaskView,
    VersionDiff,
    VersionView,
)

routes = Routes("tasks")
Note = Annotated[str, Field(max_length=1000)] | None
Numbered = Annotated[int, Query(ge=1, le=LARGEST_NUMBER, description="Number of a version.")]


class EditBody(Body):
    """A task's new source."""

    source: Annotated[str, Field(max_length=2**20)]
    """The whole YAML file; its `task:` is the name in the address."""
    message: Annotated[str, Field(max_length=1000)] | None = None
    """Kept with the version: why."""
    publish: bool = False
    """Let new runs take it at once."""
    overrule: Note = None
    """Why it is published though the gate holds it back; kept in the audit log."""


class PublishBody(Body):
    version: VersionNumber
    message: Note = None
    """Kept in the audit log: why, such as what a roll-back undoes."""
    overrule: Note = None
    """Why it is published though the gate holds it back; kept in the audit log."""


class GateBody(Body):
    """What must hold before a version is published."""

    gate: PublishGate | None
    """None: nothing; for a task, what its project says."""


class PauseBody(Body):
    note: Note = None
    """Shown to whoever is refused a run."""


class ResumeBody(Body):
    catch_up: bool = True
    """Make up for what was held back meanwhile, as the schedules' `missed:` says."""
    note: Note = None
    """Kept in the audit log."""


class RetireBody(Body):
    note: Note = None
    """Kept in the audit log: why."""


class RehearsalBody(TaskChoice):
    """A rehearsal: nothing leaves the machine, nothing is kept."""

    arguments: JsonMap = Field(default_factory=dict)
    stubs: JsonMap = Field(default_factory=dict)
    """Output by step id or path, in place of what would touch the world."""


class BacktestBody(TaskChoice):
    """A backtest: the last runs are walked again, and calls are answered from their record."""

    version: Annotated[int, Field(ge=1)] | None = None
    """Of the named task. None: the newest."""
    runs: Annotated[int, Field(ge=1, le=200)] = 20
    """How many of the last runs."""
    live: BudgetAmounts | None = None
    """Ask real models for what the record cannot answer, and spend no more than this in all. None: nobody is asked."""


@routes.get("/projects/{project}/tasks", gives=Page[TaskView])
async def list_tasks(
    caller: Caller,
    services: Asked,
    *,
    project: Project,
    archived: Annotated[bool, Query(description="Those too that are archived or deleted.")] = False,
    q: Annotated[str, Query(max_length=200, description="Words of its name, title, description or tags.")] = "",
    cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before.")] = None,
    limit: Limit = 100,
) -> object:
    """Tasks by name."""
    return await services.tasks.list(caller, project, archived=archived, sought=q, cursor=cursor, limit=limit)


@routes.get("/projects/{project}/tasks/{task}", gives=TaskView)
async def get_task(caller: Caller, services: Asked, project: Project, task: Task) -> object:
    """One task. Its ETag names the newest version; give it back as If-Match with an edit."""
    view = await services.tasks.get(caller, project, task)
    return reply(view, headers={"ETag": etag((await _newest(services, caller, project, task)).digest)})


@routes.put("/projects/{project}/tasks/{task}", gives=Applied)
async def edit_task(
    caller: Caller, services: Asked, project: Project, task: Task, body: EditBody, if_match: IfMatch = None
) -> object:
    """Store a new version of a task. Without If-Match: a new task; 412 where it is there already."""
    _check_name(task, body.source)
    file, began = SourceFile(f"tasks/{task}.yaml", body.source), edited(if_match)
    expected = {} if began is None else {task: began}
    applied = await services.tasks.apply(
        caller,
        project,
        [file],
        message=body.message,
        publish=body.publish,
        edited=expected,
        overrule=body.overrule,
    )
    return reply(applied[0], headers={"ETag": etag((await _newest(services, caller, project, task)).digest)})


@routes.get("/projects/{project}/tasks/{task}/source", gives=SourceFile)
async def get_task_source(
    caller: Caller, services: Asked, project: Project, task: Task, version: Version = None
) -> object:
    """The text of a version as its author wrote it; without a number the published one, or else the newest."""
    return SourceFile(f"tasks/{task}.yaml", await services.tasks.source(caller, project, task, version))


@routes.get("/projects/{project}/tasks/{task}/definition", gives=JsonObject)
async def get_task_definition(
    caller: Caller, services: Asked, project: Project, task: Task, version: Version = None
) -> object:
    """What a version says, in the one form that the many ways to write it come down to."""
    return as_json(await services.tasks.definition(caller, project, task, version))


@routes.get("/projects/{project}/tasks/{task}/schema", gives=JsonObject)
async def get_task_schema(
    caller: Caller, services: Asked, project: Project, task: Task, version: Version = None
) -> object:
    """JSON Schema of the arguments of a run; a form can be drawn from it."""
    definition = await services.tasks.definition(caller, project, task, version)
    return arguments_schema(definition.params)


@routes.get("/projects/{project}/tasks/{task}/versions", gives=Page[VersionView])
async def list_versions(
    caller: Caller, services: Asked, project: Project, task: Task, cursor: Cursor = None, limit: Limit = 100
) -> object:
    """A task's versions, newest first."""
    return await services.tasks.versions(caller, project, task, cursor=cursor, limit=limit)


@routes.post("/projects/{project}/tasks/{task}/publish", gives=TaskView)
async def publish_task(caller: Caller, services: Asked, project: Project, task: Task, body: PublishBody) -> object:
    """Let new runs take this version, be it newer or older (a roll-back); running runs keep theirs."""
    return await services.tasks.publish(
        caller, project, task, body.version, message=body.message, overrule=body.overrule
    )


@routes.get("/projects/{project}/publish-gate", gives=PublishGateView)
async def get_publish_gate(caller: Caller, services: Asked, project: Project) -> object:
    """What must hold before a version of any of the project's tasks is published."""
    return await services.publish_gates.get(caller, project)


@routes.put("/projects/{project}/publish-gate", gives=PublishGateView)
async def set_publish_gate(
    caller: Caller, services: Asked, project: Project, body: GateBody, if_match: IfMatchOptional = None
) -> object:
    """Hold versions back that would change too much of the last runs. For owners.

    `digest` of the one that is there, in quotes, is its ETag: give it back as If-Match.
    """
    return await services.publish_gates.set(caller, project, gate=body.gate, edited=edited_if_said(if_match))


@routes.get("/projects/{project}/tasks/{task}/publish-gate", gives=PublishGateView)
async def get_task_publish_gate(caller: Caller, services: Asked, project: Project, task: Task) -> object:
    """What must hold before a version of this task is published: its own gate, or its project's."""
    return await services.publish_gates.get(caller, project, task)


@routes.put("/projects/{project}/tasks/{task}/publish-gate", gives=PublishGateView)
async def set_task_publish_gate(
    caller: Caller, services: Asked, project: Project, task: Task, body: GateBody, if_match: IfMatchOptional = None
) -> object:
    """A gate of the task's own, in place of its project's. For owners. ETag and If-Match as for the project's."""
    return await services.publish_gates.set(caller, project, task, gate=body.gate, edited=edited_if_said(if_match))


@routes.get("/projects/{project}/tasks/{task}/diff", gives=VersionDiff)
async def compare_versions(
    caller: Caller, services: Asked, project: Project, task: Task, older: Numbered, newer: Numbered
) -> object:
    """What differs between two versions: steps added, removed, changed and moved; params, grants, limits, triggers."""
    return await services.tasks.compare(caller, project, task, older, newer)


@routes.post("/projects/{project}/tasks/{task}/pause", gives=TaskView)
async def pause_task(caller: Caller, services: Asked, project: Project, task: Task, body: PauseBody) -> object:
    """Refuse new runs; each refusal is recorded with the note."""
    return await services.tasks.pause(caller, project, task, body.note)


@routes.post("/projects/{project}/tasks/{task}/resume", gives=TaskView)
async def resume_task(caller: Caller, services: Asked, project: Project, task: Task, body: ResumeBody) -> object:
    """Admit runs again. `GET .../missed` tells beforehand what was held back and what of it would run."""
    return await services.tasks.resume(caller, project, task, catch_up=body.catch_up, note=body.note)


@routes.post("/projects/{project}/tasks/{task}/archive", gives=TaskView)
async def archive_task(caller: Caller, services: Asked, project: Project, task: Task, body: RetireBody) -> object:
    """Start nothing of it any more, and leave it out of lists. Its runs stay; those under way go on."""
    return await services.retirement.archive(caller, project, task, note=body.note)


@routes.post("/projects/{project}/tasks/{task}/restore", gives=TaskView)
async def restore_task(caller: Caller, services: Asked, project: Project, task: Task) -> object:
    """Bring back what was archived, or deleted and is not removed yet; its schedules plan from now on."""
    return await services.retirement.restore(caller, project, task)


@routes.delete("/projects/{project}/tasks/{task}", gives=TaskView)
async def delete_task(
    caller: Caller,
    services: Asked,
    project: Project,
    task: Task,
    note: Annotated[str | None, Query(max_length=1000, description="Kept in the audit log: why.")] = None,
) -> object:
    """Archive it now, and remove it with versions, runs and files at `remove_at`, unless it is restored before."""
    return await services.retirement.delete(caller, project, task, note=note)


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


@routes.get("/projects/{project}/tasks/{task}/grants", gives=GrantsSuggested)
async def suggest_grants(
    caller: Caller,
    services: Asked,
    project: Project,
    task: Task,
    runs: Annotated[int, Query(ge=1, le=500, description="How many of the last runs are looked at.")] = 50,
) -> object:
    """The narrowest grants that would have been enough for the last runs."""
    return await services.least_privilege.suggest(caller, project, task, count=runs)


@routes.post("/projects/{project}/backtest", gives=Backtest)
async def backtest(caller: Caller, services: Asked, project: Project, body: BacktestBody) -> object:
    """What a version or a file would have made of the last runs of its task.

    Nothing is asked of the world; with `live`, real models are.
    """
    return await services.backtests.backtest(
        caller, project, body.chosen(), version=body.version, count=body.runs, live=body.live
    )


@routes.get("/schema", gives=JsonObject)
async def get_definition_schema(caller: Caller) -> object:
    """JSON Schema of task, agent and model files, for editors."""
    return format_schema()


async def _newest(services: Services, caller: Principal, project: str, task: str) -> VersionView:
    return (await services.tasks.versions(caller, project, task, limit=1)).items[0]


def _check_name(task: str, source: str) -> None:
    """Raises Refusal where the file declares something else. One that cannot be read is refused by `apply`."""
    definition = parse_document(source).definition
    if definition is None or kind_and_name(definition) == ("task", task):
        return
    kind, name = kind_and_name(definition)
    detail = f"The file declares the {kind} {name}, the address names the task {task}."
    raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "other-task", detail, "Edit the one that the file declares.")
