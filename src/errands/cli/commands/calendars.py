"""Commands for calendars: named lists of closed periods, in which the schedules that name them do not start."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from errands.cli.desk import Desk, Room, perform
from errands.cli.options import AsJson, Project, Shared
from errands.services.errors import ChangedMeanwhile, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from errands.services.trigger_views import CalendarView

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the calendar, such as freeze.", show_default=False)]
_WHEN = "2026-12-24 or 2026-12-24T18:00, local without an offset."

calendars = typer.Typer(no_args_is_help=True)


@calendars.callback()
def _calendars() -> None:
    """Closed periods. A schedule follows a calendar with except: [{calendar: NAME}]."""


@calendars.command("list")
def list_(context: typer.Context, project: Project = None, as_json: AsJson = False) -> None:
    """List the project's calendars and the server's."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            views = await room.client.calendars.list(room.project)
        desk.screen.document(views)
        _show_all(desk, views)

    perform(context, act, as_json=as_json)


@calendars.command("show")
def show(context: typer.Context, name: Name, project: Project = None, as_json: AsJson = False) -> None:
    """Show a calendar's closed periods."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            view = _named(name, await room.client.calendars.list(room.project))
        desk.screen.document(view)
        _show_periods(desk, view)

    perform(context, act, as_json=as_json)


@calendars.command("close")
def close(
    context: typer.Context,
    name: Name,
    start: Annotated[str, typer.Option("--from", metavar="WHEN", help=_WHEN, show_default=False)],
    end: Annotated[str, typer.Option("--to", metavar="WHEN", help="As --from; itself left out.", show_default=False)],
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Shown where a start is skipped.")] = None,
    shared: Shared = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Add a closed period, and make the calendar if there is none. The start is closed, the end is open again."""

    async def act(desk: Desk) -> None:
        from errands.cli.displays import local_now
        from errands.cli.given import moment
        from errands.services.trigger_views import CalendarView, PeriodView

        period = PeriodView(moment(start, local_now()), moment(end, local_now()), note)

        def closed(found: "CalendarView | None") -> "CalendarView":
            before = found or CalendarView(name, shared, (), ())
            return replace(before, periods=[*before.periods, period])

        async with desk.open(project) as room:
            view = await _change(room, name, closed, shared=shared)
        desk.screen.document(view)
        _show_periods(desk, view)

    perform(context, act, as_json=as_json)


@calendars.command("reopen")
def reopen(
    context: typer.Context,
    name: Name,
    at: Annotated[str, typer.Option("--at", metavar="WHEN", help="A moment within it, as --from.", show_default=False)],
    shared: Shared = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Take away the closed periods that hold a moment."""

    async def act(desk: Desk) -> None:
        from errands.cli.displays import local_now
        from errands.cli.given import moment

        inside = moment(at, local_now())

        def reopened(found: "CalendarView | None") -> "CalendarView":
            if found is None:
                raise NotFound("calendar", name)
            left = [one for one in found.periods if not one.start <= inside < one.end]
            if len(left) == len(found.periods):
                raise NotFound(f"closed period in {name} at", at)
            return replace(found, periods=left)

        async with desk.open(project) as room:
            view = await _change(room, name, reopened, shared=shared)
        desk.screen.document(view)
        _show_periods(desk, view)

    perform(context, act, as_json=as_json)


@calendars.command("exempt")
def exempt(
    context: typer.Context,
    name: Name,
    tags: Annotated[list[str] | None, typer.Argument(metavar="TAG...", help="None: no task is exempt.")] = None,
    shared: Shared = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Say which tags let a task take no notice of the calendar, in place of the tags before."""

    async def act(desk: Desk) -> None:
        def exempted(found: "CalendarView | None") -> "CalendarView":
            if found is None:
                raise NotFound("calendar", name)
            return replace(found, exempt_tags=tags or ())

        async with desk.open(project) as room:
            view = await _change(room, name, exempted, shared=shared)
        desk.screen.document(view)
        _show_periods(desk, view)

    perform(context, act, as_json=as_json)


@calendars.command("remove")
def remove(
    context: typer.Context, name: Name, shared: Shared = False, project: Project = None, as_json: AsJson = False
) -> None:
    """Remove a calendar. A schedule that still names it no longer starts, and says so."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            await room.client.calendars.remove(_owner(room, shared=shared), name)
        desk.screen.document({"calendar": name, "removed": True})
        desk.screen.say(f"{name} is removed.")

    perform(context, act, as_json=as_json)


def _owner(room: Room, *, shared: bool) -> str | None:
    return None if shared else room.project


async def _change(
    room: Room, name: str, change: "Callable[[CalendarView | None], CalendarView]", *, shared: bool
) -> "CalendarView":
    """What `change` makes of the calendar. Where somebody else was faster, of theirs: nobody's period is lost."""
    for last in (False, False, True):
        wanted = change(await _find(room, name, shared=shared))
        try:
            return await room.client.calendars.put(_owner(room, shared=shared), wanted)
        except ChangedMeanwhile:
            if last:
                raise
    raise AssertionError("the last try gives or raises")


async def _find(room: Room, name: str, *, shared: bool) -> "CalendarView | None":
    """The project's own, or the server's: never the one in place of the other."""
    views = await room.client.calendars.list(_owner(room, shared=shared))
    return next((one for one in views if one.name == name and one.of_server is shared), None)


def _named(name: str, views: "Sequence[CalendarView]") -> "CalendarView":
    found = next((one for one in views if one.name == name), None)
    if found is None:
        raise NotFound("calendar", name)
    return found


def _show_all(desk: Desk, views: "Sequence[CalendarView]") -> None:
    from errands.cli.displays import local_now
    from errands.cli.figures import moment
    from errands.cli.tables import Column, table

    if not views:
        desk.screen.say("There is no calendar. Make one: errands calendars close NAME --from WHEN --to WHEN")
        return
    now = local_now()
    rows = []
    for view in views:
        coming = [one for one in view.periods if one.end > now]
        following = moment(min(one.start for one in coming), now) if coming else "-"
        whose = "server" if view.of_server else "project"
        rows.append((view.name, whose, str(len(view.periods)), following, ", ".join(view.exempt_tags)))
    columns = [Column("Calendar", "accent", rank=1), Column("Of"), Column("Periods"), Column("Next")]
    desk.screen.show(table([*columns, Column("Exempt tags")], rows, desk.screen.out.width))


def _show_periods(desk: Desk, view: "CalendarView") -> None:
    from errands.cli.displays import local_now
    from errands.cli.figures import moment
    from errands.cli.tables import Column, table

    if view.exempt_tags:
        desk.screen.say(f"Not for tasks with one of these tags: {', '.join(view.exempt_tags)}")
    if not view.periods:
        desk.screen.say(f"{view.name} has no closed period.")
        return
    now = local_now()
    rows = [(moment(one.start, now), moment(one.end, now), one.note or "") for one in view.periods]
    desk.screen.show(table([Column("Closed from"), Column("To"), Column("Note")], rows, desk.screen.out.width))
