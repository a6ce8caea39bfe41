"""Files that runs begin with. They lie in the artifact store, with a row among the artifacts of their run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from errands.store.connections import Connection, Pool
from errands.store.identifiers import new_id

OF_TRIGGER = "trigger"
"""In the place of a step's path; no step can have this id."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that is kept, and its place in the run's workspace."""

    path: str
    """Such as `inputs/invoice.pdf`."""
    media_type: str
    size: int
    sha256: str
    location: str
    """Its name in the artifact store."""


async def put(connection: Connection, run_id: UUID, files: Sequence[InputFile], now: datetime) -> None:
    """Give a run its files, in the transaction that starts it."""
    ids = sorted(new_id() for _ in files)  # Rows are shown in the order of their ids.
    await connection.executemany(
        "insert into artifacts (id, run_id, path, name, media_type, size, sha256, location, created_at) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        [
            (file_id, run_id, OF_TRIGGER, file.path, file.media_type, file.size, file.sha256, file.location, now)
            for file_id, file in zip(ids, files, strict=True)
        ],
    )


async def copy(connection: Connection, earlier: UUID, run_id: UUID) -> None:
    """Give a rerun the files of the run that it repeats; both share what lies in the artifact store."""
    rows = await connection.fetch(
        "select name, media_type, size, sha256, location, created_at from artifacts where run_id = $1 and path = $2",
        earlier,
        OF_TRIGGER,
    )
    for row in rows:
        file = InputFile(row["name"], row["media_type"], row["size"], row["sha256"], row["location"])
        await put(connection, run_id, [file], row["created_at"])


async def of_run(pool: Pool, run_id: UUID) -> list[InputFile]:
    """The files that a run begins with. Index: ix_artifacts_run."""
    rows = await pool.fetch(
        "select name, media_type, size, sha256, location from artifacts where run_id = $1 and path = $2 order by id",
        run_id,
        OF_TRIGGER,
    )
    return [InputFile(row["name"], row["media_type"], row["size"], row["sha256"], row["location"]) for row in rows]
