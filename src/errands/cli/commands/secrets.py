"""Commands for secrets. A value is typed without echo or read from stdin; it is never an argument and never shown."""

import sys
from typing import Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.options import AsJson, Project, Shared

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the secret, such as SALES_DB.")]

secrets = typer.Typer(no_args_is_help=True)


@secrets.callback()
def _secrets() -> None:
    """Keep credentials, encrypted; tasks say secret:NAME."""


@secrets.command("set")
def set_(
    context: typer.Context, name: Name, project: Project = None, server: Shared = False, as_json: AsJson = False
) -> None:
    """Store a secret. The value is asked for without echo, or read from stdin."""

    async def act(desk: Desk) -> None:
        value = _typed(name)
        async with desk.open(project) as room:
            await room.client.projects.set_secret(None if server else room.project, name, value)
        desk.screen.document({"secret": name, "stored": True})
        users = "Shared models and tool servers" if server else "Tasks that are granted it"
        desk.screen.say(f"{name} is stored. {users} refer to it as secret:{name}")

    perform(context, act, as_json=as_json)


@secrets.command("list")
def list_(context: typer.Context, project: Project = None, server: Shared = False, as_json: AsJson = False) -> None:
    """List names and dates; values are never shown."""

    async def act(desk: Desk) -> None:
        from errands.cli.displays import local_now
        from errands.cli.figures import moment
        from errands.cli.tables import Column, table

        async with desk.open(project) as room:
            views = await room.client.projects.secrets(None if server else room.project)
        now = local_now()
        desk.screen.document(views)
        if not views:
            desk.screen.say(f"The project {room.project} has no secrets. Store one: errands secrets set NAME")
            return
        rows = [
            (
                view.name,
                moment(view.updated_at, now),
                moment(view.last_used_at, now) if view.last_used_at else "never",
                "all" if view.tasks is None else ", ".join(view.tasks),
            )
            for view in views
        ]
        columns = [Column("Secret", "accent", rank=1), Column("Changed"), Column("Last used"), Column("Tasks", rank=2)]
        desk.screen.show(table(columns, rows, desk.screen.out.width))

    perform(context, act, as_json=as_json)


@secrets.command("limit")
def limit(
    context: typer.Context,
    name: Name,
    tasks: Annotated[
        list[str] | None, typer.Option("--task", "-t", metavar="TASK", help="A task that may use it; may be repeated.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every task that is granted it, as in the beginning.")] = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Keep a secret for some tasks. A new value leaves that as it is."""

    async def act(desk: Desk) -> None:
        from errands.cli.given import BadInput

        if bool(tasks) == every:
            raise BadInput("Which tasks?", hint=f"errands secrets limit {name} --task TASK, or --all")
        async with desk.open(project) as room:
            await room.client.projects.limit_secret(room.project, name, None if every else tasks)
        desk.screen.document({"secret": name, "tasks": tasks})
        told = "every task that is granted it" if every else ", ".join(tasks or ())
        desk.screen.say(f"{name} is for {told}.")

    perform(context, act, as_json=as_json)


@secrets.command("delete")
def delete(
    context: typer.Context, name: Name, project: Project = None, server: Shared = False, as_json: AsJson = False
) -> None:
    """Forget a secret. Steps that refer to it fail from then on."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            await room.client.projects.delete_secret(None if server else room.project, name)
        desk.screen.document({"secret": name, "deleted": True})
        desk.screen.say(f"{name} is deleted.")

    perform(context, act, as_json=as_json)


@secrets.command("rotate-key")
def rotate_key(context: typer.Context, as_json: AsJson = False) -> None:
    """Encrypt every stored secret anew with the newest key, so that older keys can be taken away."""

    async def act(desk: Desk) -> None:
        async with desk.open() as room:
            changed = await room.client.server.rotate_secrets()
        desk.screen.document({"encrypted_anew": changed})
        desk.screen.say(f"{changed} encrypted anew; every secret is now under the newest key.")

    perform(context, act, as_json=as_json)


def _typed(name: str) -> str:
    """The value: typed twice without echo, or all of stdin but its last line break. Raises BadInput."""
    import getpass

    from errands.cli.given import BadInput

    if not sys.stdin.isatty():
        value = sys.stdin.read()
        value = value.removesuffix("\n").removesuffix("\r")
    else:
        value = getpass.getpass(f"Value of {name} (not shown): ")
    if not value:
        raise BadInput(f"The value of {name} is empty", hint=f"Pipe it in: errands secrets set {name} < FILE")
    return value
