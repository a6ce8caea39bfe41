"""Projects: their names, their files, their events and secrets."""

from typing import Annotated, Literal

from fastapi import Path, Query, Request, Response
from pydantic import Field, JsonValue

from errands.api.bodies import Body, FileBody, Project
from errands.api.callers import Asked, Caller
from errands.api.following import Followers, LastEventId, activity_response
from errands.api.routes import Routes
from errands.core.problems import Problem
from errands.services.overview import By, Insights, Overview
from errands.services.views import Applied, ProjectView, SecretView, SourceFile

routes = Routes("projects")
Note = Annotated[str | None, Query(max_length=1000, description="Kept in the audit log: why.")]
SecretName = Annotated[str, Path(min_length=1, max_length=100, examples=["SMTP_PASSWORD"])]


class ProjectBody(Body):
    """What a new project is called."""

    title: Annotated[str, Field(max_length=200)] | None = None


class FilesBody(Body):
    """Files to apply."""

    files: Annotated[list[FileBody], Field(min_length=1, max_length=500)]
    message: Annotated[str, Field(max_length=1000)] | None = None
    """Kept with the new versions: why."""
    publish: bool = True
    """Let new runs take the new versions."""
    dry_run: bool = False
    """Only tell what would change."""
    overrule: Annotated[str, Field(max_length=1000)] | None = None
    """Why tasks are published though their gates hold them back; kept in the audit log."""


class EventBody(Body):
    """Something that has happened."""

    name: Annotated[str, Field(min_length=1, max_length=200, examples=["order-paid"])]
    key: Annotated[str, Field(max_length=200)] | None = None
    """Which of the waiting runs is meant. None: all that wait for the name."""
    payload: JsonValue = None


class SecretBody(Body):
    """The value of a secret; no answer ever holds it."""

    value: Annotated[str, Field(min_length=1, max_length=65536)]


class SecretTasksBody(Body):
    tasks: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=500)] | None
    """Names of the tasks that alone may use it. null: all."""


@routes.get("/projects", gives=list[str], example=["default", "sales"])
async def list_projects(
    caller: Caller,
    services: Asked,
    deleted: Annotated[
        bool, Query(description="Those that are deleted and not removed yet, in place of the others.")
    ] = False,
) -> object:
    """Names of the projects that you may see."""
    return await services.projects.list(caller, deleted=deleted)


@routes.get("/projects/{project}", gives=ProjectView)
async def get_project(caller: Caller, services: Asked, project: Project) -> object:
    """A project, and what you may do in it."""
    return await services.projects.get(caller, project)


@routes.put("/projects/{project}")
async def create_project(caller: Caller, services: Asked, project: Project, body: ProjectBody) -> None:
    """Make a project; you own it. 409 where it is there already."""
    await services.projects.create(caller, project, body.title)


@routes.delete("/projects/{project}", gives=ProjectView)
async def delete_project(caller: Caller, services: Asked, project: Project, note: Note = None) -> object:
    """Start nothing in it any more, and remove it with all that is its at `remove_at`. Until then it can come back."""
    return await services.projects.delete(caller, project, note=note)


@routes.post("/projects/{project}/restore", gives=ProjectView)
async def restore_project(caller: Caller, services: Asked, project: Project) -> object:
    """Bring back a deleted project with the tasks that were at work; their schedules plan from now on."""
    return await services.projects.restore(caller, project)


@routes.get("/projects/{project}/overview", gives=Overview)
async def get_overview(
    caller: Caller,
    services: Asked,
    project: Project,
    days: Annotated[int, Query(ge=1, le=90)] = 14,
    timezone: Annotated[str | None, Query(max_length=100, description="Where days begin. None: UTC.")] = None,
    only: Annotated[Literal["days", "tasks"] | None, Query(description="Leave the other figures out.")] = None,
) -> object:
    """Runs, success, time and spend of a project by day and by task."""
    return await services.overview.get(caller, project, days=days, timezone=timezone, only=only)


@routes.get("/projects/{project}/insights", gives=Insights)
async def get_insights(
    caller: Caller,
    services: Asked,
    project: Project,
    by: Annotated[By, Query(description="What the runs are grouped by. `person`: whoever started them.")] = "task",
    order: Annotated[
        Literal["failed", "slow", "cost", "often"], Query(description="The most of it first. `slow`: tasks only.")
    ] = "failed",
    days: Annotated[int, Query(ge=1, le=90)] = 14,
    timezone: Annotated[str | None, Query(max_length=100, description="Where days begin. None: UTC.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> object:
    """What fails, what is slow and what costs, by task, by person or by model."""
    return await services.overview.insights(caller, project, by, order=order, days=days, timezone=timezone, limit=limit)


@routes.get("/projects/{project}/files", gives=list[SourceFile])
async def export_files(caller: Caller, services: Asked, project: Project) -> object:
    """The project's tasks, agents and models as the files that were applied last."""
    return await services.tasks.export(caller, project)


@routes.post("/projects/{project}/files", gives=list[Applied])
async def apply_files(caller: Caller, services: Asked, project: Project, body: FilesBody) -> object:
    """Make tasks, agents and models what the files say: all of them, or none (422 with every problem)."""
    files = [file.as_file() for file in body.files]
    return await services.tasks.apply(
        caller,
        project,
        files,
        message=body.message,
        publish=body.publish,
        dry_run=body.dry_run,
        overrule=body.overrule,
    )


@routes.post("/projects/{project}/validate", gives=list[Problem])
async def validate_file(caller: Caller, services: Asked, project: Project, body: FileBody) -> object:
    """Everything wrong with a file, in its order; nothing is stored. An empty list: nothing is."""
    return await services.tasks.validate(caller, project, body.source, file=body.name)


@routes.post("/projects/{project}/events", gives=dict[str, int], example={"woken": 1})
async def send_event(caller: Caller, services: Asked, project: Project, body: EventBody) -> object:
    """Tell the project's waiting runs that something has happened; tells how many go on."""
    return {"woken": await services.events.send(caller, project, body.name, key=body.key, payload=body.payload)}


@routes.get("/projects/{project}/events", gives=Response, also=activity_response)
async def follow_project(
    request: Request, caller: Caller, services: Asked, project: Project, last_event_id: LastEventId = None
) -> object:
    """Every run that comes to be or changes its state, and every other change, as they happen: server-sent events."""
    followers: Followers = request.app.state.followers
    return await followers.follow_project(services, caller, project, last_event_id)


@routes.get("/secrets", gives=list[SecretView])
async def list_server_secrets(caller: Caller, services: Asked) -> object:
    """Names of the installation's own secrets, which its models and shared tool servers refer to."""
    return await services.secrets.list(caller, None)


@routes.put("/secrets/{secret}")
async def set_server_secret(caller: Caller, services: Asked, secret: SecretName, body: SecretBody) -> None:
    """Store a secret of the installation."""
    await services.secrets.set(caller, None, secret, body.value)


@routes.delete("/secrets/{secret}")
async def delete_server_secret(caller: Caller, services: Asked, secret: SecretName) -> None:
    """Forget it."""
    await services.secrets.delete(caller, None, secret)


@routes.get("/projects/{project}/secrets", gives=list[SecretView])
async def list_secrets(caller: Caller, services: Asked, project: Project) -> object:
    """Names of secrets, and when they were used last. No request gives a value."""
    return await services.secrets.list(caller, project)


@routes.put("/projects/{project}/secrets/{secret}")
async def set_secret(caller: Caller, services: Asked, project: Project, secret: SecretName, body: SecretBody) -> None:
    """Store a secret, in place of an earlier one; runs take it from now on."""
    await services.secrets.set(caller, project, secret, body.value)


@routes.put("/projects/{project}/secrets/{secret}/tasks")
async def limit_secret(
    caller: Caller, services: Asked, project: Project, secret: SecretName, body: SecretTasksBody
) -> None:
    """Keep a secret for some tasks; null: every task that is granted it. A new value leaves that as it is."""
    await services.secrets.limit(caller, project, secret, body.tasks)


@routes.delete("/projects/{project}/secrets/{secret}")
async def delete_secret(caller: Caller, services: Asked, project: Project, secret: SecretName) -> None:
    """Forget a secret."""
    await services.secrets.delete(caller, project, secret)
