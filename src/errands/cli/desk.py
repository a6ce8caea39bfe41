"""One command at work: its screen, its way to the services, and how it ends."""

import asyncio
import getpass
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import typer

from errands.cli.exits import ExitCode
from errands.cli.screen import Screen, make_screen
from errands.cli.wiring import Opened, Wiring

if TYPE_CHECKING:
    from errands.core.access import Principal
    from errands.services import Services


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the options before the command's name say."""

    wiring: Wiring
    debug: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """What a command works with."""

    wiring: Wiring
    screen: Screen

    @asynccontextmanager
    async def open(self, project: str | None = None, *, worker: bool = False) -> AsyncIterator["Room"]:
        """The services, and the project that the command works on."""
        async with self.wiring.open(worker=worker) as opened:
            yield Room(opened, project or opened.default_project)


@dataclass(frozen=True, slots=True)
class Room:
    """Open services and the name of the project at hand."""

    opened: Opened
    project: str

    @property
    def services(self) -> "Services":
        return self.opened.services

    @property
    def caller(self) -> "Principal":
        """Who acts here: the person who is logged in to this machine."""
        return acting_as(starter())


class LeftAtOnce(Exception):
    """The person will not wait: whatever is open is closed without grace."""


Act = Callable[[Desk], Coroutine[None, None, ExitCode | None]]


def perform(context: typer.Context, act: Act, *, as_json: bool = False) -> NoReturn:
    """Run a command to its end, say what went wrong if something did, and leave with its exit code."""
    invocation: Invocation = context.find_object(Invocation) or _unwired()
    screen = make_screen(as_json=as_json)
    try:
        code = asyncio.run(act(Desk(invocation.wiring, screen)))
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
