"""Commands for the gate before a publication."""

from typing import Annotated, Literal

import typer

from errands.cli.desk import Desk, perform
from errands.cli.options import AsJson, Project

Task = Annotated[str | None, typer.Argument(metavar="TASK", help="A task. [default: the whole project]")]

gate = typer.Typer(no_args_is_help=True)


@gate.callback()
def _gate() -> None:
    """What a version must make of past runs to be published."""


@gate.command("show")
def show(context: typer.Context, task: Task = None, project: Project = None, as_json: AsJson = False) -> None:
    """Show the gate of the project, or the one that counts for a task."""

    async def act(desk: Desk) -> None:
        from errands.cli.backtests import gate_text

        async with desk.open(project) as room:
            view = await room.client.tasks.gate(room.project, task)
        desk.screen.document(view)
        desk.screen.say(gate_text(view))

    perform(context, act, as_json=as_json)


@gate.command("set")
def set_(
    context: typer.Context,
    task: Task = None,
    *,
    runs: Annotated[
        int, typer.Option("--runs", "-n", help="How many of the last runs; 0: no gate for this task.", min=0, max=200)
    ] = 20,
    may_differ: Annotated[
        int, typer.Option("--may-differ", help="How many of them may come out otherwise.", min=0, max=200)
    ] = 0,
    unknown: Annotated[
        Literal["differs", "passes"],
        typer.Option("--unknown", help="What a run counts as whose outcome the record does not tell."),
    ] = "differs",
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Hold versions back that would change too much. For owners of the project."""

    async def act(desk: Desk) -> None:
        from errands.cli.backtests import gate_text

        wanted = {"runs": runs, "may_differ": may_differ, "unknown": unknown}
        async with desk.open(project) as room:
            view = await room.client.tasks.set_gate(room.project, task, wanted)
        desk.screen.document(view)
        desk.screen.say(gate_text(view))

    perform(context, act, as_json=as_json)


@gate.command("clear")
def clear(context: typer.Context, task: Task = None, project: Project = None, as_json: AsJson = False) -> None:
    """Take the gate away; for a task, its project's counts again."""

    async def act(desk: Desk) -> None:
        from errands.cli.backtests import gate_text

        async with desk.open(project) as room:
            view = await room.client.tasks.set_gate(room.project, task, None)
        desk.screen.document(view)
        desk.screen.say(gate_text(view))

    perform(context, act, as_json=as_json)
