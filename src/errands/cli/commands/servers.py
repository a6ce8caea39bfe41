"""Commands for tools and tool servers (MCP)."""

from typing import Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.exits import ExitCode
from errands.cli.options import AsJson, Project, Shared

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the tool server.", show_default=False)]
Pairs = list[str] | None

servers = typer.Typer(no_args_is_help=True)


@servers.callback()
def _servers() -> None:
    """Tool servers (MCP): add, look at, accept changes."""


def tools(context: typer.Context, project: Project = None, as_json: AsJson = False) -> None:
    """List every tool that tasks can be granted."""

    async def act(desk: Desk) -> None:
        from errands.cli.reach_texts import tool_table

        async with desk.open(project) as room:
            views = await room.client.tool_servers.tools(room.project)
        desk.screen.document(views)
        desk.screen.show(tool_table(views, desk.screen.out.width))

    perform(context, act, as_json=as_json)


@servers.command("list")
def list_(context: typer.Context, project: Project = None, server: Shared = False, as_json: AsJson = False) -> None:
    """List the tool servers that the project may use, and how they are."""

    async def act(desk: Desk) -> None:
        from errands.cli.reach_texts import server_table

        async with desk.open(project) as room:
            views = await room.client.tool_servers.list(None if server else room.project)
        desk.screen.document(views)
        if views:
            desk.screen.show(server_table(views, desk.screen.out.width))
        else:
            desk.screen.say("There are no tool servers. Add one: errands servers add NAME --url https://...")

    perform(context, act, as_json=as_json)


@servers.command("add")
def add(
    context: typer.Context,
    name: Name,
    *,
    url: Annotated[str | None, typer.Option("--url", help="Address of a server over streamable HTTP.")] = None,
    command: Annotated[
        str | None, typer.Option("--command", help="A program on this machine, with its arguments. For administrators.")
    ] = None,
    bearer: Annotated[
        str | None, typer.Option("--bearer", metavar="SECRET", help="Name of the secret that is sent as a token.")
    ] = None,
    headers: Annotated[
        Pairs, typer.Option("--header", metavar="NAME=VALUE", help="A header; secret:NAME as value is resolved.")
    ] = None,
    env: Annotated[
        Pairs, typer.Option("--env", metavar="NAME=VALUE", help="A variable of the program; may be secret:NAME.")
    ] = None,
    oauth: Annotated[
        bool, typer.Option("--oauth", help="A person signs in at the server: errands servers connect NAME.")
    ] = False,
    scope: Annotated[
        str | None, typer.Option("--scope", help="With --oauth: what is asked for. [default: what the server names]")
    ] = None,
    client_id: Annotated[
        str | None, typer.Option("--client-id", help="With --oauth: what we are registered as there, if by hand.")
    ] = None,
    client_secret: Annotated[
        str | None, typer.Option("--client-secret", metavar="SECRET", help="Name of the secret of that client.")
    ] = None,
    projects: Annotated[
        Pairs, typer.Option("--for", metavar="PROJECT", help="With --server: only this project may use it.")
    ] = None,
    project: Project = None,
    server: Shared = False,
    as_json: AsJson = False,
) -> None:
    """Add a tool server, or reach it in another way. All tools of a new one are accepted with it."""

    async def act(desk: Desk) -> ExitCode:
        from errands.cli.reach_texts import connection_of, oauth_of, server_lines

        sign_in = oauth_of(wanted=oauth, scope=scope, client_id=client_id, client_secret=client_secret)
        way = connection_of(url, command, bearer, headers or [], env or [], sign_in)
        async with desk.open(project) as room:
            owner = None if server else room.project
            view = await room.client.tool_servers.put(owner, name, way, projects or None)
        desk.screen.document(view)
        for line in server_lines(view):
            desk.screen.say(line)
        waits = view.sign_in is not None and not view.sign_in.connected
        return ExitCode.FAILED if view.health == "problem" and not waits else ExitCode.SUCCEEDED

    perform(context, act, as_json=as_json)


@servers.command("connect")
def connect(
    context: typer.Context, name: Name, project: Project = None, server: Shared = False, as_json: AsJson = False
) -> None:
    """Sign in at a tool server: prints the address to open in a browser."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            begun = await room.client.tool_servers.connect(None if server else room.project, name)
        desk.screen.document(begun)
        desk.screen.say(f"Open this within ten minutes, and agree:\n\n{begun.url}\n")
        desk.screen.say(f"The browser comes back to {begun.comes_back_to}, where `errands start` must listen.")

    perform(context, act, as_json=as_json)


@servers.command("disconnect")
def disconnect(
    context: typer.Context, name: Name, project: Project = None, server: Shared = False, as_json: AsJson = False
) -> None:
    """Forget the tokens of a sign-in. Calls of the server's tools are refused from then on."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            view = await room.client.tool_servers.disconnect(None if server else room.project, name)
        desk.screen.document(view)
        desk.screen.say(f"{view.name} is disconnected.")

    perform(context, act, as_json=as_json)


@servers.command("show")
def show(
    context: typer.Context, name: Name, project: Project = None, server: Shared = False, as_json: AsJson = False
) -> None:
    """Show how a tool server is, its tools, and what has changed since they were accepted."""

    async def act(desk: Desk) -> None:
        from errands.cli.reach_texts import server_lines

        async with desk.open(project) as room:
            view = await room.client.tool_servers.get(None if server else room.project, name)
        desk.screen.document(view)
        for line in server_lines(view):
            desk.screen.say(line)

    perform(context, act, as_json=as_json)


@servers.command("look")
def look(
    context: typer.Context, name: Name, project: Project = None, server: Shared = False, as_json: AsJson = False
) -> None:
    """Ask a tool server what it has now. Exits with 1 where it cannot be reached."""

    async def act(desk: Desk) -> ExitCode:
        from errands.cli.reach_texts import server_lines

        async with desk.open(project) as room:
            view = await room.client.tool_servers.look(None if server else room.project, name)
        desk.screen.document(view)
        for line in server_lines(view):
            desk.screen.say(line)
        return ExitCode.FAILED if view.health == "problem" else ExitCode.SUCCEEDED

    perform(context, act, as_json=as_json)


@servers.command("accept")
def accept(
    context: typer.Context,
    name: Name,
    chosen: Annotated[
        list[str] | None, typer.Argument(metavar="TOOL...", help="Tools to accept. [default: all that have changed]")
    ] = None,
    project: Project = None,
    server: Shared = False,
    as_json: AsJson = False,
) -> None:
    """Accept changed tools as the server describes them now. Until then they are refused."""

    async def act(desk: Desk) -> None:
        from errands.cli.reach_texts import server_lines

        async with desk.open(project) as room:
            view = await room.client.tool_servers.accept(None if server else room.project, name, chosen or None)
        desk.screen.document(view)
        for line in server_lines(view):
            desk.screen.say(line)

    perform(context, act, as_json=as_json)


@servers.command("effect")
def effect(
    context: typer.Context,
    name: Name,
    tool: Annotated[str, typer.Argument(metavar="TOOL", help="Name without the server's.")],
    what: Annotated[str, typer.Argument(metavar="EFFECT", help="none, reads or changes; 'hint': as the server says.")],
    project: Project = None,
    server: Shared = False,
    as_json: AsJson = False,
) -> None:
    """Say what a tool does to the outside, in place of the server's own hints."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            owner = None if server else room.project
            said = None if what == "hint" else what
            view = await room.client.tool_servers.set_effect(owner, name, tool, said)
        desk.screen.document(view)
        now = next(one.effect for one in view.tools if one.name == f"{name}/{tool}")
        desk.screen.say(f"{name}/{tool}: {now}")

    perform(context, act, as_json=as_json)


@servers.command("remove")
def remove(
    context: typer.Context, name: Name, project: Project = None, server: Shared = False, as_json: AsJson = False
) -> None:
    """Forget a tool server. What calls its tools fails from then on."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            await room.client.tool_servers.remove(None if server else room.project, name)
        desk.screen.document({"server": name, "removed": True})
        desk.screen.say(f"{name} is removed.")

    perform(context, act, as_json=as_json)
