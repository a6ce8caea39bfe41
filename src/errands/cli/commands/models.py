"""Commands for language models: those of a project, those that administrators share, and the embedded one."""

from pathlib import Path
from typing import Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.exits import ExitCode
from errands.cli.options import AsJson, Project, Shared

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the model.", show_default=False)]
Projects = Annotated[
    list[str] | None, typer.Option("--for", metavar="PROJECT", help="Only this project may use it; may be repeated.")
]
Role = Annotated[
    str | None, typer.Option("--least-role", metavar="ROLE", help="editor or owner: who may put it into a task.")
]

models = typer.Typer(no_args_is_help=True)


@models.callback()
def _models() -> None:
    """Language models: list, share, try out; fetch the embedded one."""


@models.command("pull")
def pull(
    context: typer.Context,
    source: Annotated[
        str | None, typer.Argument(metavar="PATH|URL", help="A GGUF file. [default: the setting embedded_model]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the embedded model into the home folder now, instead of on first use."""

    async def act(desk: Desk) -> None:
        path = await desk.wiring.pull_model(source, desk.screen.remark)
        desk.screen.document({"model": path})
        desk.screen.say(f"The model is ready: {path}")

    perform(context, act, as_json=as_json)


@models.command("list")
def list_(context: typer.Context, project: Project = None, server: Shared = False, as_json: AsJson = False) -> None:
    """List the models that the project may use, with their prices."""

    async def act(desk: Desk) -> None:
        from errands.cli.reach_texts import model_table

        async with desk.open(project) as room:
            views = await room.client.models.list(None if server else room.project)
        desk.screen.document(views)
        if views:
            desk.screen.show(model_table(views, desk.screen.out.width))
        else:
            desk.screen.say("There is only the embedded model. Declare others in files: model: NAME, provider: ...")

    perform(context, act, as_json=as_json)


@models.command("share")
def share(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A model file.", exists=True, dir_okay=False)],
    projects: Projects = None,
    least_role: Role = None,
    as_json: AsJson = False,
) -> None:
    """Set a model for several projects, from a model file. Its key is a secret of the server.

    For administrators. A project's own models come with `errands apply`.
    """

    async def act(desk: Desk) -> None:
        source = file.read_text(encoding="utf-8")
        async with desk.open() as room:
            view = await room.client.models.put_shared(source, projects or None, least_role)
        desk.screen.document(view)
        whom = "all projects" if view.projects is None else ", ".join(view.projects)
        desk.screen.say(f"{view.name} is there for {whom}. Try it: errands models test {view.name} --server")

    perform(context, act, as_json=as_json)


@models.command("test")
def test(
    context: typer.Context, name: Name, project: Project = None, server: Shared = False, as_json: AsJson = False
) -> None:
    """Send a model a tiny real request, and say what is wrong if something is. Exits with 1 then."""

    async def act(desk: Desk) -> ExitCode:
        from errands.cli.reach_texts import tried_text

        async with desk.open(project) as room:
            tried = await room.client.models.try_out(None if server else room.project, name)
        desk.screen.document(tried)
        desk.screen.say(tried_text(name, tried))
        return ExitCode.SUCCEEDED if tried.ok else ExitCode.FAILED

    perform(context, act, as_json=as_json)


@models.command("remove")
def remove(
    context: typer.Context, name: Name, project: Project = None, server: Shared = False, as_json: AsJson = False
) -> None:
    """Forget a model. Steps that name it fail from then on."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            await room.client.models.remove(None if server else room.project, name)
        desk.screen.document({"model": name, "removed": True})
        desk.screen.say(f"{name} is removed.")

    perform(context, act, as_json=as_json)
