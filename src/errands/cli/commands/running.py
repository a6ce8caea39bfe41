"""Commands that start runs: a task or a file, again or from a step."""

from typing import Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.exits import ExitCode
from errands.cli.options import AsJson, Project, RunId

Follow = Annotated[
    bool | None,
    typer.Option(
        "--follow/--no-follow", help="Stay while the run waits for people or events. [default: in a terminal]"
    ),
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Run it here, or only put it in the queue for a worker.")]


def run(
    context: typer.Context,
    task: Annotated[str, typer.Argument(metavar="TASK|FILE.yaml", help="Name of a task, or its file.")],
    *,
    params: Annotated[
        list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="One argument. May be repeated.")
    ] = None,
    args: Annotated[
        str | None, typer.Option("--args", metavar="FILE", help="JSON or YAML file of arguments; - is stdin.")
    ] = None,
    follow: Follow = None,
    wait: Wait = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Rehearse: stubs answer, nothing leaves this machine, nothing is kept.")
    ] = False,
    stubs: Annotated[
        list[str] | None, typer.Option("--stub", metavar="ID=JSON", help="With --dry-run: the output of a step.")
    ] = None,
    version: Annotated[int | None, typer.Option("--version", min=1, help="[default: the published one]")] = None,
    idempotency_key: Annotated[
        str | None, typer.Option("--idempotency-key", metavar="KEY", help="The same key gives the same run.")
    ] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Run a task and show its steps as they happen. A file is first applied to the project as a version of its task.

    Exit codes: 0 succeeded, 1 failed, 2 wrong input, 3 cancelled, 4 timed out, 5 waiting and not followed,
    6 skipped, 130 interrupted.
    """

    async def act(desk: Desk) -> ExitCode | None:
        from errands.cli.launching import Wanted, check_options, rehearse, start

        wanted = Wanted(task, tuple(params or ()), args, version, idempotency_key, tuple(stubs or ()))
        check_options(wanted, dry_run=dry_run)
        async with desk.open(project, worker=wait and not dry_run) as room:
            if dry_run:
                return await rehearse(desk.screen, room, wanted)
            return await start(desk.screen, room, wanted, wait=wait, follow=follow)

    perform(context, act, as_json=as_json)


def rerun(
    context: typer.Context,
    run_id: RunId = "last",
    *,
    from_step: Annotated[
        str | None,
        typer.Option("--from", metavar="STEP", help="Keep what came before this step. [default: keep nothing]"),
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Keep what succeeded; do again what failed, and what hangs on it.")
    ] = False,
    version: Annotated[
        str | None, typer.Option("--version", metavar="N|latest", help="Version to run. [default: the same]")
    ] = None,
    params: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", metavar="NAME=VALUE", help="In place of the run's argument. May be repeated."),
    ] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option("--output", metavar="STEP=JSON", help="In place of what came of an earlier step."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    follow: Follow = None,
    wait: Wait = True,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Run again, taking over the record up to a step. Says first what is kept and what would be repeated outside."""

    async def act(desk: Desk) -> ExitCode | None:
        from errands.cli.launching import stay_with
        from errands.cli.rerunning import agree, chosen_version, edited, first_step
        from errands.cli.run_ids import the_run

        begin = first_step(from_step, failed=failed)
        async with desk.open(project, worker=wait) as room:
            old = await the_run(room, run_id)
            chosen = await chosen_version(room, old, version)
            plan = await room.client.runs.rerun_plan(old, from_step=begin, version=chosen)
            if not await agree(desk.screen, plan, yes=yes):
                return ExitCode.CANCELLED
            arguments, written = await edited(room, old, chosen, tuple(params or ()), tuple(outputs or ()))
            started = await room.client.runs.rerun(
                old, from_step=begin, version=chosen, arguments=arguments, outputs=written
            )
            return await stay_with(desk.screen, room, started, wait=wait, follow=follow)

    perform(context, act, as_json=as_json)
