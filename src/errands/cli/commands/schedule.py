"""Commands about schedules: what they will do, what became of their planned times, switches, backfills."""

from typing import Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.exits import ExitCode
from errands.cli.options import AsJson, Project, TaskName

TriggerName = Annotated[str, typer.Argument(metavar="TRIGGER", help="Id of a trigger of the task.", show_default=False)]
Zone = Annotated[str | None, typer.Option("--timezone", metavar="ZONE", help="IANA name such as Europe/Berlin.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

schedule = typer.Typer(no_args_is_help=True)


@schedule.callback()
def _schedule() -> None:
    """What starts tasks by itself: schedules and other triggers."""


@schedule.command("preview")
def preview(
    context: typer.Context,
    task: Annotated[str | None, typer.Argument(metavar="TASK", help="A task; or give --spec.")] = None,
    trigger: Annotated[str | None, typer.Argument(metavar="TRIGGER", help="Id of its schedule.")] = None,
    *,
    spec: Annotated[
        str | None, typer.Option("--spec", metavar="YAML|JSON|@FILE", help="A schedule that is in no task yet.")
    ] = None,
    timezone: Zone = None,
    after: Annotated[str | None, typer.Option("--after", metavar="ISO", help="Later than this. [default: now]")] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=500, help="How many starts.")] = 10,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Show when a schedule starts runs, what it skips, and why.

    With --spec it needs no server, no task and no database; --json then gives a list of the moments of starts.
    """

    async def act(desk: Desk) -> None:
        from errands.cli.schedule_preview import preview_spec, preview_trigger

        if spec is not None:
            preview_spec(desk.screen, spec, timezone=timezone, after=after, count=count)
        else:
            await preview_trigger(desk, project, task, trigger, timezone=timezone, after=after, count=count)

    perform(context, act, as_json=as_json)


@schedule.command("list")
def list_triggers(
    context: typer.Context,
    task: Annotated[str | None, typer.Option("--task", metavar="TASK", help="Only this task's.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="Rows.")] = 100,
    cursor: Annotated[str | None, typer.Option("--cursor", help="Where the page before ended.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """List triggers: when they fire next, and what became of the last time."""

    async def act(desk: Desk) -> None:
        from errands.cli.displays import local_now
        from errands.cli.schedule_texts import trigger_table

        async with desk.open(project) as room:
            page = await room.client.triggers.list(room.project, task, limit=limit, cursor=cursor)
        desk.screen.document(page)
        if page.items:
            desk.screen.show(trigger_table(page.items, local_now(), desk.screen.out.width))
        else:
            desk.screen.say("No trigger; add one under `triggers:` in a task's file.")
        if page.next_cursor:
            desk.screen.say(f"More: --cursor {page.next_cursor}", "faint")

    perform(context, act, as_json=as_json)


@schedule.command("why")
def why(
    context: typer.Context,
    task: TaskName,
    trigger: Annotated[str | None, typer.Argument(metavar="TRIGGER", help="Only this trigger.")] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="WHEN", help="Explain this minute: 2h ago as 2h, 2026-11-20T09:00.")
    ] = None,
    outcome: Annotated[
        str | None, typer.Option("--outcome", help="Only: started, queued, skipped, deferred, missed, failed_to_start.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Rows.")] = 20,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Show what became of planned times: why a run did or did not start."""

    async def act(desk: Desk) -> None:
        from errands.cli.displays import local_now
        from errands.cli.given import BadInput, since
        from errands.cli.schedule_texts import ledger_table

        now = local_now()
        async with desk.open(project) as room:
            if at is not None:
                if trigger is None:
                    raise BadInput("--at needs a trigger", hint=f"errands schedule why {task} TRIGGER --at {at}")
                view = await room.client.triggers.why(room.project, task, trigger, since(at, now))
                desk.screen.document(view)
                desk.screen.say(view.sentence)
                return
            rows = await room.client.triggers.ledger(room.project, task, trigger, outcome=outcome, limit=limit)
        desk.screen.document(rows)
        if rows:
            desk.screen.show(ledger_table(rows, now, desk.screen.out.width))
        else:
            desk.screen.say("Nothing was planned yet.")

    perform(context, act, as_json=as_json)


@schedule.command("enable")
def enable(
    context: typer.Context,
    task: TaskName,
    trigger: TriggerName,
    catch_up: Annotated[
        bool, typer.Option("--catch-up/--no-catch-up", help="Let run what the schedule's `missed:` makes up for.")
    ] = True,
    yes: Yes = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Switch a trigger on. Says how many missed runs that starts, and asks if there are any."""

    async def act(desk: Desk) -> ExitCode | None:
        async with desk.open(project) as room:
            missed = await room.client.triggers.missed_while_off(room.project, task, trigger)
            if catch_up and missed.would_run and not _agreed(desk, missed.would_run, missed.held_back, yes=yes):
                return ExitCode.FAILED
            view = await room.client.triggers.enable(room.project, task, trigger, catch_up=catch_up)
        desk.screen.document(view)
        desk.screen.say(f"{task}/{trigger} is on.")
        return None

    perform(context, act, as_json=as_json)


@schedule.command("disable")
def disable(
    context: typer.Context,
    task: TaskName,
    trigger: TriggerName,
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why; kept with what it skips.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Switch a trigger off. Its planned times are recorded as skipped."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            view = await room.client.triggers.disable(room.project, task, trigger, note=note)
        desk.screen.document(view)
        desk.screen.say(f"{task}/{trigger} is off. Switch it on: errands schedule enable {task} {trigger}")

    perform(context, act, as_json=as_json)


def simulate(
    context: typer.Context,
    task: Annotated[str | None, typer.Argument(metavar="TASK", help="Only this task's schedules.")] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="From now on.")] = 90,
    everything: Annotated[bool, typer.Option("--all", help="All projects of the server.")] = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Show what schedules come to, and who collides.

    Starts a day, starts in the same minute, work and spend as past runs suggest, and how to spread them.
    """

    async def act(desk: Desk) -> None:
        from errands.cli.schedule_texts import simulation_lines

        async with desk.open(project) as room:
            where = None if everything else room.project
            view = await room.client.triggers.simulate(where, task, days=days)
        desk.screen.document(view)
        for line in simulation_lines(view):
            desk.screen.say(line)

    perform(context, act, as_json=as_json)


backfill = typer.Typer(no_args_is_help=True)


@backfill.callback()
def _backfill() -> None:
    """Run what was planned in the past and never ran."""


@backfill.command("start")
def start_backfill(
    context: typer.Context,
    task: TaskName,
    trigger: TriggerName,
    *,
    start: Annotated[str, typer.Option("--from", metavar="WHEN", help="30d, 2026-11-20 or 2026-11-20T09:00.")],
    end: Annotated[str, typer.Option("--to", metavar="WHEN", help="As --from; itself left out. [default: now]")] = "0s",
    max_concurrent: Annotated[int, typer.Option("--max-concurrent", min=1, max=1000, help="Runs at once.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many runs it would be.")] = False,
    yes: Yes = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Start a run for each planned time of a range that has none. Says how many first, and asks."""

    async def act(desk: Desk) -> ExitCode | None:
        from errands.cli.displays import local_now
        from errands.cli.figures import plural
        from errands.cli.given import since

        now = local_now()
        first, last = since(start, now), since(end, now)
        async with desk.open(project) as room:
            plan = await room.client.backfills.plan(room.project, task, trigger, first, last)
            said = f"{plural(plan.starts, 'run')} to start; {plural(plan.already_ran, 'planned time')} ran before."
            if dry_run:
                desk.screen.document(plan)
                desk.screen.say(said)
                return None
            if not yes and desk.screen.asks and plan.starts and not typer.confirm(f"{said} Go on?", err=True):
                return ExitCode.FAILED
            view = await room.client.backfills.start(
                room.project, task, trigger, first, last, max_concurrent=max_concurrent
            )
        desk.screen.document(view)
        desk.screen.say(f"{view.id}: {said} A server or worker starts them. Stop it: errands backfill cancel {view.id}")
        return None

    perform(context, act, as_json=as_json)


@backfill.command("list")
def list_backfills(context: typer.Context, project: Project = None, as_json: AsJson = False) -> None:
    """List backfills and how far they are."""

    async def act(desk: Desk) -> None:
        from errands.cli.schedule_texts import backfill_table

        async with desk.open(project) as room:
            views = await room.client.backfills.list(room.project)
        desk.screen.document(views)
        if views:
            desk.screen.show(backfill_table(views, desk.screen.out.width))
        else:
            desk.screen.say("No backfill yet. Start one: errands backfill start TASK TRIGGER --from 30d")

    perform(context, act, as_json=as_json)


BackfillId = Annotated[str, typer.Argument(metavar="BACKFILL", help="Id of a backfill.", show_default=False)]


@backfill.command("pause")
def pause_backfill(
    context: typer.Context, backfill_id: BackfillId, project: Project = None, as_json: AsJson = False
) -> None:
    """Start no more of it for now."""
    _turn(context, backfill_id, "pause", project, as_json=as_json)


@backfill.command("resume")
def resume_backfill(
    context: typer.Context, backfill_id: BackfillId, project: Project = None, as_json: AsJson = False
) -> None:
    """Go on with it."""
    _turn(context, backfill_id, "resume", project, as_json=as_json)


@backfill.command("cancel")
def cancel_backfill(
    context: typer.Context, backfill_id: BackfillId, project: Project = None, as_json: AsJson = False
) -> None:
    """End it. Runs that have begun go on."""
    _turn(context, backfill_id, "cancel", project, as_json=as_json)


def _turn(context: typer.Context, backfill_id: str, act_on: str, project: str | None, *, as_json: bool) -> None:
    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            view = await room.client.backfills.turn(room.project, backfill_id, act_on)
        desk.screen.document(view)
        desk.screen.say(f"{view.id} is {view.status}: {view.started} of {view.total} started.")

    perform(context, act, as_json=as_json)


def _agreed(desk: Desk, would_run: int, held_back: int, *, yes: bool) -> bool:
    """Whether the person lets missed runs start. Where nobody can be asked, the command itself is the answer."""
    said = f"{held_back} planned times were held back; {would_run} of them would run now."
    if yes or not desk.screen.asks:
        desk.screen.remark(said)
        return True
    return typer.confirm(f"{said} Go on?", default=True, err=True)
