"""What callers keep for themselves in a project: views of lists, sets of arguments."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from errands.api.bodies import Body, JsonMap, Project
from errands.api.callers import Asked, Caller
from errands.api.routes import Routes
from errands.services.saved import SavedView

routes = Routes("projects")
Shelf = Annotated[
    str, Path(min_length=1, max_length=220, description="What it is for.", examples=["runs", "arguments.morning-brief"])
]


class SavedBody(Body):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    """What the caller calls it."""
    value: JsonMap
    """A filter, a set of arguments; 64 KiB at most."""


@routes.get("/projects/{project}/saved/{shelf}", gives=list[SavedView])
async def list_saved(caller: Caller, services: Asked, project: Project, shelf: Shelf) -> object:
    """What you keep for yourself on a shelf. Nobody else sees it."""
    return await services.saved.list(caller, project, shelf)


@routes.put("/projects/{project}/saved/{shelf}", gives=SavedView)
async def put_saved(caller: Caller, services: Asked, project: Project, shelf: Shelf, body: SavedBody) -> object:
    """Keep a view or a set of arguments, in place of an earlier one of its name."""
    return await services.saved.put(caller, project, shelf, body.name, body.value)


@routes.delete("/projects/{project}/saved/{shelf}")
async def forget_saved(
    caller: Caller,
    services: Asked,
    project: Project,
    shelf: Shelf,
    name: Annotated[str, Query(min_length=1, max_length=100)],
) -> None:
    """Forget it."""
    await services.saved.remove(caller, project, shelf, name)
