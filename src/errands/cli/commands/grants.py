"""Commands about what tasks may reach."""

from typing import Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.options import AsJson, Project, TaskName

grants = typer.Typer(help="What tasks may reach, and what they really use.", no_args_is_help=True)


@grants.command()
def suggest(
    context: typer.Context,
    task: TaskName,
    runs: Annotated[int, typer.Option("--runs", "-n", help="How many of the last runs.", min=1, max=500)] = 50,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Propose the narrowest grants that would have been enough for the last runs.

    Looks at what the tools and agents of succeeded runs have called. Nothing is changed.
    """

    async def act(desk: Desk) -> None:
        from errands.cli.grants_texts import grants_lines

        async with desk.open(project) as room:
            found = await room.client.tasks.grants(room.project, task, runs=runs)
        desk.screen.document(found)
        desk.screen.show(*grants_lines(found))

    perform(context, act, as_json=as_json)
