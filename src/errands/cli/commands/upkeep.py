"""Commands that keep Errands itself going: workers, its health, its model, its version."""

from typing import Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.exits import ExitCode
from errands.cli.options import AsJson


def worker(
    context: typer.Context,
    concurrency: Annotated[
        int | None,
        typer.Option("--concurrency", min=1, max=10_000, help="Runs at a time. [default: the setting concurrency]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Advance runs until SIGTERM or Ctrl-C.

    The first lets running steps end within the grace time, the second stops at once. Says in one line each when a run
    is taken and let go. Any number of workers may share a database.
    """

    async def act(desk: Desk) -> ExitCode:
        from errands.cli.working import work

        return await work(desk, concurrency)

    perform(context, act, as_json=as_json)


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Check the database, keys, extras and the embedded model.

    Says what to do where something is wrong, and exits with 1 then.
    """

    async def act(desk: Desk) -> ExitCode:
        from errands.cli.health import check_lines

        async with desk.open() as room:
            checks = await room.client.server.checks()
        desk.screen.document(checks)
        desk.screen.show(*check_lines(checks, unicode=desk.screen.unicode))
        return ExitCode.SUCCEEDED if all(check.ok for check in checks) else ExitCode.FAILED

    perform(context, act, as_json=as_json)


def version(context: typer.Context, as_json: AsJson = False) -> None:
    """Print the version of Errands."""

    async def act(desk: Desk) -> None:
        import platform
        from importlib.metadata import version as installed

        found = installed("errands")
        desk.screen.document({"errands": found, "python": platform.python_version()})
        desk.screen.say(f"errands {found} (Python {platform.python_version()})")

    perform(context, act, as_json=as_json)
