"""Files that nobody needs any more: noted in the transaction that lets go of them, until they are gone.

A process that dies between its commit and the removal, or a store that is away then, leaves none behind: the keeper
removes what is still noted.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.store.connections import Connection, Pool
from errands.store.tables import unneeded_files


async def note(connection: Connection, refs: Sequence[str]) -> None:
    """Keep the names of the files, in the transaction that lets go of them."""
    if refs:
        await connection.execute(
            "insert into unneeded_files (ref) select distinct unnest($1::text[]) on conflict do nothing", list(refs)
        )


async def note_in(connection: AsyncConnection, refs: Sequence[str]) -> None:
    """The same in a transaction of a service's."""
    if refs:
        rows = [{"ref": ref} for ref in dict.fromkeys(refs)]
        await connection.execute(insert(unneeded_files).values(rows).on_conflict_do_nothing())


async def expect(pool: Pool, refs: Sequence[str], until: datetime) -> None:
    """Note files that are about to be kept: whoever gives them an owner by `until` takes the note away again."""
    await pool.execute(
        "insert into unneeded_files (ref, noted_at) select ref, $2 from unnest($1::text[]) as ref", list(refs), until
    )


async def needed(connection: Connection, refs: Sequence[str]) -> None:
    """Take notes away, in the transaction that gives the files their owner."""
    await connection.execute("delete from unneeded_files where ref = any($1)", list(refs))


async def gone(pool: Pool, refs: Sequence[str]) -> None:
    """They are removed."""
    await pool.execute("delete from unneeded_files where ref = any($1)", list(refs))


async def left(pool: Pool, before: datetime, limit: int) -> list[str]:
    """Up to `limit` files that were let go of before a moment, and have not been removed since; oldest first."""
    rows = await pool.fetch(
        "select ref from unneeded_files where noted_at < $1 order by noted_at limit $2", before, limit
    )
    return [row["ref"] for row in rows]
