"""Commands for groups of people: one name for several, in roles, approvals and who may run a task."""

from typing import TYPE_CHECKING, Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from errands.services.people_views import GroupView

Group = Annotated[str, typer.Argument(metavar="GROUP", help="Name of the group, such as ops.", show_default=False)]
People = Annotated[list[str], typer.Argument(metavar="NAME...", help="Sign-in names.", show_default=False)]

groups = typer.Typer(no_args_is_help=True)


@groups.callback()
def _groups() -> None:
    """Groups of people."""


@groups.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List groups with their people."""

    async def act(desk: Desk) -> None:
        async with desk.open() as room:
            views = await room.client.people.groups()
        desk.screen.document(views)
        _show(desk, views)

    perform(context, act, as_json=as_json)


@groups.command("make")
def make(
    context: typer.Context,
    group: Group,
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="How the group is called.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a group. It has nobody and no role at first."""

    async def act(desk: Desk) -> None:
        async with desk.open() as room:
            await room.client.people.make_group(group, title=title)
        desk.screen.document({"group": group, "title": title, "people": []})
        desk.screen.say(f"{group} is there. Take people in: errands groups add {group} NAME")

    perform(context, act, as_json=as_json)


@groups.command("add")
def add(context: typer.Context, group: Group, people: People, as_json: AsJson = False) -> None:
    """Take people into a group."""

    async def act(desk: Desk) -> None:
        async with desk.open() as room:
            for name in people:
                await room.client.people.add_to_group(group, name)
        desk.screen.document({"group": group, "added": people})
        desk.screen.say(f"{', '.join(people)} {'is' if len(people) == 1 else 'are'} in {group}.")

    perform(context, act, as_json=as_json)


@groups.command("take-out")
def take_out(context: typer.Context, group: Group, people: People, as_json: AsJson = False) -> None:
    """Take people out of a group; they lose at once what they had by it."""

    async def act(desk: Desk) -> None:
        async with desk.open() as room:
            for name in people:
                await room.client.people.take_out_of_group(group, name)
        desk.screen.document({"group": group, "taken_out": people})
        desk.screen.say(f"{', '.join(people)} {'is' if len(people) == 1 else 'are'} no more in {group}.")

    perform(context, act, as_json=as_json)


@groups.command("remove")
def remove(context: typer.Context, group: Group, as_json: AsJson = False) -> None:
    """Remove a group; its people lose at once what they had by it."""

    async def act(desk: Desk) -> None:
        async with desk.open() as room:
            await room.client.people.remove_group(group)
        desk.screen.document({"group": group, "removed": True})
        desk.screen.say(f"{group} is removed.")

    perform(context, act, as_json=as_json)


def _show(desk: Desk, views: "Sequence[GroupView]") -> None:
    from errands.cli.tables import Column, table

    if not views:
        desk.screen.say("There is no group. Make one: errands groups make NAME")
        return
    rows = [(view.name, view.title or "", ", ".join(view.people)) for view in views]
    columns = [Column("Group", "accent", rank=1), Column("Title"), Column("People")]
    desk.screen.show(table(columns, rows, desk.screen.out.width))
