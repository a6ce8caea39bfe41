"""What leaf steps find around a run: its workspace, its log, its artifacts, and the live view."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

import asyncpg

from errands.core.ids import encode
from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.values import JsonObject
from errands.engine.context import Level
from errands.engine.inputs import bring
from errands.engine.live import LiveBus, LiveEvent
from errands.engine.patience import DATABASE_AWAY, patiently
from errands.engine.session import Session
from errands.store import inputs
from errands.store.connections import Pool

_FLUSH_SECONDS = 0.25
_MOST_LINES = 5_000
_LONGEST_LINE = 10_000


class FileStore(Protocol):
    """Where artifacts lie."""

    async def put_file(self, path: Path) -> tuple[str, int, str]:
        """Keep a file. Gives its reference, size in bytes and SHA-256."""
        ...

    def chunks(self, ref: str) -> AsyncIterator[bytes]:
        """What is kept under a reference, in parts."""
        ...


class Workplace:
    """The `Surroundings` of all runs of a worker."""

    def __init__(self, pool: Pool, files: FileStore, folder: Path, bus: LiveBus, clock: Callable[[], datetime]) -> None:
        self._pool = pool
        self._files = files
        self._folder = folder
        self._bus = bus
        self._clock = clock
        self._lines: list[tuple[UUID, str, str, str, datetime]] = []
        self._flush: asyncio.Task[None] | None = None

    def workspace(self, run_id: str) -> Path:
        folder = self._folder / run_id
        if not folder.exists():
            try:
                folder.mkdir(parents=True, mode=0o700)
            except OSError as error:
                raise StepFailed(
                    ErrorKind.STORAGE,
                    f"the run's workspace cannot be made: {error.strerror}",
                    hint="make room in the Errands home folder",
                ) from error
        return folder

    async def bring_inputs(self, run_id: UUID) -> None:
        files = await patiently(inputs.of_run, self._pool, run_id)
        await bring(self._files, files, self.workspace(encode("run", run_id)))

    def log(self, session: Session, path: str, level: Level, message: str) -> None:
        now, text = self._clock(), message[:_LONGEST_LINE].replace("\0", "\\0")
        if len(self._lines) < _MOST_LINES:
            self._lines.append((session.run.id, path, level, text, now))
        if self._flush is None or self._flush.done():
            self._flush = asyncio.get_running_loop().create_task(self._write_lines())
        if self._bus.observed(session.run.id):
            self._bus.publish(LiveEvent(session.run.id, "log", path, now, text=text, level=level))

    async def _write_lines(self) -> None:
        """Write what has gathered; a line is lost rather than a run held up."""
        await asyncio.sleep(_FLUSH_SECONDS)
        await self.flush()

    async def flush(self) -> None:
        """Write the lines that have gathered."""
        lines, self._lines = self._lines, []
        if not lines:
            return
        with suppress(*DATABASE_AWAY, asyncpg.PostgresError):
            columns = [list(column) for column in zip(*lines, strict=True)]
            await self._pool.execute(
                "insert into log_lines (run_id, path, level, message, logged_at) "
                "select line.run_id, line.path, line.level, line.message, line.logged_at from unnest($1::uuid[], "
                "$2::text[], $3::text[], $4::text[], $5::timestamptz[]) as line (run_id, path, level, message, "
                "logged_at) join runs on runs.id = line.run_id",
                *columns,
            )

    def token(self, session: Session, path: str, text: str) -> None:
        if self._bus.observed(session.run.id):
            self._bus.publish(LiveEvent(session.run.id, "token", path, self._clock(), text=text))

    async def artifact(self, session: Session, step: str, file: Path, *, name: str, media_type: str) -> JsonObject:
        """Keep a file. Its id is that of its step and name, so that a repeated step keeps one artifact, not two."""
        try:
            location, size, digest = await self._files.put_file(file)
        except OSError as error:
            raise StepFailed(
                ErrorKind.STORAGE,
                f"the artifact {name} cannot be kept: {error.strerror or error}",
                hint="make room or bring the artifact store back, then rerun from this step",
            ) from error
        artifact_id = _artifact_id(session.run.id, step, name)
        await patiently(
            self._pool.execute,
            "insert into artifacts (id, run_id, path, name, media_type, size, sha256, location, created_at) "
            "values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (id) do update set "
            "size = excluded.size, sha256 = excluded.sha256, location = excluded.location",
            artifact_id,
            session.run.id,
            step,
            name,
            media_type,
            size,
            digest,
            location,
            self._clock(),
        )
        return {
            "artifact": encode("artifact", artifact_id),
            "name": name,
            "size": size,
            "media_type": media_type,
            "sha256": digest,
        }


def _artifact_id(run_id: UUID, step: str, name: str) -> UUID:
    """In the order of runs, and the same for the same step and name."""
    tail = hashlib.blake2b(f"{run_id}/{step}/{name}".encode(), digest_size=8).digest()
    return UUID(bytes=run_id.bytes[:8] + bytes([tail[0] & 0x3F | 0x80]) + tail[1:])
