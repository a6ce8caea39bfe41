"""A million rows to another database by the template `data-migration`: how much longer than a bare COPY does that take?

usage: migration.py [ROWS] [BATCH] [ROUNDS]

Beside the template's run (batches with a checkpoint each, then counts and digests of both sides) stands the least that
a Python program can do: one COPY out of one database into the other, without checkpoints, without a second look. Both
are done in turns, into an empty table each time; the shortest time of each counts.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
from harness import fresh_folder
from measuring import Figure, report

from errands.background import at_work
from errands.bootstrap import Runtime, open_services
from errands.core.outcomes import RunStatus
from errands.services.principals import operator
from errands.settings import Settings
from errands.store.database import Database

ROOT = operator("bench")
PROJECT = "default"
TABLE = "create table customers (id bigint primary key, name text, email text, created_at timestamptz)"
ROWS = """
insert into customers
select n, 'name ' || n, 'customer' || n || '@example.com', timestamptz '2020-01-01' + n * interval '1 s'
from generate_series(1, $1::int) as n
"""
COLUMNS = ("id", "name", "email", "created_at")
TARGET = 4.0


@dataclass(frozen=True)
class Sides:
    """The old and the new database."""

    old: str
    new: str

    async def empty(self) -> None:
        """Nothing on the new side, and neither side busy with what was before."""
        connection = await asyncpg.connect(self.new)
        await connection.execute("truncate customers")
        await connection.execute("checkpoint")
        await connection.close()

    async def count(self) -> int:
        connection = await asyncpg.connect(self.new)
        found: int = await connection.fetchval("select count(*) from customers")
        await connection.close()
        return found


async def main(rows: int, batch: int, rounds: int) -> list[Figure]:
    async with fresh_folder() as home, open_services(Settings.load(home=home), worker=False) as runtime:
        database = await Database.open(None, home, pool_size=2)
        sides = await make_sides(database, rows)
        await database.close()
        await adopt(runtime, sides, batch)
        worker = runtime.engine.worker(concurrency=4)
        async with at_work(worker, runtime.housekeeping, runtime.settings.shutdown_grace):
            bare, whole = [], []
            for number in range(rounds):
                bare.append(await timed_copy(sides, rows))
                whole.append(await timed_run(runtime, sides, rows))
                print(f"round {number + 1}: bare {bare[-1]:.1f} s, migrated and verified {whole[-1]:.1f} s", flush=True)
        name = f"migration of {rows:,} rows in batches of {batch:,}, verified, against a bare COPY"
        return [Figure(name, min(whole), "s", TARGET, min(bare), better="lower")]


async def make_sides(database: Database, rows: int) -> Sides:
    """Two databases on the embedded server, one with the rows."""
    urls = []
    for name in ("old_shop", "new_shop"):
        await database.pool.execute(f"create database {name}")
        urls.append(database.url.replace("/errands?", f"/{name}?"))
    for url in urls:
        connection = await asyncpg.connect(url)
        await connection.execute(TABLE)
        if url == urls[0]:
            await connection.execute(ROWS, rows)
            await connection.execute("vacuum analyze")
        await connection.close()
    return Sides(*urls)


async def adopt(runtime: Runtime, sides: Sides, batch: int) -> None:
    services = runtime.services
    await services.secrets.set(ROOT, PROJECT, "OLD_DB", sides.old)
    await services.secrets.set(ROOT, PROJECT, "NEW_DB", sides.new)
    await services.templates.adopt(ROOT, PROJECT, "data-migration", {"batch": batch}, publish=True)


async def timed_copy(sides: Sides, rows: int) -> float:
    """Seconds of one COPY through this process."""
    await sides.empty()
    old, new = await asyncpg.connect(sides.old), await asyncpg.connect(sides.new)
    chunks: asyncio.Queue[bytes | None] = asyncio.Queue(16)

    async def come() -> AsyncIterator[bytes]:
        while (chunk := await chunks.get()) is not None:
            yield chunk

    async def send() -> None:
        await old.copy_from_query(f"select {', '.join(COLUMNS)} from customers", output=chunks.put)
        await chunks.put(None)

    began = time.perf_counter()
    await asyncio.gather(send(), new.copy_to_table("customers", columns=COLUMNS, source=come()))
    seconds = time.perf_counter() - began
    await old.close()
    await new.close()
    assert await sides.count() == rows
    return seconds


async def timed_run(runtime: Runtime, sides: Sides, rows: int) -> float:
    """Seconds of a run of the template, from its start to its end."""
    await sides.empty()
    ended = asyncio.Event()
    runtime.engine.bus.listen(lambda event: ended.set() if event.kind == "released" else None)
    began = time.perf_counter()
    run = (await runtime.services.runs.start(ROOT, PROJECT, "migrate-table", {"dry_run": False})).id
    while not (view := await runtime.services.runs.get(ROOT, run)).status.final:
        await ended.wait()
        ended.clear()
    seconds = time.perf_counter() - began
    if view.status is not RunStatus.SUCCEEDED or await sides.count() != rows:
        raise RuntimeError(f"the migration came to {view.status}: {view.error}")
    return seconds


if __name__ == "__main__":
    given = [int(value) for value in sys.argv[1:]]
    rows, batch, rounds = (*given, *(1_000_000, 50_000, 3)[len(given) :])
    report(asyncio.run(main(rows, batch, rounds)))
