"""The chat in a terminal."""

from typing import Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.exits import ExitCode
from errands.cli.options import AsJson, Project


def chat(
    context: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORDS...]", help="What to say; without it the chat goes on.")
    ] = None,
    *,
    thread: Annotated[
        str | None, typer.Option("--thread", metavar="ID|last", help="Go on in this thread. [default: a new one]")
    ] = None,
    agent: Annotated[
        str | None, typer.Option("--agent", metavar="NAME", help="The project's agent that answers in a new thread.")
    ] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Talk to the assistant: find, explain, draft, try and run tasks. /help lists what works without a model.

    With words, one turn is taken; what waits for a click stays open, unless a terminal is there to ask. An empty line
    or Ctrl-D ends the chat. Exit codes: 0 answered, 1 the answer failed.
    """

    async def act(desk: Desk) -> ExitCode | None:
        from errands.cli.talk import talk

        async with desk.open(project, worker=True) as room:
            return await talk(desk.screen, room, " ".join(words or ()), thread=thread, agent=agent)

    perform(context, act, as_json=as_json)
