"""Rows from one Postgres to another without passing through the record: COPY on both sides, one transaction each.

What the source sends is handed on as it comes, in PostgreSQL's text form, so types need only be able to read each
other's text, and memory holds a few chunks whatever the number of rows.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import asyncpg

from errands.core.outcomes import StepFailed
from errands.tools.refusal import Refusal
from errands.tools.sql_postgres import Postgres, database_errors, prepared, values_of
from errands.tools.sql_statement import Statement

if TYPE_CHECKING:
    from asyncpg import Connection

Mode = Literal["insert", "upsert", "add", "prune"]

_STAGE = "errands_copy"
_UNIQUE = """
select exists (
    select 1 from pg_index as one
    where one.indrelid = $1::text::regclass and one.indisunique and one.indimmediate and one.indisvalid
    and one.indpred is null and one.indexprs is null and $2::text[] = (
        select array_agg(attname::text order by attname::text collate "C") from pg_attribute
        where attrelid = one.indrelid and attnum = any((one.indkey::int2[])[0:one.indnkeyatts - 1])
    )
)
"""
"""Whether these columns (in order) are those of a unique index: only then does a row that is there stop a COPY."""
_CHUNKS_AHEAD = 16


@dataclass(frozen=True, slots=True)
class Copy:
    """What to copy where."""

    statement: Statement
    """Gives the rows, in the source."""
    table: Sequence[str]
    """In the target: name, or schema and name."""
    mode: Mode
    key: Sequence[str]
    """Columns that name a row."""


@dataclass(slots=True)
class Copied:
    """What came of it."""

    rows: int = 0
    """That the source gave."""
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    bytes: int = 0
    """Of the rows, as text."""


async def copy_rows(source: Postgres, target: Postgres, copy: Copy) -> Copied:
    """Copy in one transaction of the target: wholly, or not at all. Raises Refusal, StepFailed."""
    seconds = copy.statement.seconds
    with _side("source"):
        async with source.transaction(seconds, readonly=True) as reading:
            query, names = await prepared(reading, copy.statement)
            values = values_of(query, names, copy.statement.params[0])
            columns = [attribute.name for attribute in query.get_attributes()]
            _check(columns, copy)
            with _side("target"):
                async with target.transaction(seconds, readonly=False) as writing:
                    passage = _Passage(reading, writing, copy, columns)
                    return await passage.passed(query.get_query().rstrip().rstrip(";"), values)


class _RowIsThereError(Exception):
    """A row of this key is in the table already."""


class _Passage:
    """One copy, with a transaction open on either side."""

    def __init__(self, reading: "Connection", writing: "Connection", copy: Copy, columns: Sequence[str]) -> None:
        self._reading = reading
        self._writing = writing
        self._copy = copy
        self._columns = columns
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(_CHUNKS_AHEAD)
        self._copied = Copied()
        self._tentative = False
        """A row that is there already is no error: then it goes another way."""

    async def passed(self, query: str, values: Sequence[object]) -> Copied:
        """Hand all rows over, then put them where they belong."""
        if self._copy.mode == "insert" or await self._all_new(query, values):
            if self._copy.mode == "insert":
                await self._hand_over(query, values, staged=False)
            self._copied.inserted = self._copied.rows
            return self._copied
        await self._writing.execute(
            f"create temp table {_STAGE} on commit drop as "
            f"select {_listed(self._columns)} from {_dotted(self._copy.table)} with no data"
        )
        await self._hand_over(query, values, staged=True)
        await (self._prune() if self._copy.mode == "prune" else self._merge())
        return self._copied

    async def _all_new(self, query: str, values: Sequence[object]) -> bool:
        """Copy as if no row were there yet, which takes half the time; False where one is, and nothing was done."""
        if self._copy.mode == "prune" or not await self._writing.fetchval(
            _UNIQUE, _dotted(self._copy.table), sorted(self._copy.key)
        ):
            return False
        self._tentative = True
        try:
            async with self._reading.transaction(), self._writing.transaction():
                await self._hand_over(query, values, staged=False)
        except _RowIsThereError:
            self._chunks, self._copied = asyncio.Queue(_CHUNKS_AHEAD), Copied()
            return False
        finally:
            self._tentative = False
        return True

    async def _hand_over(self, query: str, values: Sequence[object], *, staged: bool) -> None:
        try:
            async with asyncio.TaskGroup() as both:
                sending = both.create_task(self._send(query, values))
                both.create_task(self._take(staged=staged))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None  # The one that began: the other was cancelled for it.
        self._copied.rows = int(sending.result().split()[-1])

    async def _send(self, query: str, values: Sequence[object]) -> str:
        with _side("source"), database_errors(self._copy.statement.seconds):
            status: str = await self._reading.copy_from_query(query, *values, output=self._put)
            await self._chunks.put(None)
            return status

    async def _put(self, chunk: bytes) -> None:
        self._copied.bytes += len(chunk)
        await self._chunks.put(chunk)

    async def _take(self, *, staged: bool) -> None:
        *schema, name = (_STAGE,) if staged else self._copy.table
        with _side("target"), database_errors(self._copy.statement.seconds):
            try:
                await self._writing.copy_to_table(
                    name, schema_name=schema[0] if schema else None, columns=self._columns, source=self._come()
                )
            except asyncpg.UniqueViolationError:
                if self._tentative:
                    raise _RowIsThereError from None
                raise

    async def _come(self) -> AsyncIterator[bytes]:
        while (chunk := await self._chunks.get()) is not None:
            yield chunk

    async def _merge(self) -> None:
        """New rows are inserted, others updated where they differ; `add` leaves those as they are."""
        names, key = _listed(self._columns), _listed(self._copy.key)
        rest = [column for column in self._columns if column not in self._copy.key]
        act = "nothing"
        if self._copy.mode == "upsert" and rest:
            now, then = (", ".join(f"{side}.{_quoted(column)}" for column in rest) for side in ("present", "excluded"))
            setting = ", ".join(f"{_quoted(column)} = excluded.{_quoted(column)}" for column in rest)
            # As text, for a column may have a type without equality, such as json.
            act = f"update set {setting} where row({now})::text is distinct from row({then})::text"
        said = await self._writing.fetchrow(
            f"with put as (insert into {_dotted(self._copy.table)} as present ({names}) select {names} from {_STAGE} "
            f"on conflict ({key}) do {act} returning xmax = 0 as fresh) "
            "select count(*) filter (where fresh) as fresh, count(*) filter (where not fresh) as changed from put"
        )
        assert said is not None
        self._copied.inserted, self._copied.updated = said["fresh"], said["changed"]

    async def _prune(self) -> None:
        if self._copied.rows == 0:
            raise Refusal(
                "input",
                f"the query gave no key that stays, and all of {'.'.join(self._copy.table)} would be deleted",
                "if that is meant, delete the rows with sql.execute",
            )
        await self._writing.execute(f"analyze {_STAGE}")
        same = " and ".join(f"stays.{_quoted(column)} = present.{_quoted(column)}" for column in self._copy.key)
        status = await self._writing.execute(
            f"delete from {_dotted(self._copy.table)} as present "
            f"where not exists (select 1 from {_STAGE} as stays where {same})"
        )
        self._copied.deleted = int(status.split()[-1])


def _check(columns: Sequence[str], copy: Copy) -> None:
    if not columns:
        raise Refusal("input", "the statement gives no rows", "write a select")
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise Refusal("input", f"the query gives two columns {twice!r}", "name one of them with `as`")
    missing = [name for name in copy.key if name not in columns]
    if missing:
        raise Refusal("input", f"key names {missing[0]!r}, which is no column of the query ({', '.join(columns)})")
    if copy.mode != "insert" and not copy.key:
        raise Refusal("input", f"mode {copy.mode} needs the key: the columns that name a row", "such as key: [id]")


@contextmanager
def _side(name: str) -> Iterator[None]:
    """Errors say on which side they came."""
    try:
        yield
    except Refusal as refusal:
        raise Refusal(refusal.kind, _told(name, refusal.message), refusal.hint) from None
    except StepFailed as failure:
        error = failure.error
        raise StepFailed(error.kind, _told(name, error.message), hint=error.hint) from None


def _told(side: str, message: str) -> str:
    return message if message.startswith(("source: ", "target: ")) else f"{side}: {message}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(_quoted, names))


def _dotted(names: Sequence[str]) -> str:
    return ".".join(map(_quoted, names))
