"""Commands that serve the API."""

from typing import Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.exits import ExitCode
from errands.cli.options import AsJson

Host = Annotated[
    str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on. [default: the setting host]")
]
Port = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65_535, help="Port to listen on; 0: any. [default: the setting port]"),
]


def start(context: typer.Context, host: Host = None, port: Port = None, as_json: AsJson = False) -> None:
    """Serve the API, and do the work of a worker as well.

    Runs are advanced, and started when they are due. Ends in good order on SIGTERM or Ctrl-C. The first start prints a
    link that makes the administrator.
    """
    _serve(context, host, port, worker=True, as_json=as_json)


def serve(context: typer.Context, host: Host = None, port: Port = None, as_json: AsJson = False) -> None:
    """Serve the API alone; workers run elsewhere.

    Ends in good order on SIGTERM or Ctrl-C.
    """
    _serve(context, host, port, worker=False, as_json=as_json)


def _serve(context: typer.Context, host: str | None, port: int | None, *, worker: bool, as_json: bool) -> None:
    async def act(desk: Desk) -> ExitCode:
        from errands.cli.serving import serve

        return await serve(desk, host, port, worker=worker)

    perform(context, act, as_json=as_json)
