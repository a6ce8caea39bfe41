"""Commands that bring tasks into a project, choose their versions, and show them."""

from pathlib import Path
from typing import Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.exits import ExitCode
from errands.cli.options import AsJson, Project, TaskName

Note = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why; shown wherever the task is.")]
Overrule = Annotated[
    str | None,
    typer.Option("--overrule", metavar="WHY", help="Publish though the gate holds it back; kept in the audit log."),
]


def apply(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH...", help="Files, or folders of .yaml files.")
    ] = None,
    *,
    files: Annotated[
        list[Path] | None, typer.Option("--file", "-f", metavar="PATH", help="The same; may be repeated.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, change nothing.")] = False,
    publish: Annotated[bool, typer.Option("--publish/--no-publish", help="Let new runs take it.")] = True,
    message: Annotated[
        str | None, typer.Option("--message", "-m", metavar="TEXT", help="What changed and why, kept with the version.")
    ] = None,
    overrule: Overrule = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Bring task, agent and model files into the project. All of them, or none if one has a problem."""

    async def act(desk: Desk) -> ExitCode | None:
        from errands.cli.source_files import read_sources
        from errands.cli.task_texts import applied_text

        sources = read_sources([*(paths or ()), *(files or ())])
        async with desk.open(project) as room:
            applied = await room.client.projects.apply(
                room.project, sources, message=message, publish=publish, dry_run=dry_run, overrule=overrule
            )
        desk.screen.document(applied)
        texts = {source.name: source.source for source in sources}
        for one in applied:
            desk.screen.show(applied_text(one, texts.get(one.file, ""), dry_run=dry_run, width=desk.screen.out.width))
        return None

    perform(context, act, as_json=as_json)


def publish(
    context: typer.Context,
    task: TaskName,
    version: Annotated[int, typer.Argument(metavar="VERSION", min=1, help="Number of the version.")],
    message: Annotated[
        str | None, typer.Option("--message", "-m", metavar="TEXT", help="Why; kept in the audit log.")
    ] = None,
    overrule: Overrule = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Choose the version that new runs take; an older one rolls back. Runs under way keep theirs."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            view = await room.client.tasks.publish(room.project, task, version, message=message, overrule=overrule)
        desk.screen.document(view)
        desk.screen.say(f"Version {view.published} of {view.name} is published.")

    perform(context, act, as_json=as_json)


def tasks(
    context: typer.Context,
    archived: Annotated[bool, typer.Option("--archived", help="Those too that are archived or deleted.")] = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """List the tasks of the project."""

    async def act(desk: Desk) -> None:
        from errands.cli.task_texts import task_table

        async with desk.open(project) as room:
            views = await room.client.tasks.list(room.project, archived=archived)
        desk.screen.document(views)
        if views:
            desk.screen.show(task_table(views, desk.screen.out.width))
        else:
            desk.screen.say(
                f"The project {room.project} has no tasks yet. Make one: errands init, then errands apply -f tasks"
            )

    perform(context, act, as_json=as_json)


def versions(context: typer.Context, task: TaskName, project: Project = None, as_json: AsJson = False) -> None:
    """List the versions of a task, newest first."""

    async def act(desk: Desk) -> None:
        from errands.cli.task_texts import version_table

        async with desk.open(project) as room:
            views = await room.client.tasks.versions(room.project, task)
        desk.screen.document(views)
        desk.screen.show(version_table(views, desk.screen.out.width))

    perform(context, act, as_json=as_json)


def pause(
    context: typer.Context, task: TaskName, note: Note = None, project: Project = None, as_json: AsJson = False
) -> None:
    """Hold a task: new runs are skipped until it is resumed. Each skipped run is on record, with the note."""

    async def act(desk: Desk) -> None:
        async with desk.open(project) as room:
            view = await room.client.tasks.pause(room.project, task, note)
        desk.screen.document(view)
        desk.screen.say(f"{view.name} is paused. Runs under way go on. Let it run again: errands resume {view.name}")

    perform(context, act, as_json=as_json)


def resume(
    context: typer.Context,
    task: TaskName,
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why; kept in the audit log.")] = None,
    catch_up: Annotated[
        bool, typer.Option("--catch-up/--no-catch-up", help="Run what the schedules' missed: says of what was held.")
    ] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what was held back and would run.")] = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Let a paused task run again.

    What its schedules had planned meanwhile is told, and made up for as they say.
    """

    async def act(desk: Desk) -> None:
        from errands.cli.schedule_texts import missed_text

        async with desk.open(project) as room:
            missed = await room.client.triggers.missed_while_paused(room.project, task)
            if dry_run:
                desk.screen.document(missed)
                desk.screen.say(missed_text(missed, catch_up=catch_up, done=False))
                return
            view = await room.client.tasks.resume(room.project, task, catch_up=catch_up, note=note)
        desk.screen.document(view)
        desk.screen.say(f"{view.name} runs again. {missed_text(missed, catch_up=catch_up, done=True)}")

    perform(context, act, as_json=as_json)


def export(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write to; made if missing.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that differ.")] = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Write the project's files, word for word as they were applied."""

    async def act(desk: Desk) -> None:
        from errands.cli.source_files import write_sources

        async with desk.open(project) as room:
            sources = await room.client.projects.export(room.project)
        written = write_sources(folder, sources, force=force)
        desk.screen.document({"folder": folder, "files": written})
        for path in written:
            desk.screen.say(str(path))
        desk.screen.say(f"{len(written)} of {len(sources)} files written; the others were there already.")

    perform(context, act, as_json=as_json)
