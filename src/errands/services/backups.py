"""Backups: everything that Errands remembers, in one file. `restoring` brings it back."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

from errands.core.access import Principal, ServerResource, Verb
from errands.core.values import JsonObject
from errands.services.archive_file import ARTIFACTS, DATABASE, KEYS, ArchiveWriter, new_manifest, spooled
from errands.services.authority import Authority
from errands.services.keys import KeySource
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database
from errands.store.dumps import dump, fingerprints, snapshot
from errands.store.migrations import HEAD


@dataclass(frozen=True, slots=True)
class BackupMade:
    """What a backup holds."""

    file: str
    size: int
    """Bytes."""
    release: str
    made_at: datetime
    rows: int
    artifacts: int
    has_keys: bool
    """Whether whoever has the file can read the secrets in it."""
    key_ids: tuple[str, ...]
    """Names of the keys that its secrets need, if it does not hold them."""


class BackupService:
    """Makes backups while everything goes on."""

    def __init__(self, database: Database, authority: Authority, artifacts: ArtifactStore, keys: KeySource) -> None:
        self._database = database
        self._authority = authority
        self._artifacts = artifacts
        self._keys = keys

    async def make(self, caller: Principal, target: Path, *, with_keys: bool = False) -> BackupMade:
        """Write a new file, readable by its owner alone: the database as it is at one moment, the artifacts, a manifest
        with digests; with `with_keys` also the keys, which open every secret to whoever has the file.

        Raises Denied, Invalid (the file is there, or cannot be written), Unavailable.
        """
        resource = ServerResource("backup", target.name)
        await self._authority.authorise(caller, Verb.BACKUP_MAKE, resource)
        writer = ArchiveWriter(target)
        try:
            made = await self._write(writer, target, with_keys=with_keys)
        except BaseException:
            writer.discard()
            raise
        detail: JsonObject = {"size": made.size, "artifacts": made.artifacts, "with_keys": with_keys}
        async with self._database.engine.begin() as connection:
            await self._authority.record(connection, caller, Verb.BACKUP_MAKE, resource, detail)
        return made

    async def passing(self, caller: Principal) -> AbstractAsyncContextManager[tuple[Path, BackupMade]]:
        """A backup without keys that is there for as long as the block lasts. Raises Denied; in it Unavailable."""
        await self._authority.authorise(caller, Verb.BACKUP_MAKE, ServerResource("backup"))
        return self._passing(caller)

    @asynccontextmanager
    async def _passing(self, caller: Principal) -> AsyncIterator[tuple[Path, BackupMade]]:
        with tempfile.TemporaryDirectory(prefix="errands-backup-") as folder:
            target = Path(folder) / "errands-backup.tar"
            yield target, await self.make(caller, target)

    async def _write(self, writer: ArchiveWriter, target: Path, *, with_keys: bool) -> BackupMade:
        # Beside the target: there is room for the file, and it may hold more than the folder for passing things.
        with tempfile.TemporaryDirectory(prefix=".errands-backup-", dir=target.parent) as folder:
            dumped = Path(folder) / DATABASE
            async with self._database.pool.acquire() as connection, snapshot(connection) as moment:
                await dump(self._database.url, dumped, moment)
                tables = await fingerprints(connection)
                rows = await connection.fetch("select distinct key_id from secrets order by 1")
            key_ids = tuple(row["key_id"] for row in rows)
            with dumped.open("rb") as content:
                await asyncio.to_thread(writer.add, DATABASE, content, dumped.stat().st_size)
        artifacts = await self._add_artifacts(writer)
        if with_keys:
            text = "".join(f"{key.text}\n" for key in self._keys.load()).encode()
            await asyncio.to_thread(writer.add, KEYS, BytesIO(text), len(text))
        manifest = new_manifest(version("errands"), HEAD, tables, writer.members, key_ids)
        size = await asyncio.to_thread(writer.finish, manifest)
        count = sum(table.rows for table in tables.values())
        return BackupMade(str(target), size, manifest.release, manifest.made_at, count, artifacts, with_keys, key_ids)

    async def _add_artifacts(self, writer: ArchiveWriter) -> int:
        count = 0
        for ref in await self._artifacts.names():
            with spooled() as content:
                try:
                    async for chunk in self._artifacts.chunks(ref):
                        content.write(chunk)
                except FileNotFoundError:
                    continue  # The keeper has removed its run meanwhile.
                size = content.tell()
                content.seek(0)
                await asyncio.to_thread(writer.add, ARTIFACTS + ref, content, size)
            count += 1
        return count
