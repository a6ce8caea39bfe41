"""The command that makes the first folder of task files."""

from pathlib import Path
from typing import Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.options import AsJson


def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Made if missing.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Make a folder to begin with: a task, an agent, a model.

    The format's schema lies beside them, for your editor. Files that are there already are left alone.
    """

    async def act(desk: Desk) -> None:
        from errands.cli.starter import write_starter

        written, kept = write_starter(folder)
        desk.screen.document({"folder": folder, "written": written, "kept": kept})
        for path in written:
            desk.screen.say(f"  {path}")
        for path in kept:
            desk.screen.say(f"  {path} is there already and was left alone", "faint")
        if not as_json:
            desk.screen.say("")
            desk.screen.say("Next:", "strong")
            desk.screen.say(f"  errands validate {folder}")
            desk.screen.say(f"  errands apply -f {folder}")
            desk.screen.say("  errands run hello -p name=Ada")

    perform(context, act, as_json=as_json)
