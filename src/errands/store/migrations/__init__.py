"""Brings a database to the tables of this release: Alembic's versions for ours, PgQueuer's own for the queue's."""

import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from errands.store.database import Database
from errands.store.errors import StoreUnavailable

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

HEAD = "0019_unneeded_files"
"""The newest file in `versions/`, written here so that looking whether it is reached needs no Alembic."""

_LOCK = 5_377_202_611_230  # any number that no other program takes an advisory lock on


async def upgrade(database: Database) -> bool:
    """Make the tables or bring them to this release; False where they are already there (one query).

    Many processes may call it at once: one works, the others wait for it. Raises StoreUnavailable where the
    database belongs to a newer release or the user may not make tables.
    """
    if await _state(database.pool) == _wanted():
        return False
    async with database.pool.acquire() as connection:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        try:
            if await _state(database.pool) == _wanted():
                return False
            await _upgrade_tables(database)
            await _upgrade_queue(connection)
            return True
        except asyncpg.InsufficientPrivilegeError as error:
            raise _not_allowed(database, error) from error
        finally:
            await connection.execute("select pg_advisory_unlock($1)", _LOCK)


def configuration() -> "Config":
    """Alembic's configuration, with its scripts in this folder."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _wanted() -> tuple[str, str]:
    return HEAD, f"pgqueuer {importlib.metadata.version('pgqueuer')}"


async def _state(pool: asyncpg.Pool) -> tuple[str, str | None] | None:
    """What the database is at: our version, and the release of PgQueuer that made the queue's tables."""
    try:
        row = await pool.fetchrow(
            "select version_num, obj_description('alembic_version'::regclass, 'pg_class') from alembic_version"
        )
    except asyncpg.UndefinedTableError:
        return None
    return None if row is None else (row[0], row[1])


async def is_current(pool: asyncpg.Pool) -> bool:
    """Whether the tables are those of this release (one query)."""
    return await _state(pool) == _wanted()


async def newer_tables(pool: asyncpg.Pool) -> str | None:
    """What the tables are at, where another release has taken them on from this one's; None where they are ours.

    Older ones are being restored: whoever does that brings them up.
    """
    state = await _state(pool)
    if state is None or state == _wanted():
        return None
    version, queue = state
    if version != HEAD:
        return None if is_known(version) else version
    return queue


def is_known(version: str) -> bool:
    """Whether this release can bring tables of a version up to its own."""
    from alembic.script import ScriptDirectory

    return version in {script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()}


async def _upgrade_tables(database: Database) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory
    from sqlalchemy.exc import DBAPIError

    config = configuration()
    state = await _state(database.pool)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if state is not None and state[0] not in known:
        raise StoreUnavailable(
            f"The database {database.shown_url} was last used by a newer release of Errands (tables {state[0]}, "
            f"this release has {HEAD}).",
            "Upgrade Errands to the release that the other workers have.",
        )

    def work(connection: "Connection") -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    try:
        async with database.engine.begin() as connection:
            await connection.run_sync(work)
    except DBAPIError as error:
        cause = error.orig.__cause__ if error.orig else None
        raise cause or error from error


async def _upgrade_queue(connection: asyncpg.Connection) -> None:
    """Make or upgrade PgQueuer's tables, and note its release as the comment of our version table."""
    from pgqueuer.db import AsyncpgDriver
    from pgqueuer.queries import Queries

    queries = Queries(AsyncpgDriver(connection))
    if await queries.schema_is_installed():
        await queries.upgrade()
    else:
        await queries.install()
        await queries.optimize_autovacuum()
    await connection.execute(f"comment on table alembic_version is '{_wanted()[1]}'")


def _not_allowed(database: Database, error: asyncpg.InsufficientPrivilegeError) -> StoreUnavailable:
    return StoreUnavailable(
        f"The tables cannot be made in {database.shown_url}: {error}.",
        "Let the user of ERRANDS_DATABASE_URL own the database: alter database NAME owner to USER",
    )
