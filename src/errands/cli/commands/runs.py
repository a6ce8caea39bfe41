"""Commands that look at runs and end them."""

from typing import Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.exits import ExitCode
from errands.cli.options import AsJson, Project, RunId
from errands.core.outcomes import RunStatus


def runs(
    context: typer.Context,
    *,
    task: Annotated[str | None, typer.Option("--task", metavar="TASK", help="Only runs of this task.")] = None,
    status: Annotated[RunStatus | None, typer.Option("--status", help="Only runs in this state.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="2h, 3d, 2026-11-20 or 2026-11-20T09:00.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="WHEN", help="As --since.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="Rows.")] = 20,
    cursor: Annotated[str | None, typer.Option("--cursor", help="Where the page before ended.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Stay, and show each that starts, waits or ends; Ctrl-C leaves.")
    ] = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""

    async def act(desk: Desk) -> ExitCode | None:
        from errands.cli.displays import local_now
        from errands.cli.given import since as moment_of
        from errands.cli.run_texts import run_table

        now = local_now()
        async with desk.open(project) as room:
            if follow:
                from errands.cli.watching import follow_runs, wanted

                return await follow_runs(desk.screen, room, wanted(task, status, since, until, cursor), limit)
            page = await room.client.runs.list(
                room.project,
                task=task,
                status=status,
                since=moment_of(since, now) if since else None,
                until=moment_of(until, now) if until else None,
                cursor=cursor,
                limit=limit,
            )
        desk.screen.document(page)
        if page.items:
            desk.screen.show(run_table(page.items, now, desk.screen))
        else:
            desk.screen.say(
                "No run fits." if task or status or since or until else "No runs yet. Start one: errands run"
            )
        if page.next_cursor:
            desk.screen.say(f"Older ones: --cursor {page.next_cursor}", "faint")
        return None

    perform(context, act, as_json=as_json)


def show(
    context: typer.Context,
    run_id: RunId = "last",
    *,
    step: Annotated[str | None, typer.Option("--step", metavar="PATH", help="One step, its values in full.")] = None,
    output: Annotated[bool, typer.Option("--output", help="Only its output, however large.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay until it ends; Ctrl-C leaves.")] = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Show a run: why it ran, each step, what it waits for.

    Of each step: rendered input, output, attempts, usage and cost; of an agent, its turns and calls.
    """

    async def act(desk: Desk) -> ExitCode | None:
        from errands.cli.run_ids import the_run

        async with desk.open(project) as room:
            run = await the_run(room, run_id)
            if follow:
                from errands.cli.follow import Manner
                from errands.cli.launching import follow_to_the_end

                return await follow_to_the_end(desk.screen, room, run, Manner(held_here=False, stay=True))
            from errands.cli.run_details import show_output, show_run, show_step

            if output:
                await show_output(desk.screen, room, run)
            elif step is None:
                await show_run(desk.screen, room, await room.client.runs.get(run))
            else:
                await show_step(desk.screen, await room.client.runs.get(run), step)
        return None

    perform(context, act, as_json=as_json)


def logs(
    context: typer.Context,
    run_id: RunId = "last",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay until the run ends; Ctrl-C leaves.")] = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Print the log of a run."""

    async def act(desk: Desk) -> ExitCode | None:
        from errands.cli.run_ids import the_run
        from errands.cli.run_logs import follow_log, print_log

        async with desk.open(project) as room:
            run = await the_run(room, run_id)
            return await (follow_log if follow else print_log)(desk.screen, room, run)

    perform(context, act, as_json=as_json)


def cancel(
    context: typer.Context,
    run_id: RunId,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Kept with the run.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Stop a run at once; its finally steps still run. What it has recorded stays."""

    async def act(desk: Desk) -> ExitCode:
        from errands.cli.run_ids import the_run

        async with desk.open(project) as room:
            named = await the_run(room, run_id)
            taken = await room.client.runs.cancel(named, reason=reason)
            view = await room.client.runs.get(named)
        desk.screen.document({"run": view.id, "cancelled": taken, "status": view.status})
        if taken:
            desk.screen.say(f"{view.id} is being cancelled.")
        else:
            desk.screen.remark(f"{view.id} had ended before: {view.status.value.replace('_', ' ')}.")
        return ExitCode.SUCCEEDED if taken or view.status is RunStatus.CANCELLED else ExitCode.INVALID

    perform(context, act, as_json=as_json)
