"""Commands for what runs wait for: answers of people, and events."""

from typing import Annotated

import typer

from errands.cli.desk import Desk, perform, principal
from errands.cli.exits import ExitCode
from errands.cli.options import AsJson, AsPerson, Project


def approve(
    context: typer.Context,
    approval: Annotated[
        str | None,
        typer.Argument(metavar="APPROVAL|RUN|last", help="What to answer. [default: list what is open]"),
    ] = None,
    *,
    choose: Annotated[str | None, typer.Option("--choose", "-c", metavar="CHOICE", help="One of its choices.")] = None,
    form: Annotated[
        list[str] | None, typer.Option("--form", metavar="KEY=VALUE", help="A field of its form. May be repeated.")
    ] = None,
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Kept with the answer.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Then work on the run here and stay until it ends.")
    ] = False,
    person: AsPerson = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Answer a question that holds a run. Without arguments: list the open ones. Asks for what is not given."""

    async def act(desk: Desk) -> ExitCode | None:
        from errands.cli.inbox import Reply, answer, list_open

        reply = Reply(None if person is None else principal(person), choose, tuple(form or ()), note)
        async with desk.open(project, worker=follow) as room:
            if approval is None:
                return await list_open(desk.screen, room, reply)
            return await answer(desk.screen, room, approval, reply, follow=follow)

    perform(context, act, as_json=as_json)


event = typer.Typer(no_args_is_help=True)


@event.callback()
def _event() -> None:
    """Tell waiting runs that something has happened."""


@event.command("send")
def send(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the event.")],
    key: Annotated[str | None, typer.Option("--key", metavar="KEY", help="Which of the waiting runs is meant.")] = None,
    payload: Annotated[
        str | None, typer.Option("--payload", metavar="JSON|@FILE", help="What the event brings; @- is stdin.")
    ] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Send an event to the project; runs that wait for it go on with its payload."""

    async def act(desk: Desk) -> None:
        from errands.cli.figures import plural
        from errands.cli.given import json_or_file

        value = json_or_file(payload, what="the payload") if payload is not None else None
        async with desk.open(project) as room:
            woken = await room.client.projects.send_event(room.project, name, key=key, payload=value)
        desk.screen.document({"event": name, "key": key, "woken": woken})
        desk.screen.say(
            f"Sent; {plural(woken, 'run')} had waited for it." if woken else "Sent; no run waits for it now."
        )

    perform(context, act, as_json=as_json)
