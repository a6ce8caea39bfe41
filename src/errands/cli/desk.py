"""One command at work: its screen, its way to the services, and how it ends."""

import asyncio
import getpass
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import typer

from errands import __version__
from errands.cli.exits import ExitCode
from errands.cli.screen import Screen, make_screen
from errands.cli.servers import Server, chosen_server
from errands.cli.versions import Versions
from errands.cli.wiring import Opened, Wiring

if TYPE_CHECKING:
    from errands.cli.client import Client
    from errands.cli.client.approvals import Approvals
    from errands.core.access import Principal


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the options before the command's name say."""

    wiring: Wiring
    debug: bool = False
    server: str | None = None
    """Address of the server to talk to, or `local`. None: as the environment or the last login says."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a command works with."""

    wiring: Wiring
    screen: Screen
    server_option: str | None = None

    @asynccontextmanager
    async def open(self, project: str | None = None, *, worker: bool = False) -> AsyncIterator["Room"]:
        """A way to the API, and the project that the command works on.

        Without a server the API is mounted here; with `worker`, this process then also advances runs.
        """
        from errands.cli.client import client_on
        from errands.cli.client.connection import connected, mounted

        server, versions = chosen_server(self.server_option), self.versions()
        if server is not None:
            async with connected(server.url, server.token, versions) as connection:
                yield Room(client_on(connection), project or self.wiring.default_project(), None, server)
            return
        async with self.wiring.open(worker=worker, mounting=True) as opened:
            app = opened.mounted()
            async with mounted(app, acting_as(starter()), versions) as connection:
                yield Room(client_on(connection), project or opened.default_project, opened)

    def versions(self) -> Versions:
        """Tells a person whose server has another version."""
        return Versions(__version__, self.screen.remark)


@dataclass(frozen=True, slots=True)
class Room:
    """A way to the API and the name of the project at hand."""

    client: "Client"
    project: str
    opened: Opened | None = None
    """What is open in this process. None: the API is on a server."""
    server: Server | None = None
    """The server that is talked to. None: the API is mounted here."""

    def approvals(self, person: str | None) -> "Approvals":
        """Approvals in a person's name; `None`: whoever calls. Raises Invalid for another person with a server."""
        return self.client.approvals if person is None else self.client.approvals.acting_as(acting_as(person))


class LeftAtOnce(Exception):
    """The person will not wait: whatever is open is closed without grace."""


Act = Callable[[Desk], Coroutine[None, None, ExitCode | None]]


def perform(context: typer.Context, act: Act, *, as_json: bool = False) -> NoReturn:
    """Run a command to its end, say what went wrong if something did, and leave with its exit code."""
    invocation: Invocation = context.find_object(Invocation) or _unwired()
    screen = make_screen(as_json=as_json)
    try:
        code = asyncio.run(act(Desk(invocation.wiring, screen, invocation.server)))
    except LeftAtOnce:
        code = ExitCode.INTERRUPTED
    except KeyboardInterrupt:
        screen.remark("Interrupted.")
        code = ExitCode.INTERRUPTED
    except (Exception, asyncio.CancelledError) as error:
        from errands.cli.failures import report

        code = report(error, screen, log_file=invocation.wiring.log_file, debug=invocation.debug)
    raise typer.Exit(ExitCode.SUCCEEDED if code is None else code)


def starter() -> str:
    """The principal that acts here: the person who is logged in to this machine."""
    return f"user:{getpass.getuser()}"


def principal(name: str | None) -> str:
    """The principal of a name given on the command line; `None`: whoever is logged in here."""
    if not name:
        return starter()
    return name if ":" in name else f"user:{name}"


def acting_as(reference: str) -> "Principal":
    """The operator of this machine, in a person's name; whoever reaches the database may do everything anyway."""
    from errands.core.access import SystemPrincipal

    return SystemPrincipal("operator", "operator", acts_as=reference)


def _unwired() -> NoReturn:
    raise RuntimeError("make_app was not used: a command has no wiring")
