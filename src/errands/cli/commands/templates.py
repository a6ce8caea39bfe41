"""Commands for templates: task files that nearly do a job, tried with sample data and adopted into a project."""

from pathlib import Path
from typing import Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.exits import ExitCode
from errands.cli.options import AsJson, Project

Name = Annotated[str, typer.Argument(metavar="TEMPLATE", help="Name of a template.", show_default=False)]

templates = typer.Typer(no_args_is_help=True)


@templates.callback()
def _templates() -> None:
    """Begin with a task that nearly does your job."""


@templates.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the templates that come with Errands."""

    async def act(desk: Desk) -> None:
        from errands.cli.template_texts import template_table

        async with desk.open() as room:
            lines = await room.client.templates.list()
        desk.screen.document(lines)
        desk.screen.show(template_table(lines, desk.screen.out.width))

    perform(context, act, as_json=as_json)


@templates.command("show")
def show(context: typer.Context, template: Name, as_json: AsJson = False) -> None:
    """Show what a template does, asks and needs."""

    async def act(desk: Desk) -> None:
        from errands.cli.template_texts import template_lines

        async with desk.open() as room:
            view = await room.client.templates.get(template)
        desk.screen.document(view)
        desk.screen.show(*template_lines(view))

    perform(context, act, as_json=as_json)


@templates.command("try")
def try_(
    context: typer.Context,
    template: Name,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="DIR", help="Write the files that it makes to this folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rehearse a template with its sample data: nothing leaves the machine. Exits with 1 if it fails."""

    async def act(desk: Desk) -> ExitCode:
        from errands.cli.rehearsal import rehearsal_lines
        from errands.cli.template_texts import made_lines, save_files
        from errands.core.outcomes import RunStatus

        async with desk.open() as room:
            trial = await room.client.templates.attempt(template)
        desk.screen.document(trial)
        desk.screen.show(*rehearsal_lines(trial.run, desk.screen), *made_lines(trial.run.files))
        if save is not None:
            for path in save_files(trial.run.files, save):
                desk.screen.say(str(path))
        return ExitCode.SUCCEEDED if trial.run.status is RunStatus.SUCCEEDED else ExitCode.FAILED

    perform(context, act, as_json=as_json)


@templates.command("use")
def use(  # noqa: PLR0917
    context: typer.Context,
    template: Name,
    answers: Annotated[
        list[str] | None, typer.Option("--answer", "-a", metavar="NAME=VALUE", help="May be repeated.")
    ] = None,
    answers_file: Annotated[
        str | None, typer.Option("--answers", metavar="FILE", help="Answers as JSON or YAML; - is stdin.")
    ] = None,
    task: Annotated[
        str | None, typer.Option("--task", metavar="NAME", help="Another name for its task. [default: its own]")
    ] = None,
    publish: Annotated[bool, typer.Option("--publish/--draft", help="Let runs start.", show_default="draft")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; defaults answer what is left.")] = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Adopt a template into the project.

    Asks at a terminal for what is not given, and shows what changes first. What was adopted is a task like any other.
    """

    async def act(desk: Desk) -> ExitCode | None:
        from errands.cli.prompts import confirm
        from errands.cli.template_texts import adopted_text, answered

        asks = desk.screen.asks and not yes
        async with desk.open(project) as room:
            view = await room.client.templates.get(template)
            given = await answered(desk.screen, view, answers or (), answers_file, ask=asks)
            if dry_run or asks:
                seen = await room.client.templates.adopt(
                    room.project, template, given, task=task, publish=False, dry_run=True
                )
                desk.screen.show(adopted_text(seen, dry_run=True, width=desk.screen.out.width))
                if dry_run:
                    desk.screen.document(seen)
                    return None
                if not await confirm(desk.screen, f"Change project {room.project}?"):
                    return ExitCode.CANCELLED
            came = await room.client.templates.adopt(
                room.project, template, given, task=task, publish=publish, dry_run=False
            )
        desk.screen.document(came)
        desk.screen.show(adopted_text(came, dry_run=False, width=desk.screen.out.width))
        for name in came.missing:
            desk.screen.remark(f"The secret {name} has no value here yet: errands secrets set {name}")
        for one in came.applied:
            if not one.published and one.version is not None:
                desk.screen.say(f"Let runs start: errands publish {one.name} {one.version}")
        return None

    perform(context, act, as_json=as_json)
