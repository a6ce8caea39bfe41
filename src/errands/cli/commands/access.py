"""Commands for people: their accounts, their tokens, what they are in a project."""

from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.options import AsJson, Project, TaskName
from errands.core.rights import ProjectRole, Scope, ServerRole

if TYPE_CHECKING:
    from errands.services.people_views import MemberView, PersonView, TokenView

Name = Annotated[str, typer.Argument(metavar="NAME", help="Sign-in name.", show_default=False)]
Member = Annotated[str, typer.Argument(metavar="user:NAME|group:NAME", help="Whose role it is.", show_default=False)]
Whose = Annotated[str | None, typer.Option("--person", metavar="NAME", help="Whose. [default: yours]")]

people = typer.Typer(no_args_is_help=True)
members = typer.Typer(no_args_is_help=True)
tokens = typer.Typer(no_args_is_help=True)


@people.callback()
def _people() -> None:
    """Accounts of people."""


@people.command("list")
def list_people(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="Rows.")] = 100,
    cursor: Annotated[str | None, typer.Option("--cursor", help="Where the page before ended.")] = None,
    as_json: AsJson = False,
) -> None:
    """List accounts by name."""

    async def act(desk: Desk) -> None:
        async with desk.open() as room:
            page = await room.client.people.list(cursor=cursor, limit=limit)
        desk.screen.document(page)
        _show_people(desk, page.items)
        if page.next_cursor:
            desk.screen.say(f"More: --cursor {page.next_cursor}", "faint")

    perform(context, act, as_json=as_json)


@people.command("add")
def add(
    context: typer.Context,
    name: Name,
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="How the person is called.")] = None,
    email: Annotated[
        str | None, typer.Option("--email", metavar="ADDRESS", help="Where the person is reached.")
    ] = None,
    role: Annotated[ServerRole, typer.Option("--role", help="What the person is on the server.")] = ServerRole.MEMBER,
    as_json: AsJson = False,
) -> None:
    """Make an account. Prints a secret, once, with which the person chooses a password."""

    async def act(desk: Desk) -> None:
        async with desk.open() as room:
            view = await room.client.people.create(name, title=title, email=email, role=role)
            link = await room.client.people.password_link(view.name)
        desk.screen.document({"person": view, "password_link": link})
        until = f"{link.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        where = "ADDRESS_OF_THE_SERVER" if room.server is None else room.server.url
        desk.screen.say(f"{view.name} is there. A password is chosen at this address, once, until {until}:")
        desk.screen.say(f"{where}/password?link={link.secret}")

    perform(context, act, as_json=as_json)


@people.command("role")
def role_(
    context: typer.Context,
    name: Name,
    role: Annotated[ServerRole, typer.Argument(help="What the person is on the server.")],
    as_json: AsJson = False,
) -> None:
    """Make somebody an administrator, an auditor or a member of the server."""

    async def act(desk: Desk) -> None:
        async with desk.open() as room:
            view = await room.client.people.set_role(name, role)
        desk.screen.document(view)
        desk.screen.say(f"{view.name} is {view.server_role.value}.")

    perform(context, act, as_json=as_json)


@people.command("disable")
def disable(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Let a person in no more: sessions end and tokens stop."""
    _turn(context, name, "disable", as_json=as_json)


@people.command("enable")
def enable(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Let a person in again."""
    _turn(context, name, "enable", as_json=as_json)


@members.callback()
def _members() -> None:
    """Who is what in a project."""


@members.command("list")
def list_members(context: typer.Context, project: Project = None, as_json: AsJson = False) -> None:
    """List everybody who has a role in the project."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            views = await room.client.people.members(room.project)
        desk.screen.document(views)
        _show_members(desk, views)

    perform(context, act, as_json=as_json)


@members.command("set")
def set_member(
    context: typer.Context,
    member: Member,
    role: Annotated[ProjectRole, typer.Argument(help="What they are in the project.")],
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Give a person or a group a role, in place of an earlier one."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            await room.client.people.put_member(room.project, member, role)
        desk.screen.document({"member": member, "project": room.project, "role": role})
        desk.screen.say(f"{member} is {role.value} of {room.project}.")

    perform(context, act, as_json=as_json)


@members.command("remove")
def remove_member(context: typer.Context, member: Member, project: Project = None, as_json: AsJson = False) -> None:
    """Take a role away."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            await room.client.people.remove_member(room.project, member)
        desk.screen.document({"member": member, "project": room.project, "role": None})
        desk.screen.say(f"{member} has no role in {room.project}.")

    perform(context, act, as_json=as_json)


@members.command("task")
def task_access(
    context: typer.Context,
    task: TaskName,
    *,
    runners: Annotated[
        list[str] | None, typer.Option("--runner", metavar="WHO", help="Only user:NAME, group:NAME or role:NAME.")
    ] = None,
    answerers: Annotated[list[str] | None, typer.Option("--answerer", metavar="WHO", help="As --runner.")] = None,
    everybody: Annotated[bool, typer.Option("--everybody", help="Narrow it no more.")] = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Show or narrow who alone may run a task and who alone may answer for it."""

    async def act(desk: Desk) -> None:
        from dataclasses import replace

        from errands.services.people_views import TaskAccess

        async with desk.open(project) as room:
            access = await room.client.people.task_access(room.project, task)
            wanted = TaskAccess((), ()) if everybody else access
            wanted = wanted if runners is None else replace(wanted, runners=tuple(runners))
            wanted = wanted if answerers is None else replace(wanted, answerers=tuple(answerers))
            if wanted != access:
                access = await room.client.people.narrow_task(room.project, task, wanted)
        desk.screen.document(access)
        desk.screen.say(f"{task} may be run by {', '.join(access.runners) or 'whoever may run tasks of the project'}.")
        desk.screen.say(f"It is answered for by {', '.join(access.answerers) or 'whom its approvals name'}.")

    perform(context, act, as_json=as_json)


@tokens.callback()
def _tokens() -> None:
    """What lets programs in."""


@tokens.command("list")
def list_tokens(context: typer.Context, person: Whose = None, as_json: AsJson = False) -> None:
    """List tokens, without their text."""

    async def act(desk: Desk) -> None:
        async with desk.open() as room:
            views = await room.client.people.tokens(person)
        desk.screen.document(views)
        _show_tokens(desk, views)

    perform(context, act, as_json=as_json)


@tokens.command("make")
def make_token(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.", show_default=False)],
    scope: Annotated[list[Scope], typer.Option("--scope", help="What it may be used for. May be repeated.")],
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="PROJECT", help="The only projects that it reaches.")
    ] = None,
    expires: Annotated[str | None, typer.Option("--expires", metavar="SPAN", help="Such as 90d. None: never.")] = None,
    person: Whose = None,
    as_json: AsJson = False,
) -> None:
    """Make a token; its text is shown this once. A token makes no other: run it on the server's own machine."""

    async def act(desk: Desk) -> None:
        async with desk.open() as room:
            made = await room.client.people.make_token(name, scope, expires_in=expires, projects=only, person=person)
        desk.screen.document({"text": made.text, "token": made.token})
        desk.screen.remark(f"{made.token.id}; this is shown once:")
        desk.screen.say(made.text)

    perform(context, act, as_json=as_json)


@tokens.command("revoke")
def revoke_token(
    context: typer.Context,
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id, never its text.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Let a token work no more."""

    async def act(desk: Desk) -> None:
        async with desk.open() as room:
            await room.client.people.revoke_token(token)
        desk.screen.document({"token": token, "revoked": True})
        desk.screen.say(f"{token} works no more.")

    perform(context, act, as_json=as_json)


def _turn(context: typer.Context, name: str, verb: str, *, as_json: bool) -> None:
    async def act(desk: Desk) -> None:
        async with desk.open() as room:
            view = await room.client.people.turn(name, verb)
        desk.screen.document(view)
        desk.screen.say(f"{view.name} is {'let in' if view.disabled_at is None else 'let in no more'}.")

    perform(context, act, as_json=as_json)


def _show_people(desk: Desk, views: "Sequence[PersonView]") -> None:
    from errands.cli.tables import Column, table

    rows = [
        (view.name, view.title or "", view.server_role.value, view.email or "", "disabled" if view.disabled_at else "")
        for view in views
    ]
    columns = [Column("Name", "accent", rank=1), Column("Title"), Column("Role"), Column("Mail"), Column("State")]
    desk.screen.show(table(columns, rows, desk.screen.out.width))


def _show_members(desk: Desk, views: "Sequence[MemberView]") -> None:
    from errands.cli.tables import Column, table

    if not views:
        desk.screen.say("Nobody has a role in it: errands members set user:NAME viewer")
        return
    rows = [(view.reference, view.title or "", view.role.value) for view in views]
    desk.screen.show(
        table([Column("Member", "accent", rank=1), Column("Title"), Column("Role")], rows, desk.screen.out.width)
    )


def _show_tokens(desk: Desk, views: "Sequence[TokenView]") -> None:
    from errands.cli.displays import local_now
    from errands.cli.figures import moment
    from errands.cli.tables import Column, table

    now = local_now()
    rows = [
        (
            view.id,
            view.name,
            " ".join(scope.value for scope in view.scopes),
            moment(view.expires_at, now) if view.expires_at else "never",
            moment(view.used_at, now) if view.used_at else "never",
        )
        for view in views
    ]
    columns = [Column("Token", "accent", rank=-1), Column("Name", rank=1), Column("Scopes")]
    desk.screen.show(table([*columns, Column("Expires"), Column("Last used")], rows, desk.screen.out.width))
