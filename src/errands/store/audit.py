"""The audit log: written in the transaction of what it tells, read by filters, chained by the sealer."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Select, Text, cast, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.audit_chain import Entry, Head, Link, seal
from errands.core.values import JsonObject, to_text
from errands.store.connections import Connection, Pool, Row
from errands.store.rows import fetch_all
from errands.store.tables_people import audit_entries

Outcome = Literal["done", "denied", "failed"]

_ENTRY = "seq, at, actor, actor_kind, actor_id, verb, noun, name, project, outcome, detail::text as detail"
_SEALER_LOCK = 7_402


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What is to be kept."""

    actor: str
    actor_kind: str
    actor_id: str
    verb: str
    noun: str
    name: str
    project: str | None
    outcome: Outcome
    detail: JsonObject


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries; None stands for all."""

    actor: str | None = None
    verb: str | None = None
    noun: str | None = None
    name: str | None = None
    project: str | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None


async def write(connection: AsyncConnection, entry: NewEntry) -> None:
    """Keep an entry, if and when the connection's transaction commits."""
    await connection.execute(insert(audit_entries).values(**asdict(entry)))


async def write_in(connection: Connection | Pool, entry: NewEntry) -> None:
    """The same in a transaction of the engine's; with a pool, at once."""
    await connection.execute(
        "insert into audit_entries (actor, actor_kind, actor_id, verb, noun, name, project, outcome, detail) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        *values_of(entry),
    )


def values_of(entry: NewEntry) -> tuple[str | None, ...]:
    """What a statement keeps of an entry, in the order of its columns."""
    return (
        entry.actor,
        entry.actor_kind,
        entry.actor_id,
        entry.verb,
        entry.noun,
        entry.name,
        entry.project,
        entry.outcome,
        to_text(entry.detail),
    )


async def write_many(connection: Connection, entries: Sequence[NewEntry]) -> None:
    """The same for many at once, in the order given."""
    rows = [values_of(entry) for entry in entries]
    await connection.execute(
        "insert into audit_entries (actor, actor_kind, actor_id, verb, noun, name, project, outcome, detail) "
        "select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], "
        "$8::text[], $9::json[])",
        *(list(column) for column in zip(*rows, strict=True)),
    )


async def newest(connection: AsyncConnection, wanted: Filter, before: int | None, limit: int) -> list[Entry]:
    """Entries newest first, before the entry `before`."""
    query = _entries(wanted).order_by(audit_entries.c.seq.desc()).limit(limit)
    return await fetch_all(connection, Entry, query if before is None else query.where(audit_entries.c.seq < before))


async def from_oldest(connection: AsyncConnection, wanted: Filter, after: int, limit: int) -> list[Entry]:
    """Entries oldest first, after the entry `after`."""
    query = _entries(wanted).where(audit_entries.c.seq > after).order_by(audit_entries.c.seq).limit(limit)
    return await fetch_all(connection, Entry, query)


async def seal_next(connection: Connection, limit: int) -> int:
    """Chain up to `limit` entries, in the connection's transaction; gives how many. 0 also while another one seals.

    Entries are chained in the order in which they are found: one that commits late gets a later place.
    """
    if not await connection.fetchval("select pg_try_advisory_xact_lock($1)", _SEALER_LOCK):
        return 0
    rows = await connection.fetch(
        "with taken as (delete from audit_unsealed where seq in "
        "(select seq from audit_unsealed order by seq limit $1) returning seq) "
        f"select {_ENTRY} from audit_entries where seq in (select seq from taken) order by seq",
        limit,
    )
    current, seals = await head(connection), []
    for row in rows:
        entry = _entry(row)
        current = seal(current, entry)
        seals.append((current.position, entry.seq, current.hash))
    await connection.executemany("insert into audit_seals (position, seq, hash) values ($1, $2, $3)", seals)
    return len(seals)


async def head(connection: Connection | Pool) -> Head:
    """The newest place of the chain."""
    row = await connection.fetchrow("select position, hash from audit_seals order by position desc limit 1")
    return Head() if row is None else Head(row["position"], row["hash"])


async def hash_at(connection: Connection | Pool, position: int) -> bytes | None:
    """The hash at a place of the chain."""
    found: bytes | None = await connection.fetchval("select hash from audit_seals where position = $1", position)
    return found


async def links(pool: Pool, size: int = 2_000) -> AsyncIterator[Sequence[Link]]:
    """The whole chain from its beginning, in batches."""
    after = 0
    while True:
        rows = await pool.fetch(
            "select audit_seals.position, audit_seals.seq as sealed_seq, audit_seals.hash, audit_entries.*, "
            "audit_entries.detail::text as detail_text from audit_seals "
            "left join audit_entries on audit_entries.seq = audit_seals.seq "
            "where position > $1 order by position limit $2",
            after,
            size,
        )
        if not rows:
            return
        yield [_link(row) for row in rows]
        after = rows[-1]["position"]


async def first_never_sealed(pool: Pool) -> int | None:
    """The first entry that is neither in the chain nor waiting for its place: somebody took it out."""
    found: int | None = await pool.fetchval(
        "select min(seq) from audit_entries "
        "where not exists (select from audit_seals where audit_seals.seq = audit_entries.seq) "
        "and not exists (select from audit_unsealed where audit_unsealed.seq = audit_entries.seq)"
    )
    return found


def _entries(wanted: Filter) -> Select[tuple[object, ...]]:
    columns = audit_entries.c
    own = [columns[name] for name in Entry.__dataclass_fields__ if name != "detail"]
    query: Select[tuple[object, ...]] = select(*own, cast(columns.detail, Text).label("detail"))
    same: Mapping[str, str | None] = {
        name: getattr(wanted, name) for name in ("actor", "verb", "noun", "name", "project", "outcome")
    }
    query = query.where(*(columns[name] == value for name, value in same.items() if value is not None))
    if wanted.since is not None:
        query = query.where(columns.at >= wanted.since)
    return query if wanted.until is None else query.where(columns.at < wanted.until)


def _entry(row: Row, *, detail: str = "detail") -> Entry:
    return Entry(
        seq=row["seq"],
        at=row["at"],
        actor=row["actor"],
        actor_kind=row["actor_kind"],
        actor_id=row["actor_id"],
        verb=row["verb"],
        noun=row["noun"],
        name=row["name"],
        project=row["project"],
        outcome=row["outcome"],
        detail=row[detail],
    )


def _link(row: Row) -> Link:
    entry = None if row["seq"] is None else _entry(row, detail="detail_text")
    return Link(row["position"], row["sealed_seq"], row["hash"], entry)
