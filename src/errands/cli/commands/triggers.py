"""Commands about triggers that listen to the outside: where they are reached, and what came there."""

from typing import Annotated

import typer

from errands.cli.commands.schedule import TriggerName, Yes, list_triggers
from errands.cli.desk import Desk, perform
from errands.cli.exits import ExitCode
from errands.cli.options import AsJson, Project, TaskName

triggers = typer.Typer(no_args_is_help=True)
triggers.command("list")(list_triggers)


@triggers.callback()
def _triggers() -> None:
    """Where webhooks and mail arrive, and what came there."""


@triggers.command("show")
def show(
    context: typer.Context, task: TaskName, trigger: TriggerName, project: Project = None, as_json: AsJson = False
) -> None:
    """Show one trigger: what it listens to, its address, what became of the last time."""

    async def act(desk: Desk) -> None:
        from errands.cli.displays import local_now
        from errands.cli.trigger_texts import trigger_lines

        async with desk.open(project) as room:
            view = await room.client.triggers.get(room.project, task, trigger)
        desk.screen.document(view)
        for line in trigger_lines(view, local_now()):
            desk.screen.say(line)

    perform(context, act, as_json=as_json)


@triggers.command("deliveries")
def deliveries(
    context: typer.Context,
    task: TaskName,
    trigger: TriggerName,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Rows.")] = 20,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Show what came to a webhook or a mail address, and what became of it."""

    async def act(desk: Desk) -> None:
        from errands.cli.displays import local_now
        from errands.cli.trigger_texts import delivery_table

        async with desk.open(project) as room:
            page = await room.client.triggers.deliveries(room.project, task, trigger, limit=limit)
        desk.screen.document(page.items)
        if page.items:
            desk.screen.show(delivery_table(page.items, local_now(), desk.screen.out.width))
        else:
            desk.screen.say(f"Nothing came yet. Where it listens: errands triggers show {task} {trigger}")

    perform(context, act, as_json=as_json)


@triggers.command("new-address")
def new_address(
    context: typer.Context,
    task: TaskName,
    trigger: TriggerName,
    yes: Yes = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Give a trigger a new address. The old one leads nowhere from then on."""

    async def act(desk: Desk) -> ExitCode | None:
        async with desk.open(project) as room:
            said = f"Whoever sends to the old address of {task}/{trigger} is refused. Go on?"
            if not yes and desk.screen.asks and not typer.confirm(said, err=True):
                return ExitCode.FAILED
            view = await room.client.triggers.renew_address(room.project, task, trigger)
        desk.screen.document(view)
        desk.screen.say(f"{task}/{trigger} listens at {view.address} now.")
        return None

    perform(context, act, as_json=as_json)
