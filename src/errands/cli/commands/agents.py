"""Commands for the agents of a project. `errands apply` makes and changes them."""

from typing import Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.options import AsJson, Project

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the agent.", show_default=False)]

agents = typer.Typer(no_args_is_help=True)


@agents.callback()
def _agents() -> None:
    """The project's agents, and the versions that keep them."""


@agents.command("list")
def list_(context: typer.Context, project: Project = None, as_json: AsJson = False) -> None:
    """List the agents of the project."""

    async def act(desk: Desk) -> None:
        from errands.cli.reach_texts import agent_table

        async with desk.open(project) as room:
            views = await room.client.agents.list(room.project)
        desk.screen.document(views)
        if views:
            desk.screen.show(agent_table(views, desk.screen.out.width))
        else:
            desk.screen.say(f"The project {room.project} has no agents. Declare one in a file: agent: NAME")

    perform(context, act, as_json=as_json)


@agents.command("show")
def show(context: typer.Context, name: Name, project: Project = None, as_json: AsJson = False) -> None:
    """Show an agent's file, and which published versions keep it as it is or as it was."""

    async def act(desk: Desk) -> None:
        from errands.cli.reach_texts import use_lines

        async with desk.open(project) as room:
            view = await room.client.agents.get(room.project, name)
        desk.screen.document(view)
        desk.screen.say(view.source.rstrip())
        for line in use_lines(view):
            desk.screen.say(line)

    perform(context, act, as_json=as_json)


@agents.command("remove")
def remove(context: typer.Context, name: Name, project: Project = None, as_json: AsJson = False) -> None:
    """Forget an agent. Versions that keep it go on with it."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            await room.client.agents.remove(room.project, name)
        desk.screen.document({"agent": name, "removed": True})
        desk.screen.say(f"{name} is removed.")

    perform(context, act, as_json=as_json)
