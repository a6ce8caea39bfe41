"""Puts a process together: settings, database, tools, agents, engine, services. Only the command's entry imports it.

Imports stand inside the functions: `errands --help` loads typer and nothing else, and a command that only reads
loads no model and no tool's library.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from errands.agents import Agents
    from errands.api.serving import Listening
    from errands.background import WorkerAndScheduler
    from errands.core.expressions.workers import Workers
    from errands.core.problems import Problem
    from errands.engine.engine import Engine
    from errands.engine.limits import EngineLimits
    from errands.services import Services
    from errands.services.authority import Authority
    from errands.services.entrance import Entrance
    from errands.services.housekeeping import Housekeeping
    from errands.services.keys import KeySource
    from errands.services.vault import Vault
    from errands.services.views import Check, SourceFile
    from errands.settings import Settings
    from errands.store.artifacts import ArtifactStore
    from errands.store.database import Database
    from errands.tools.catalog import Catalog
    from errands.tools.hosts import HostPolicy

_MODEL = "embedded model"


def main() -> None:
    """The command `errands`."""
    from errands.cli.app import make_app
    from errands.cli.wiring import Wiring

    make_app(Wiring(open=_open, check=check_files, pull_model=pull_model, log_file=log_file, serve=serve))()


@dataclass(frozen=True, slots=True)
class Runtime:
    """A process that is put together."""

    services: "Services"
    engine: "Engine"
    settings: "Settings"
    housekeeping: "Housekeeping"

    @property
    def default_project(self) -> str:
        return self.settings.default_project

    @property
    def shutdown_grace(self) -> timedelta:
        return self.settings.shutdown_grace

    def make_worker(self, *, concurrency: int | None) -> "WorkerAndScheduler":
        """A worker on this process's database, with a scheduler; from now on the log tells what they do."""
        from errands.background import WorkerAndScheduler

        configure_logging(self.settings, quiet=False)
        worker = self.engine.worker(concurrency=concurrency or self.settings.concurrency)
        return WorkerAndScheduler(worker, self.engine.scheduler())


@asynccontextmanager
async def open_services(settings: "Settings", *, worker: bool) -> AsyncIterator[Runtime]:
    """Open everything and close it again, in the reverse order; with `worker`, runs are advanced meanwhile.

    Raises Unavailable for whatever the operator must mend: the database, a folder, a key.
    """
    configure_logging(settings, quiet=True)
    with _translated_errors():
        async with AsyncExitStack() as stack:
            runtime = await _assemble(settings, stack)
            if worker:
                await stack.enter_async_context(_working(runtime))
            yield runtime


@asynccontextmanager
async def _open(*, worker: bool = False) -> AsyncIterator[Runtime]:
    """The CLI's way to the services: loads the settings first."""
    async with open_services(_load_settings(), worker=worker) as runtime:
        yield runtime


def make_api(runtime: Runtime) -> "FastAPI":
    """The REST API on the services of a process."""
    from importlib.metadata import version

    from errands.api.app import Parts, make_app
    from errands.services.outages import outage

    return make_app(Parts(runtime.services, outage, version("errands"), runtime.engine.bus.listen))


@asynccontextmanager
async def serve(*, host: str | None, port: int | None, worker: bool) -> "AsyncIterator[Listening]":
    """The API on a socket (None: as set); with `worker` runs and schedules too. Raises Unavailable."""
    from errands.api.serving import listening
    from errands.background import at_work

    settings = _load_settings()
    async with open_services(settings, worker=False) as runtime, AsyncExitStack() as stack:
        configure_logging(settings, quiet=False)
        link = await runtime.services.sign_in.first_start_link()
        place = (host or settings.host, settings.port if port is None else port)
        working = runtime.make_worker(concurrency=None) if worker else None
        background = at_work(working, runtime.housekeeping, settings.shutdown_grace)
        ended = await stack.enter_async_context(background)
        yield await stack.enter_async_context(
            listening(make_api(runtime), *place, settings.shutdown_grace, first_link=link, ended=ended)
        )


async def check_files(files: "Sequence[SourceFile]") -> "Mapping[str, Sequence[Problem]]":
    """Problems by file, without a database: what a project holds beyond the files is not looked up."""
    from errands.core.catalog import Surroundings
    from errands.core.expressions.checking import TypeChecker
    from errands.services.applying import problems_by_file

    checker = TypeChecker()
    try:
        specs = _make_catalog(_load_settings()).specs()
        return await problems_by_file(files, Surroundings(specs), checker)
    finally:
        await checker.aclose()


async def pull_model(source: str | None, tell: Callable[[str], None]) -> Path:
    """Fetch the embedded model's weights. Raises Unavailable."""
    from errands.agents.weights import pull
    from errands.core.outcomes import StepFailed
    from errands.services.errors import Unavailable

    settings = _load_settings()
    tell("Fetching the embedded model; it is kept in the Errands home folder.")
    try:
        return await pull(settings.home / "models", source or settings.embedded_model)
    except StepFailed as failure:
        raise Unavailable(failure.error.message, failure.error.hint) from None


def log_file() -> Path:
    """Where tracebacks of unexpected errors are kept."""
    return _load_settings().home / "errands.log"


def configure_logging(settings: "Settings", *, quiet: bool) -> None:
    """Log to stderr. `quiet` leaves out what is no warning, unless a level is set: a command has its own words."""
    import logging

    import structlog

    chosen = "log_level" in settings.model_fields_set or not quiet
    level = logging.getLevelNamesMapping()[(settings.log_level if chosen else "warning").upper()]
    terminal = sys.stderr.isatty()
    console = settings.log_format == "console" or (settings.log_format == "auto" and terminal)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Plain tracebacks: the pretty ones print local variables, and with them secrets.
    renderers: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=terminal, exception_formatter=structlog.dev.plain_traceback)]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[strip, *renderers]))
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


def _load_settings() -> "Settings":
    from errands.services.errors import Unavailable
    from errands.settings import Settings, SettingsInvalid

    try:
        return Settings.load()
    except SettingsInvalid as error:
        raise Unavailable(
            "The settings are wrong: " + "; ".join(error.problems), "Correct them and try again."
        ) from None


async def _assemble(settings: "Settings", stack: AsyncExitStack) -> Runtime:
    """Open what must be opened, and hand each part what it needs. `stack` closes it."""
    database = await _open_database(settings, stack)

    from errands.background import Performing
    from errands.core.access import SystemPrincipal
    from errands.core.expressions.sandbox import Sandbox
    from errands.core.expressions.workers import Workers
    from errands.engine.engine import Engine, Parts
    from errands.services.housekeeping import Housekeeping
    from errands.services.vault import Vault
    from errands.store.artifacts import ArtifactStore

    sandboxes = Workers()
    stack.push_async_callback(sandboxes.aclose)
    catalog = _make_catalog(settings)
    stack.push_async_callback(catalog.aclose)
    agents = _make_agents(settings, database, catalog)
    stack.push_async_callback(agents.aclose)
    vault, artifacts = Vault(database, _key_source(settings)), ArtifactStore(settings.artifacts)
    parts = Parts(
        pool=database.pool,
        performer=Performing(catalog, agents),
        evaluate=Sandbox(sandboxes),
        vault=vault,
        artifacts=artifacts,
        output_schema=lambda name: spec.output_schema if (spec := catalog.specs().get(name)) else None,
        limits=_engine_limits(settings),
        workspaces=settings.home / "workspaces",
    )
    engine = Engine(parts)
    services = _make_services(settings, database, engine, catalog, sandboxes, vault, artifacts)
    await services.projects.ensure(SystemPrincipal("bootstrap", "bootstrap"), settings.default_project)
    return Runtime(services, engine, settings, Housekeeping(database))


async def _open_database(settings: "Settings", stack: AsyncExitStack) -> "Database":
    from errands.services.errors import Unavailable
    from errands.store.database import Database
    from errands.store.migrations import upgrade

    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"The Errands home folder {settings.home} cannot be made: {error.strerror or error}.",
            "Set ERRANDS_HOME to a folder that you may write to.",
        ) from error
    url = settings.database_url
    database = await Database.open(
        None if url is None else url.get_secret_value(),
        settings.home,
        pool_size=settings.database_pool,
        keep_running=settings.embedded_keep_running,
    )
    stack.push_async_callback(database.close)
    await upgrade(database)
    return database


def _make_catalog(settings: "Settings") -> "Catalog":
    from errands.tools.builtin import builtin_catalog
    from errands.tools.limits import ToolLimits

    return builtin_catalog(_host_policy(settings), ToolLimits())


def _host_policy(settings: "Settings") -> "HostPolicy":
    from errands.tools.hosts import HostPolicy

    return HostPolicy(frozenset(settings.allow_private_hosts))


def _make_agents(settings: "Settings", database: "Database", catalog: "Catalog") -> "Agents":
    from errands.agents.embedded import EmbeddedModel, EmbeddedSettings
    from errands.agents.models import Models
    from errands.agents.workers import AgentDefaults, Agents
    from errands.services.directory import Directory

    embedded = EmbeddedModel(EmbeddedSettings(settings.home / "models", settings.embedded_model))
    models = Models(embedded=embedded, check_url=_url_check(_host_policy(settings)))
    directory = Directory(database, settings.openai_base_url)
    return Agents(directory, catalog, models, AgentDefaults(model=settings.default_model))


def _url_check(policy: "HostPolicy") -> Callable[[str], None]:
    """Refuses models at addresses inside our own network that the administrator has not allowed."""

    def check(url: str) -> None:
        import socket

        from errands.tools.hosts import check_addresses, target_of
        from errands.tools.tool import refusals_fail_the_step

        with refusals_fail_the_step():
            target = target_of(url)
            # A name that cannot be found now is for the request itself to report.
            with suppress(OSError):
                found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
                check_addresses(target.host, target.port, [str(entry[4][0]) for entry in found], policy)

    return check


def _key_source(settings: "Settings") -> "KeySource":
    from errands.services.keys import KeySource

    key = settings.secret_key
    return KeySource(None if key is None else key.get_secret_value(), settings.key_file)


def _engine_limits(settings: "Settings") -> "EngineLimits":
    from errands.engine.limits import EngineLimits

    return EngineLimits(
        inline_output_bytes=settings.inline_output,
        largest_output_bytes=settings.max_output,
        run_timeout=settings.run_timeout,
        finally_timeout=settings.finally_timeout,
        expression_seconds=settings.expression_timeout.total_seconds(),
        expression_memory_bytes=settings.expression_memory,
        transform_timeout=settings.transform_timeout,
        memory_bytes=settings.transform_memory,
        loop_items=settings.max_loop_items,
        heartbeat=settings.heartbeat,
        grace=settings.shutdown_grace,
        retention=settings.keep_runs,
    )


def _make_services(
    settings: "Settings",
    database: "Database",
    engine: "Engine",
    catalog: "Catalog",
    sandboxes: "Workers",
    vault: "Vault",
    artifacts: "ArtifactStore",
) -> "Services":
    from errands.core.expressions.checking import TypeChecker
    from errands.core.expressions.sandbox import Sandbox
    from errands.services import Services
    from errands.services.approvals import ApprovalService
    from errands.services.artifacts import ArtifactService
    from errands.services.authority import Authority
    from errands.services.backfills import BackfillService
    from errands.services.calendars import CalendarService
    from errands.services.doctor import Doctor, Patient
    from errands.services.events import EventService
    from errands.services.figures import FigureService
    from errands.services.projects import ProjectService
    from errands.services.rehearsing import Rehearsal
    from errands.services.runs import RunService
    from errands.services.secrets import SecretService
    from errands.services.tasks import TaskService
    from errands.services.triggers import TriggerService

    authority = Authority(database)
    entrance = _make_entrance(settings, database, authority)
    rehearsal = Rehearsal(engine, Sandbox(sandboxes))
    tasks = TaskService(
        database, catalog.specs(), TypeChecker(sandboxes), rehearsal, authority, timezone=settings.timezone
    )
    patient = Patient(database, artifacts, vault, settings.home, settings.heartbeat)
    return Services(
        projects=ProjectService(database, authority),
        tasks=tasks,
        runs=RunService(database, authority, engine, artifacts, tasks, rehearsal),
        approvals=ApprovalService(database, authority, engine),
        events=EventService(database, authority, engine),
        secrets=SecretService(database, authority, vault),
        doctor=Doctor(patient, authority, [lambda: _look_at_model(settings)]),
        people=entrance.people,
        sign_in=entrance.sign_in,
        sign_on=entrance.sign_on,
        sessions=entrance.sessions,
        tokens=entrance.tokens,
        members=entrance.members,
        groups=entrance.groups,
        audit=entrance.audit,
        triggers=TriggerService(database, authority),
        backfills=BackfillService(database, authority),
        calendars=CalendarService(database, authority),
        artifacts=ArtifactService(database, authority, artifacts),
        figures=FigureService(database, authority),
    )


def _make_entrance(settings: "Settings", database: "Database", authority: "Authority") -> "Entrance":
    from errands.services.entrance import make_entrance
    from errands.services.identity_provider import Registration
    from errands.services.sessions import Lifetimes

    provider, secret = None, settings.oidc_client_secret
    if settings.oidc_issuer is not None and settings.oidc_client_id is not None:
        shown = None if secret is None else secret.get_secret_value()
        provider = Registration(settings.oidc_issuer, settings.oidc_client_id, shown)
    return make_entrance(
        database,
        authority,
        _key_source(settings),
        Lifetimes(settings.session_idle, settings.session_lifetime),
        provider,
        create_accounts=settings.oidc_create_accounts,
    )


async def _look_at_model(settings: "Settings") -> "Check":
    """Whether the embedded model could answer."""
    from errands.agents.weights import WEIGHTS
    from errands.services.views import Check

    given = settings.embedded_model
    if given is not None and "://" in given:
        return Check(_MODEL, True, f"{given}, fetched when first used")
    weights = settings.home / "models" / WEIGHTS if given is None else Path(given)
    if await asyncio.to_thread(weights.is_file):
        return Check(_MODEL, True, str(weights))
    if given is None:
        return Check(_MODEL, True, "not fetched yet", "It is fetched when first used, or by: errands models pull")
    return Check(_MODEL, False, f"{given} is not a file", "Let ERRANDS_EMBEDDED_MODEL name a GGUF file.")


@asynccontextmanager
async def _working(runtime: Runtime) -> AsyncIterator[None]:
    """Advance runs in the background, and keep house."""
    from errands.background import at_work

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
