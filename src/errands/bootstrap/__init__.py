"""Puts a process together: settings, database, tools, agents, engine, services. Only the command's entry imports it.

Imports stand inside the functions: `errands --help` loads typer and nothing else, and a command that only reads
loads no model and no tool's library.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from errands.bootstrap.chat import chat_folders, make_chat
from errands.bootstrap.doors import mail_listener
from errands.bootstrap.figures import tell_figures
from errands.bootstrap.logs import configure_logging, warn_of_packages
from errands.bootstrap.memory import begin_loading, loaded
from errands.bootstrap.messages import make_messaging
from errands.bootstrap.parts import engine_limits, key_source, load_settings, make_agents, make_catalog, open_database
from errands.bootstrap.reach import Reach, make_sign_ins, make_toolbox
from errands.bootstrap.restoring import restore_backup
from errands.bootstrap.traces import Traces

if TYPE_CHECKING:
    from fastapi import FastAPI

    from errands.api.frame import Parts
    from errands.api.mounting import Mounted
    from errands.api.serving import Listening
    from errands.background import KeepingHouse, WorkerAndScheduler
    from errands.bootstrap.chat import LateChat
    from errands.core.problems import Problem
    from errands.engine.engine import Engine
    from errands.services import Services
    from errands.services.housekeeping import Housekeeping
    from errands.services.views import SourceFile
    from errands.settings import Settings
    from errands.store.database import Database


_REVIVE_EVERY = timedelta(seconds=5)
_SWEEP_EVERY = timedelta(minutes=10)


def main() -> None:
    """The command `errands`."""
    begin_loading()
    from errands.cli.app import make_app
    from errands.cli.wiring import Wiring

    wiring = Wiring(
        open=_open,
        check=check_files,
        default_project=lambda: load_settings().default_project,
        pull_model=pull_model,
        log_file=log_file,
        serve=serve,
        restore=restore_backup,
    )
    make_app(wiring)()


@dataclass(frozen=True, slots=True)
class Runtime:
    """A process that is put together."""

    services: "Services"
    database: "Database"
    engine: "Engine"
    settings: "Settings"
    housekeeping: "Housekeeping"
    chat: "LateChat"
    traces: Traces

    @property
    def default_project(self) -> str:
        return self.settings.default_project

    @property
    def shutdown_grace(self) -> timedelta:
        return self.settings.shutdown_grace

    def mounted(self) -> "Mounted":
        """The API within this process, for one command."""
        from errands.api.mounting import Mounted

        return Mounted(_api_parts(self))

    def make_worker(self, *, concurrency: int | None) -> "KeepingHouse":
        """A worker on this process's database, with a scheduler and housekeeping; from now on the log tells of it."""
        from errands.background import KeepingHouse

        return KeepingHouse(self.make_workers(concurrency), self.housekeeping)

    def make_workers(self, concurrency: int | None = None) -> "WorkerAndScheduler":
        """A worker and a scheduler alone, for a process that keeps house by itself."""
        from errands.background import WorkerAndScheduler
        from errands.store.overtaken import overtaken

        configure_logging(self.settings, quiet=False)
        tell_figures(self.settings, self.engine)
        self.traces.begin()
        worker = self.engine.worker(concurrency=concurrency or self.settings.concurrency)
        every = self.settings.heartbeat / 3
        return WorkerAndScheduler(worker, self.engine.scheduler(), partial(overtaken, self.database.pool, every))


@asynccontextmanager
async def open_services(
    settings: "Settings", *, worker: bool, load: Callable[[], None] = lambda: None
) -> AsyncIterator[Runtime]:
    """Open everything and close it again, in the reverse order; with `worker`, runs are advanced meanwhile.

    `load` is called while the database starts, to import what takes long. Raises Unavailable for whatever the operator
    must mend: the database, a folder, a key.
    """
    configure_logging(settings, quiet=True)
    with _translated_errors():
        async with AsyncExitStack() as stack:
            runtime = await _assemble(settings, stack, load)
            if worker:
                await stack.enter_async_context(_working(runtime))
            loaded()
            yield runtime


@asynccontextmanager
async def _open(*, worker: bool = False, mounting: bool = False) -> AsyncIterator[Runtime]:
    """The CLI's way to the services: loads the settings first."""
    load = _load_api if mounting else lambda: None
    async with open_services(load_settings(), worker=worker, load=load) as runtime:
        yield runtime


def _load_api() -> None:
    import_module("errands.api.mounting")


def make_api(runtime: Runtime, page: Path | None = None) -> "FastAPI":
    """The REST API on the services of a process, with the page of this folder."""
    from errands.api.app import make_app

    return make_app(_api_parts(runtime, page))


def _api_parts(runtime: Runtime, page: Path | None = None) -> "Parts":
    from importlib.metadata import version

    from errands.api.frame import Parts
    from errands.services.outages import outage

    listen, largest = runtime.engine.bus.listen, runtime.settings.max_upload
    measure = runtime.engine.tally.listen
    return Parts(runtime.services, outage, version("errands"), listen, runtime.chat, largest, measure, page)


@asynccontextmanager
async def serve(*, host: str | None, port: int | None, worker: bool) -> "AsyncIterator[Listening]":
    """The API on a socket (None: as set); with `worker` runs and schedules too. Raises Unavailable."""
    from errands.api.page import page_folder
    from errands.api.serving import listening, take_address
    from errands.background import at_work

    settings = load_settings()
    taken = take_address(host or settings.host, settings.port if port is None else port)
    # The addresses that the server gives out are those that it has, not those that were set.
    settings = settings.model_copy(update={"host": host or settings.host, "port": taken.getsockname()[1]})
    with closing(taken):
        async with open_services(settings, worker=False) as runtime, AsyncExitStack() as stack:
            configure_logging(settings, quiet=False)
            await runtime.database.warm()
            link = await runtime.services.sign_in.first_start_link()
            working = runtime.make_workers() if worker else None
            background = at_work(working, runtime.housekeeping, settings.shutdown_grace)
            ended = await stack.enter_async_context(background)
            mail = await stack.enter_async_context(mail_listener(settings, runtime.services))
            app = make_api(runtime, page_folder())
            yield await stack.enter_async_context(
                listening(
                    app,
                    taken,
                    settings.shutdown_grace,
                    first_link=link,
                    ended=ended,
                    mail=mail,
                    proxies=settings.trusted_proxies,
                )
            )


async def check_files(files: "Sequence[SourceFile]") -> "Mapping[str, Sequence[Problem]]":
    """Problems by file, without a database: what a project holds beyond the files is not looked up."""
    from errands.core.catalog import Surroundings
    from errands.core.expressions.checking import TypeChecker
    from errands.services.applying import problems_by_file

    checker = TypeChecker()
    try:
        specs = make_catalog(load_settings()).specs()
        return await problems_by_file(files, Surroundings(specs, tool_servers=False), checker)
    finally:
        await checker.aclose()


async def pull_model(source: str | None, tell: Callable[[str], None]) -> Path:
    """Fetch the embedded model's weights. Raises Unavailable."""
    from errands.agents.weights import pull
    from errands.core.outcomes import StepFailed
    from errands.services.errors import Unavailable

    settings = load_settings()
    tell("Fetching the embedded model; it is kept in the Errands home folder.")
    try:
        return await pull(settings.home / "models", source or settings.embedded_model)
    except StepFailed as failure:
        raise Unavailable(failure.error.message, failure.error.hint) from None


def log_file() -> Path:
    """Where tracebacks of unexpected errors are kept."""
    return load_settings().home / "errands.log"


async def _assemble(settings: "Settings", stack: AsyncExitStack, load: Callable[[], None]) -> Runtime:
    """Open what must be opened, and hand each part what it needs. `stack` closes it."""
    opening = asyncio.create_task(open_database(settings, stack))
    if settings.database_url is None:
        # The embedded database begins to start, in a thread of its own; to load the rest takes about as long. One that
        # runs already is connected to afterwards: loading holds up the loop, and so would let its time run out.
        await asyncio.sleep(0)

    from errands.background import Performing
    from errands.bootstrap.services import make_services
    from errands.core.access import SystemPrincipal
    from errands.core.expressions.sandbox import Sandbox
    from errands.core.expressions.workers import Workers
    from errands.engine.engine import Engine, Parts
    from errands.services.housekeeping import Chore, Housekeeping
    from errands.services.thread_folders import sweep_folders
    from errands.services.vault import Vault
    from errands.store.artifacts import ArtifactStore

    load()
    database = await opening
    sandboxes = Workers()
    stack.push_async_callback(sandboxes.aclose)
    catalog = make_catalog(settings)
    warn_of_packages(catalog.packages)
    vault, artifacts = Vault(database, key_source(settings)), ArtifactStore(settings.artifacts)
    sign_ins, way = make_sign_ins(database, vault, catalog)
    toolbox = make_toolbox(database, catalog, sign_ins)
    stack.push_async_callback(toolbox.aclose)
    agents = make_agents(settings, database, toolbox)
    stack.push_async_callback(agents.aclose)
    parts = Parts(
        pool=database.pool,
        performer=Performing(toolbox, agents),
        evaluate=Sandbox(sandboxes),
        vault=vault,
        artifacts=artifacts,
        output_schema=lambda name: spec.output_schema if (spec := catalog.specs().get(name)) else None,
        limits=engine_limits(settings),
        workspaces=settings.workspace_folder,
    )
    engine = Engine(parts)
    messaging = make_messaging(settings, database, vault, engine)
    reach = Reach(toolbox, agents, sign_ins, way)
    services = make_services(settings, database, engine, reach, sandboxes, vault, artifacts, messaging)
    await services.projects.ensure(SystemPrincipal("bootstrap", "bootstrap"), settings.default_project)
    chat = make_chat(services, toolbox, agents, vault, settings)
    stack.push_async_callback(chat.aclose)
    traces = Traces(settings, engine)
    stack.push_async_callback(traces.aclose)
    chores = [
        Chore("embedded database", _REVIVE_EVERY, database.revive),
        Chore("folders of threads", _SWEEP_EVERY, partial(sweep_folders, database, chat_folders(settings))),
        *messaging.chores,
    ]
    return Runtime(services, database, engine, settings, Housekeeping(database, chores=chores), chat, traces)


@asynccontextmanager
async def _working(runtime: Runtime) -> AsyncIterator[None]:
    """Advance runs in the background, and keep house."""
    from errands.background import at_work

    runtime.traces.begin()
    worker = runtime.engine.worker(concurrency=runtime.settings.concurrency)
    async with at_work(worker, runtime.housekeeping, runtime.settings.shutdown_grace):
        yield


@contextmanager
def _translated_errors() -> Iterator[None]:
    """What the store says of itself, and a database that has gone away, become refusals that faces know."""
    try:
        yield
    except Exception as error:
        from errands.services.outages import outage

        translated = outage(error)
        if translated is None:
            raise
        raise translated from error
