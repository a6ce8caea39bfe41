"""Commands that choose the server that commands talk to."""

from typing import Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.options import AsJson

Address = Annotated[str | None, typer.Argument(metavar="URL", help="Address of the server. [default: the one in use]")]


def login(
    context: typer.Context,
    url: Address = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Sign in by password, and make a token for 90 days.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let commands talk to a server from now on.

    Asks for a token, without echo, or reads it from stdin; with --name, for the password. The token is kept in a file
    that only you may read.
    """

    async def act(desk: Desk) -> None:
        from errands.cli.signing import sign_in

        await sign_in(desk, url, name)

    perform(context, act, as_json=as_json)


def logout(context: typer.Context, url: Address = None, as_json: AsJson = False) -> None:
    """Forget the token of a server."""

    async def act(desk: Desk) -> None:
        from errands.cli.signing import sign_out

        sign_out(desk, url)

    perform(context, act, as_json=as_json)


def whoami(context: typer.Context, as_json: AsJson = False) -> None:
    """Say who acts, and on which server."""

    async def act(desk: Desk) -> None:
        from errands.cli.signing import tell_who

        await tell_who(desk)

    perform(context, act, as_json=as_json)
