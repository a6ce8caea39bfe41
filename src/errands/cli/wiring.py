"""What the CLI is handed: ways to the services, opened only by the commands that need them.

`bootstrap` makes a `Wiring` and calls `make_app`; so the CLI never imports the engine, the store, tools or agents, and
`errands --help` pays for none of them.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from errands.core.access import Principal
    from errands.core.problems import Problem
    from errands.services import Services
    from errands.services.restoring import Restored
    from errands.services.views import SourceFile


class Worker(Protocol):
    """Advances runs until it is told to stop."""

    async def run(self) -> None:
        """Take runs and advance them; returns after `stop`."""
        ...

    async def stop(self, grace: timedelta) -> None:
        """Take no more runs, let running steps end within `grace`, hand the rest over."""
        ...


class Happening(Protocol):
    """Something that happened in a run held by this process."""

    @property
    def run_id(self) -> UUID: ...

    @property
    def kind(self) -> str:
        """`taken` and `released`, among others."""
        ...

    @property
    def text(self) -> str:
        """The task's name with `taken`; with `released` how: ended, waiting, handed over, lost."""
        ...


class Bus(Protocol):
    """Tells what happens in the runs that this process holds."""

    def listen(self, callback: Callable[[Happening], None]) -> None: ...


class Engine(Protocol):
    """The engine, as far as the CLI looks at it."""

    @property
    def bus(self) -> Bus: ...


class Mounted(Protocol):
    """The API as an ASGI application for one command."""

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None: ...


class Opened(Protocol):
    """The services of this process, open."""

    @property
    def services(self) -> "Services": ...

    @property
    def engine(self) -> Engine: ...

    def mounted(self) -> "Mounted":
        """The API, in this process."""
        ...

    @property
    def default_project(self) -> str:
        """Project of commands that name none."""
        ...

    @property
    def shutdown_grace(self) -> timedelta: ...

    def make_worker(self, *, concurrency: int | None) -> Worker:
        """A worker on this process's database. `None`: the setting's concurrency."""
        ...


class Opener(Protocol):
    """Opens the services; with `worker`, this process also advances runs for as long as they are open.

    `mounting`: the API will be asked for, and is loaded while the database starts.
    """

    def __call__(self, *, worker: bool = False, mounting: bool = False) -> AbstractAsyncContextManager[Opened]: ...


class FirstLink(Protocol):
    """What makes the first administrator, once."""

    @property
    def secret(self) -> str: ...

    @property
    def expires_at(self) -> datetime: ...


class Listening(Protocol):
    """The API, on its socket."""

    @property
    def url(self) -> str: ...

    @property
    def mail(self) -> str | None:
        """Where mail is taken; None: nowhere."""
        ...

    @property
    def first_link(self) -> FirstLink | None:
        """None: there are accounts already."""
        ...

    async def ended(self) -> None:
        """Returns when it has ended by itself, which it should not; raises what ended it."""
        ...


class Server(Protocol):
    """Serves the API, and with `worker` advances runs and starts them when due. None: as the settings say."""

    def __call__(
        self, *, host: str | None, port: int | None, worker: bool
    ) -> AbstractAsyncContextManager[Listening]: ...


class Restorer(Protocol):
    """Brings a backup back to where the settings point, in the name of whoever is at the machine."""

    def __call__(self, caller: "Principal", file: Path, *, replace: bool) -> "Awaitable[Restored]": ...


@dataclass(frozen=True, slots=True)
class Wiring:
    """Everything that commands reach outside their room. Each is called only by the command that needs it."""

    open: Opener
    check: "Callable[[Sequence[SourceFile]], Awaitable[Mapping[str, Sequence[Problem]]]]"
    """Problems by file, found without a database: built-in tools are known, and what the files themselves declare;
    secrets and other tasks of the project are not looked up."""
    default_project: Callable[[], str]
    """Project of commands that name none."""
    pull_model: Callable[[str | None, Callable[[str], None]], Awaitable[Path]]
    """Fetch the embedded model (or the GGUF file at a path or URL) into the home folder, telling progress."""
    log_file: Callable[[], Path]
    """Where the traceback of an unexpected error is kept."""
    serve: Server
    """The API on a socket."""
    restore: Restorer
