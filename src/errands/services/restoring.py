"""Brings a backup back. It is done at the machine, before there is anybody to ask for a right: by whoever owns it."""

import asyncio
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from errands.core.access import Principal, ServerResource, Verb
from errands.core.values import JsonObject
from errands.services.archive_file import DATABASE, KEYS, ArchiveReader
from errands.services.authority import entry_of
from errands.services.errors import Conflict, Invalid
from errands.services.keys import KeySource
from errands.store import audit
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database
from errands.store.dumps import is_empty, load
from errands.store.migrations import HEAD, is_known, upgrade


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore has brought back."""

    file: str
    release: str
    """Release of Errands that made the backup."""
    made_at: datetime
    rows: int
    artifacts: int
    keys: int
    """Keys that were added to the key file."""
    missing_keys: tuple[str, ...]
    """Names of keys that stored secrets need and that are not at hand."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a backup is brought back to."""

    database: Database
    artifacts: ArtifactStore
    keys: KeySource
    heartbeat: timedelta
    """A worker that was not seen for this long counts as gone."""


async def restore(caller: Principal, target: Target, file: Path, *, replace: bool) -> Restored:
    """Make the database, the artifacts and, if they are in the file, the keys what the backup holds.

    The whole file is compared with its digests first; the database changes wholly or not at all, and each table's
    fingerprint is compared before it does. Jobs of workers that were alive are given out anew by the keeper.
    Raises Invalid (no backup, damaged, of a newer release), Conflict (there is something already and `replace` is not
    given; a worker is at work), Unavailable.
    """
    reader = await asyncio.to_thread(ArchiveReader, file)
    try:
        manifest = reader.manifest
        if not is_known(manifest.tables_version):
            raise Invalid(
                f"{file} was made by Errands {manifest.release}, which is newer (tables {manifest.tables_version}, "
                f"this release has {HEAD}).",
                "Upgrade Errands first.",
            )
        await asyncio.to_thread(reader.check)
        await _check_target(target, replace=replace)
        artifacts = await _restore_artifacts(reader, target.artifacts)
        keys = target.keys.add(_keys_in(reader)) if manifest.has_keys else 0
        await _restore_database(reader, target.database, replace=replace)
        await upgrade(target.database)
    finally:
        reader.close()
    detail: JsonObject = {"made_at": manifest.made_at.isoformat(), "release": manifest.release, "replace": replace}
    entry = entry_of(caller, Verb.BACKUP_RESTORE, ServerResource("backup", file.name), detail, "done")
    await audit.write_in(target.database.pool, entry)
    return Restored(
        str(file),
        manifest.release,
        manifest.made_at,
        sum(table.rows for table in manifest.tables.values()),
        artifacts,
        keys,
        _missing(target.keys, manifest.key_ids),
    )


async def _check_target(target: Target, *, replace: bool) -> None:
    async with target.database.pool.acquire() as connection:
        if await is_empty(connection):
            return
        if not replace:
            raise Conflict(
                f"The database {target.database.shown_url} holds something already.",
                "Restore into a new ERRANDS_HOME or an empty database, or give --replace: what is there is lost then.",
            )
        try:
            alive = await connection.fetchval(
                "select count(*) from workers where seen_at > $1", datetime.now(UTC) - target.heartbeat
            )
        except asyncpg.UndefinedTableError:
            alive = 0
    if alive:
        raise Conflict(
            f"{alive} worker{'s are' if alive > 1 else ' is'} at work on this database.",
            f"Stop them, and wait {target.heartbeat.total_seconds():.0f} seconds if they were killed.",
        )


async def _restore_artifacts(reader: ArchiveReader, store: ArtifactStore) -> int:
    refs = reader.artifacts()
    for ref in refs:
        await store.put_back(ref, reader.chunks(f"artifacts/{ref}"))
    return len(refs)


async def _restore_database(reader: ArchiveReader, database: Database, *, replace: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="errands-restore-") as folder:
        dumped = Path(folder) / DATABASE
        await asyncio.to_thread(_extract, reader, dumped)
        await load(database.url, dumped, reader.manifest.tables, replace=replace)
    # The connections that are open know statements of tables that are gone.
    await database.pool.expire_connections()
    if "engine" in database.__dict__:
        await database.engine.dispose()


def _extract(reader: ArchiveReader, target: Path) -> None:
    with target.open("wb") as file:
        for chunk in reader.chunks(DATABASE):
            file.write(chunk)


def _keys_in(reader: ArchiveReader) -> list[str]:
    return b"".join(reader.chunks(KEYS)).decode().split()


def _missing(keys: KeySource, wanted: tuple[str, ...]) -> tuple[str, ...]:
    if not wanted:
        return ()
    at_hand = {key.id for key in keys.load()}
    return tuple(one for one in wanted if one not in at_hand)
