"""Makes each part of a process from the settings: database, tools, agents, keys, limits."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from errands.agents import Agents
    from errands.engine.limits import EngineLimits
    from errands.services.keys import KeySource
    from errands.services.views import Check
    from errands.settings import Settings
    from errands.store.database import Database
    from errands.tools.catalog import Catalog
    from errands.tools.hosts import HostPolicy
    from errands.tools.toolbox import Toolbox

_MODEL = "embedded model"


def load_settings() -> "Settings":
    from errands.services.errors import Unavailable
    from errands.settings import Settings, SettingsInvalid

    try:
        return Settings.load()
    except SettingsInvalid as error:
        raise Unavailable(
            "The settings are wrong: " + "; ".join(error.problems), "Correct them and try again."
        ) from None


async def open_database(settings: "Settings", stack: AsyncExitStack) -> "Database":
    """The database with the tables of this release."""
    from errands.store.migrations import upgrade

    database = await connect(settings, stack)
    await upgrade(database)
    return database


async def connect(settings: "Settings", stack: AsyncExitStack) -> "Database":
    """The database as it is."""
    from errands.services.errors import Unavailable
    from errands.store.database import Database

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
    return database


def make_catalog(settings: "Settings") -> "Catalog":
    from errands.tools.builtin import builtin_catalog
    from errands.tools.limits import ToolLimits
    from errands.tools.packages import add_from_packages

    catalog = builtin_catalog(host_policy(settings), ToolLimits(), _postgres_programs)
    catalog.packages = add_from_packages(catalog, settings.tool_packages)
    return catalog


def _postgres_programs() -> Path | None:
    from errands.store.embedded import find_binaries

    return find_binaries()


def host_policy(settings: "Settings") -> "HostPolicy":
    from errands.tools.hosts import HostPolicy

    return HostPolicy(frozenset(settings.allow_private_hosts))


def make_agents(settings: "Settings", database: "Database", toolbox: "Toolbox") -> "Agents":
    from errands.agents.embedded import EmbeddedModel, EmbeddedSettings
    from errands.agents.models import Models
    from errands.agents.workers import AgentDefaults, Agents
    from errands.services.directory import Directory
    from errands.services.pacing import Pacing

    embedded = EmbeddedModel(EmbeddedSettings(settings.home / "models", settings.embedded_model))
    models = Models(embedded=embedded, check_url=_url_check(host_policy(settings)), pace=Pacing(database))
    directory = Directory(database, settings.openai_base_url)
    return Agents(directory, toolbox, models, AgentDefaults(model=settings.default_model))


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


def key_source(settings: "Settings") -> "KeySource":
    from errands.services.keys import KeySource

    key = settings.secret_key
    return KeySource(None if key is None else key.get_secret_value(), settings.key_file)


def engine_limits(settings: "Settings") -> "EngineLimits":
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
        chain=settings.max_chain,
        loop_items=settings.max_loop_items,
        heartbeat=settings.heartbeat,
        grace=settings.shutdown_grace,
        timezone=settings.timezone,
        retention=settings.keep_runs,
    )


async def look_at_model(settings: "Settings") -> "Check":
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
