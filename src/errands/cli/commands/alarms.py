"""Commands for alarms and for the channels that are told of them."""

from typing import TYPE_CHECKING, Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.exits import ExitCode
from errands.cli.options import AsJson, Project

if TYPE_CHECKING:
    from errands.core.definition.alarms import AlarmKind, AlarmState
    from errands.core.values import Json
    from errands.services.notice_views import AlarmView, ChannelView

alarms = typer.Typer(invoke_without_command=True)
channels = typer.Typer(no_args_is_help=True)

Alarm = Annotated[str, typer.Argument(metavar="ALARM", help="Id of the alarm.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the channel, such as ops.")]


@alarms.callback()
def alarms_(
    context: typer.Context,
    state: Annotated[
        str, typer.Option("--state", metavar="STATE", help="open (also acknowledged), acknowledged, closed or all.")
    ] = "open",
    kind: Annotated[str | None, typer.Option("--kind", metavar="KIND", help="Only of this kind.")] = None,
    task: Annotated[str | None, typer.Option("--task", metavar="TASK", help="Only of this task.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many at most.")] = 50,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """List what is wrong with tasks, and look after it."""
    if context.invoked_subcommand is not None:
        return

    async def act(desk: Desk) -> None:
        chosen, wanted = _state(state), _kind(kind)
        async with desk.open(project) as room:
            page = await room.client.alarms.list(room.project, state=chosen, kind=wanted, task=task, limit=limit)
        desk.screen.document(page.items)
        if page.items:
            _show_alarms(desk, page.items)
        else:
            desk.screen.say("No alarm is open." if chosen == "open" else "There is no such alarm.")

    perform(context, act, as_json=as_json)


@alarms.command("ack")
def ack(
    context: typer.Context,
    alarm: Alarm,
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Kept with the alarm.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say that you have seen an alarm and look after it; it closes when its cause is over."""

    async def act(desk: Desk) -> None:
        async with desk.open() as room:
            seen = await room.client.alarms.acknowledge(alarm, note=note)
        desk.screen.document(seen)
        desk.screen.say(f"{seen.id} is acknowledged by {seen.acknowledged_by}.")

    perform(context, act, as_json=as_json)


@alarms.command("defaults")
def defaults(
    context: typer.Context,
    rules: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="As alarms: in a task's file, such as failed=episode silent=26h."),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Watch nothing by default.")] = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Show or set what the project watches of tasks that say nothing themselves."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            if rules or clear:
                said = _rules(rules or [])
                shown = await room.client.alarms.set_defaults(room.project, said)
            else:
                shown = await room.client.alarms.defaults(room.project)
        desk.screen.document(shown)
        for key, value in shown.rules.items():
            desk.screen.say(f"{key}: {value}")
        if shown.watched is not None:
            desk.screen.say(f"{shown.watched} published tasks are watched.")
        elif not shown.rules:
            desk.screen.say("The project watches nothing by default.")

    perform(context, act, as_json=as_json)


@channels.callback()
def _channels() -> None:
    """Say where questions, reminders and alarms go."""


@channels.command("list")
def list_(context: typer.Context, project: Project = None, as_json: AsJson = False) -> None:
    """List channels, and whether they take what is sent there."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            views = await room.client.channels.list(room.project)
        desk.screen.document(views)
        if views:
            _show_channels(desk, list(views))
        else:
            desk.screen.say("There is no channel. Make one: errands channels set NAME --secret NAME")

    perform(context, act, as_json=as_json)


@channels.command("set")
def set_(
    context: typer.Context,
    name: Name,
    secret: Annotated[
        str | None, typer.Option("--secret", metavar="SECRET", help="Secret that holds its apprise URL.")
    ] = None,
    mail: Annotated[
        list[str] | None, typer.Option("--mail", metavar="ADDRESS", help="Mail address; repeat it.")
    ] = None,
    event: Annotated[
        list[str] | None,
        typer.Option("--event", metavar="EVENT", help="What goes there, such as failed; repeat it. Default: all."),
    ] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Make a channel, or change where it leads and what goes there."""

    async def act(desk: Desk) -> None:
        from errands.cli.neutral import one_line
        from errands.core.definition.alarms import EVENTS

        async with desk.open(project) as room:
            view = await room.client.channels.put(
                room.project, name, secret=secret, addresses=mail or [], events=event or EVENTS
            )
        desk.screen.document(view)
        desk.screen.say(f"{view.name} is set. Try it: errands channels test {view.name}")
        if view.problem is not None:
            desk.screen.say(f"It takes nothing yet: {one_line(view.problem)}", "problem.hint")

    perform(context, act, as_json=as_json)


@channels.command("remove")
def remove(context: typer.Context, name: Name, project: Project = None, as_json: AsJson = False) -> None:
    """Remove a channel; what is on its way to it is dropped."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            await room.client.channels.remove(room.project, name)
        desk.screen.document({"channel": name, "removed": True})
        desk.screen.say(f"{name} is removed.")

    perform(context, act, as_json=as_json)


@channels.command("test")
def test(context: typer.Context, name: Name, project: Project = None, as_json: AsJson = False) -> None:
    """Send a trial message now, and say whether it got through."""

    async def act(desk: Desk) -> ExitCode:
        async with desk.open(project) as room:
            tried = await room.client.channels.test(room.project, name)
        desk.screen.document(tried)
        desk.screen.say(f"{name} took it." if tried.delivered else f"{name} did not take it: {tried.problem}")
        return ExitCode.SUCCEEDED if tried.delivered else ExitCode.FAILED

    perform(context, act, as_json=as_json)


@channels.command("messages")
def messages(
    context: typer.Context,
    failing: Annotated[bool, typer.Option("--failing", help="Only those that did not get through (yet).")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many at most.")] = 50,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """List what was sent to channels and people, and what did not get through."""

    async def act(desk: Desk) -> None:
        from errands.cli.displays import local_now
        from errands.cli.figures import moment
        from errands.cli.tables import Column, table

        async with desk.open(project) as room:
            page = await room.client.channels.notices(room.project, failing=failing, limit=limit)
        desk.screen.document(page.items)
        if not page.items:
            desk.screen.say("Everything got through." if failing else "Nothing was sent yet.")
            return
        now = local_now()
        rows = [
            (one.id, moment(one.created_at, now), one.channel or one.person or "", one.status, one.problem or one.title)
            for one in page.items
        ]
        columns = [
            Column("Message", "accent", rank=-1),
            Column("Written"),
            Column("To"),
            Column("Status"),
            Column("About", rank=1),
        ]
        desk.screen.show(table(columns, rows, desk.screen.out.width))

    perform(context, act, as_json=as_json)


@channels.command("resend")
def resend(
    context: typer.Context,
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="Id of the message.")],
    as_json: AsJson = False,
) -> None:
    """Try a message that did not get through once more."""

    async def act(desk: Desk) -> None:
        async with desk.open() as room:
            view = await room.client.channels.send_again(message)
        desk.screen.document(view)
        desk.screen.say(f"{view.id} is sent again by the next server that looks.")

    perform(context, act, as_json=as_json)


def _show_alarms(desk: Desk, found: "tuple[AlarmView, ...]") -> None:
    from errands.cli.displays import local_now
    from errands.cli.figures import moment
    from errands.cli.tables import Column, table

    now = local_now()
    rows = [
        (
            one.id,
            moment(one.last_at, now),
            one.task,
            one.kind.value if one.count == 1 else f"{one.kind.value} x{one.count}",
            one.state,
            one.message,
        )
        for one in found
    ]
    columns = [
        Column("Alarm", "accent", rank=-1),
        Column("Last"),
        Column("Task", rank=1),
        Column("Kind"),
        Column("State"),
        Column("What", rank=2),
    ]
    desk.screen.show(table(columns, rows, desk.screen.out.width))


def _show_channels(desk: Desk, found: "list[ChannelView]") -> None:
    from errands.cli.tables import Column, table

    rows = [
        (
            one.name,
            f"secret:{one.secret}" if one.secret else ", ".join(one.addresses),
            ", ".join(one.events),
            one.problem or "well",
        )
        for one in found
    ]
    columns = [
        Column("Channel", "accent"),
        Column("Leads to", rank=1),
        Column("Events", rank=2),
        Column("State", rank=1),
    ]
    desk.screen.show(table(columns, rows, desk.screen.out.width))


def _state(text: str) -> "AlarmState | None":
    from errands.cli.given import BadInput

    match text:
        case "open" | "acknowledged" | "closed":
            return text
        case "all":
            return None
        case _:
            raise BadInput(f"{text!r} is no state of an alarm", hint="Choose open, acknowledged, closed or all")


def _kind(text: str | None) -> "AlarmKind | None":
    from errands.cli.given import BadInput
    from errands.core.definition.alarms import AlarmKind

    if text is None:
        return None
    try:
        return AlarmKind(text)
    except ValueError:
        raise BadInput(f"{text!r} is no kind of alarm", hint=f"Choose one of {', '.join(AlarmKind)}") from None


def _rules(pairs: list[str]) -> "dict[str, Json]":
    """`key=value` pairs, values read as YAML: `long={after: 30m}`, `channels=[ops]`."""
    from errands.cli.given import BadInput
    from errands.core.definition.document import read_document
    from errands.core.definition.nodes import plain

    said: dict[str, Json] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        document = read_document(f"value: {text}\n") if separator else None
        value = None if document is None or document.root is None else plain(document.root)
        if not isinstance(value, dict) or value.get("value") is None:
            raise BadInput(f"{pair!r} is not key=value", hint="Write for example: failed=episode silent=26h")
        said[key] = value["value"]
    return said
