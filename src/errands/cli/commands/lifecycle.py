"""Commands for the later life of a task: what a version changed, put away, brought back, deleted."""

from typing import Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.exits import ExitCode
from errands.cli.options import AsJson, Project, TaskName

Number = Annotated[int, typer.Argument(metavar="VERSION", min=1, help="Number of a version.", show_default=False)]
Why = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why; kept in the audit log.")]


def diff(
    context: typer.Context,
    task: TaskName,
    older: Number,
    newer: Annotated[
        int | None, typer.Argument(metavar="[VERSION]", min=1, help="The other one. [default: the newest]")
    ] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Tell what differs between two versions.

    Steps that were added, removed, changed or moved; params, grants, budget, limits, triggers, tests.
    """

    async def act(desk: Desk) -> None:
        from errands.cli.version_texts import diff_lines

        async with desk.open(project) as room:
            other = newer or (await room.client.tasks.get(room.project, task)).latest
            found = await room.client.tasks.compare(room.project, task, older, other)
        desk.screen.document(found)
        desk.screen.show(*diff_lines(found))

    perform(context, act, as_json=as_json)


def archive(
    context: typer.Context, task: TaskName, note: Why = None, project: Project = None, as_json: AsJson = False
) -> None:
    """Put a task away: it starts nothing and is left out of lists.

    Its runs stay; those under way go on.
    """

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            view = await room.client.tasks.archive(room.project, task, note=note)
        desk.screen.document(view)
        desk.screen.say(f"{view.name} is archived. To bring it back: errands unarchive {view.name}")

    perform(context, act, as_json=as_json)


def unarchive(context: typer.Context, task: TaskName, project: Project = None, as_json: AsJson = False) -> None:
    """Bring back a task that was archived or deleted."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            view = await room.client.tasks.restore(room.project, task)
        desk.screen.document(view)
        desk.screen.say(f"{view.name} is back; its schedules plan from now on.")

    perform(context, act, as_json=as_json)


def delete(
    context: typer.Context, task: TaskName, note: Why = None, project: Project = None, as_json: AsJson = False
) -> None:
    """Delete a task, with a grace period.

    It is archived now, and removed later with its versions, runs and files; the setting keep_deleted says when.
    """

    async def act(desk: Desk) -> None:
        from errands.cli.displays import local_now
        from errands.cli.figures import moment

        async with desk.open(project) as room:
            view = await room.client.tasks.delete(room.project, task, note=note)
        desk.screen.document(view)
        when = "soon" if view.remove_at is None else moment(view.remove_at, local_now())
        desk.screen.say(
            f"{view.name} is deleted, and removed with its runs {when}. Until then: errands unarchive {view.name}"
        )

    perform(context, act, as_json=as_json)


def delete_run(
    context: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, or enough of its digits.")],
    note: Why = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Delete an ended run with its record, log and files, for good."""

    async def act(desk: Desk) -> ExitCode:
        from errands.cli.prompts import confirm

        async with desk.open(project) as room:
            view = await room.client.runs.get(run_id)
            question = f"Delete {view.id} of {view.task}, {view.status.value.replace('_', ' ')}, for good?"
            if not yes and not await confirm(desk.screen, question):
                desk.screen.remark("Nothing was deleted.")
                return ExitCode.INVALID
            await room.client.runs.delete(view.id, note=note)
        desk.screen.document({"run": view.id, "deleted": True})
        desk.screen.say(f"{view.id} is deleted.")
        return ExitCode.SUCCEEDED

    perform(context, act, as_json=as_json)
