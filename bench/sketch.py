"""The bare limit of the engine: queue, fence and group commit, and nothing else.

No definition, no replay, no redaction, no admission: a job is taken, ten constant records are appended, the run is
closed. What the engine adds to this is its price.
"""

import asyncio
import json
import time
import uuid
from datetime import UTC, datetime

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

TABLES = """
create table if not exists sketch_runs (
    id uuid primary key, status text not null, epoch int not null default 0, finished_at timestamptz
);
create table if not exists sketch_steps (
    run_id uuid not null, path text not null, status text not null, input json, output json,
    started_at timestamptz, finished_at timestamptz, primary key (run_id, path)
);
"""
APPEND = """
with held as (select id, epoch from sketch_runs where id = any($1::uuid[]) order by id for share)
insert into sketch_steps (run_id, path, status, input, output, started_at, finished_at)
select held.id, entry.path, 'succeeded', entry.input, entry.output, entry.began, entry.ended
from unnest($1::uuid[], $2::int[], $3::text[], $4::json[], $5::json[], $6::timestamptz[], $7::timestamptz[])
     as entry (run_id, epoch, path, input, output, began, ended)
join held on held.id = entry.run_id and held.epoch = entry.epoch
on conflict do nothing
returning run_id, path
"""
Line = tuple[uuid.UUID, int, str, str, str, datetime, datetime]


class Writer:
    """Commits whatever has gathered while the last commit ran."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._pending: list[tuple[Line, asyncio.Future[None]]] = []
        self._more = asyncio.Event()

    async def append(self, line: Line) -> None:
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((line, written))
        self._more.set()
        await written

    async def work(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            batch, self._pending = self._pending, []
            if not batch:
                continue
            columns = [list(column) for column in zip(*(line for line, _ in batch), strict=True)]
            async with self._pool.acquire() as connection:
                rows = {(row[0], row[1]) for row in await connection.fetch(APPEND, *columns)}
            for line, written in batch:
                if (line[0], line[2]) in rows and not written.done():
                    written.set_result(None)


async def run_sketch(url: str, runs: int, steps: int, at_once: int) -> float:
    """Steps per second of the sketch, on sixteen connections of its own."""
    async with asyncpg.create_pool(url, min_size=16, max_size=16) as pool:
        return await _run(pool, runs, steps, at_once)


async def _run(pool: asyncpg.Pool, runs: int, steps: int, at_once: int) -> float:
    await pool.execute(TABLES)
    ids = [uuid.uuid4() for _ in range(runs)]
    async with pool.acquire() as connection:
        await connection.executemany("insert into sketch_runs (id, status) values ($1, 'queued')", [(i,) for i in ids])
    await Queries(AsyncpgPoolDriver(pool)).enqueue(["sketch"] * runs, [i.bytes for i in ids], [0] * runs)
    writer, left, finished = Writer(pool), runs, asyncio.Event()
    writers = [asyncio.create_task(writer.work()) for _ in range(2)]
    queue = PgQueuer(AsyncpgPoolDriver(pool))

    @queue.entrypoint("sketch")
    async def advance(job: Job) -> None:
        nonlocal left
        run_id = uuid.UUID(bytes=job.payload or b"")
        epoch = await pool.fetchval(
            "update sketch_runs set status = 'running', epoch = epoch + 1 where id = $1 returning epoch", run_id
        )
        for number in range(steps):
            now, output = datetime.now(UTC), json.dumps({"i": number, "v": "x" * 50})
            await writer.append((run_id, epoch, f"s{number}", '{"a": 1}', output, now, now))
        await pool.execute(
            "update sketch_runs set status = 'succeeded', finished_at = now() where id = $1 and epoch = $2",
            run_id,
            epoch,
        )
        left -= 1
        if left == 0:
            finished.set()

    began = time.perf_counter()
    working = asyncio.create_task(queue.run(batch_size=max(at_once // 4, 1), max_concurrent_tasks=max(at_once, 2)))
    waiting = asyncio.create_task(finished.wait())
    await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    taken = time.perf_counter() - began
    queue.shutdown.set()
    await working
    for task in writers:
        task.cancel()
    return runs * steps / taken
