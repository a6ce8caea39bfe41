"""Commands for whole projects: taken out, brought in, listed, deleted and brought back."""

from pathlib import Path
from typing import Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.exits import ExitCode
from errands.cli.options import AsJson, Project

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the project.", show_default=False)]

project = typer.Typer(no_args_is_help=True)


@project.callback()
def _project() -> None:
    """A whole project: as a folder of files, deleted, brought back."""


@project.command("export")
def export(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Made if missing.", show_default=False)],
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that differ.")] = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Write the project to a folder.

    Tasks, agents and models word for word, calendars, channels, and the names of secrets; no value of a secret.
    """

    async def act(desk: Desk) -> None:
        from errands.cli.source_files import write_sources

        async with desk.open(project) as room:
            sources = await room.client.projects.take_out(room.project)
        written = write_sources(folder, sources, force=force)
        desk.screen.document({"folder": folder, "files": written})
        desk.screen.say(f"{len(written)} of {len(sources)} files written; the others were there already.")

    perform(context, act, as_json=as_json)


@project.command("import")
def import_(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="As project export wrote it.", show_default=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    message: Annotated[
        str | None, typer.Option("--message", "-m", metavar="TEXT", help="Why; kept with the new versions.")
    ] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Make the project what a folder says. All of it, or nothing.

    Shows what will change, and asks at a terminal. The same folder again changes nothing; what it does not name stays.
    """

    async def act(desk: Desk) -> ExitCode | None:
        from errands.cli.prompts import confirm
        from errands.cli.source_files import read_sources
        from errands.cli.task_texts import imported_text

        sources = read_sources([folder])
        async with desk.open(project) as room:
            if dry_run or (desk.screen.asks and not yes):
                seen = await room.client.projects.bring_in(room.project, sources, message=message, dry_run=True)
                desk.screen.show(imported_text(seen, dry_run=True, width=desk.screen.out.width))
                if dry_run:
                    desk.screen.document(seen)
                    return None
                if not await confirm(desk.screen, f"Change project {room.project}?"):
                    return ExitCode.CANCELLED
            came = await room.client.projects.bring_in(room.project, sources, message=message, dry_run=False)
        desk.screen.document(came)
        desk.screen.show(imported_text(came, dry_run=False, width=desk.screen.out.width))
        for name in came.missing_secrets:
            desk.screen.remark(f"The secret {name} has no value here yet: errands secrets set {name}")
        return None

    perform(context, act, as_json=as_json)


@project.command("list")
def list_(
    context: typer.Context,
    deleted: Annotated[bool, typer.Option("--deleted", help="Those that are deleted and not removed yet.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the projects that you may see."""

    async def act(desk: Desk) -> None:
        async with desk.open() as room:
            names = await room.client.projects.list(deleted=deleted)
        desk.screen.document(names)
        for name in names:
            desk.screen.say(name)
        if not names:
            desk.screen.say("No project is deleted." if deleted else "There is no project that you may see.")

    perform(context, act, as_json=as_json)


@project.command("delete")
def delete(
    context: typer.Context,
    name: Name,
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why; kept in the audit log.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a project, with a grace period.

    It starts nothing from now on, and is removed later with everything of it; the setting keep_deleted says when.
    """

    async def act(desk: Desk) -> ExitCode | None:
        from errands.cli.displays import local_now
        from errands.cli.figures import moment
        from errands.cli.prompts import confirm

        if (
            desk.screen.asks
            and not yes
            and not await confirm(desk.screen, f"Delete project {name} with all that is its?")
        ):
            return ExitCode.CANCELLED
        async with desk.open(name) as room:
            view = await room.client.projects.delete(name, note=note)
        desk.screen.document(view)
        when = "soon" if view.remove_at is None else moment(view.remove_at, local_now())
        desk.screen.say(f"{name} is deleted, and removed {when}. Until then: errands project restore {name}")
        return None

    perform(context, act, as_json=as_json)


@project.command("restore")
def restore(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Bring back a deleted project; its schedules plan from now on."""

    async def act(desk: Desk) -> None:
        async with desk.open(name) as room:
            view = await room.client.projects.restore(name)
        desk.screen.document(view)
        desk.screen.say(f"{name} is back; its schedules plan from now on.")

    perform(context, act, as_json=as_json)
