"""The journal's promises: fenced by epoch, committed in groups, one bad record alone, nothing lost or doubled."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from errands.core.outcomes import RunStatus
from errands.engine.journal import Entry, Journal
from errands.engine.patience import patiently
from errands.engine.records import LeaseLostError, RecordRefusedError
from errands.engine.runs import take
from errands.store.connections import Connection
from errands.store.identifiers import new_id
from errands.store.sql import statement
from tests.engine.workbench import HEAD, Gate, Workbench


def entry(run_id: UUID, path: str, *, epoch: int = 1, output: str | None = "1") -> Entry:
    done = asyncio.get_running_loop().create_future()
    return Entry(run_id, epoch, path, "outcome", "succeeded", None, output, None, None, None, None, None, None, done)


async def taken(bench: Workbench, times: int = 1) -> UUID:
    """A run that was taken so many times."""
    launched = await bench.start(HEAD + "steps: [{tool: noop}]\n")
    for _ in range(times):
        assert await take(bench.pool, launched.run_id, new_id(), bench.clock())
    return launched.run_id


@asynccontextmanager
async def journal(bench: Workbench, **options: int) -> AsyncIterator[Journal]:
    made = Journal(bench.pool, **options)
    made.open()
    try:
        yield made
    finally:
        await made.close()


async def paths(bench: Workbench, run_id: UUID) -> list[str]:
    rows = await bench.pool.fetch("select path from steps where run_id = $1 order by seq", run_id)
    return [row["path"] for row in rows]


async def test_a_record_of_a_stale_epoch_is_refused(bench: Workbench) -> None:
    run_id = await taken(bench, times=2)
    async with journal(bench) as writer:
        with pytest.raises(LeaseLostError):
            await writer.append(entry(run_id, "late", epoch=1))
        await writer.append(entry(run_id, "fresh", epoch=2))
    assert await paths(bench, run_id) == ["fresh"]


Append = Callable[[Connection, Entry], Coroutine[None, None, int]]
"""Writes an entry; how many rows it wrote."""


async def append_as_batch(connection: Connection, made: Entry) -> int:
    columns = (made.run_id, made.epoch, made.path, made.kind, made.status, None, made.output, *[None] * 5)
    rows = await connection.fetch(statement("append_records"), [made.run_id], *([value] for value in columns))
    return len(rows)


async def append_alone(connection: Connection, made: Entry) -> int:
    columns = (made.run_id, made.epoch, made.path, made.kind, made.status, None, made.output, *[None] * 5)
    return int((await connection.execute(statement("append_record"), *columns)).removeprefix("INSERT 0 "))


both_ways = pytest.mark.parametrize("append", [append_as_batch, append_alone])


async def waits_for_a_lock(bench: Workbench, pid: int) -> None:
    async with asyncio.timeout(10):
        while not await bench.pool.fetchval("select pg_blocking_pids($1) <> '{}'", pid):
            await asyncio.to_thread(lambda: None)


@both_ways
async def test_a_takeover_waits_for_a_stale_insert_that_was_first_and_reads_it(
    bench: Workbench, append: Append
) -> None:
    run_id = await taken(bench)
    async with bench.pool.acquire() as stale, bench.pool.acquire() as other:
        transaction = stale.transaction()
        await transaction.start()
        assert await append(stale, entry(run_id, "first")) == 1
        takeover = asyncio.create_task(take(other, run_id, new_id(), bench.clock()))
        await waits_for_a_lock(bench, other.get_server_pid())
        assert not takeover.done()
        await transaction.commit()
        held = await takeover
        read = await paths(bench, run_id)
    assert held is not None
    assert (held.epoch, read) == (2, ["first"])


@both_ways
async def test_a_stale_insert_that_comes_after_the_takeover_has_read_writes_nothing(
    bench: Workbench, append: Append
) -> None:
    run_id = await taken(bench)
    async with bench.pool.acquire() as stale, bench.pool.acquire() as other:
        transaction = other.transaction()
        await transaction.start()
        assert await take(other, run_id, new_id(), bench.clock())
        insert = asyncio.create_task(append(stale, entry(run_id, "late")))
        await waits_for_a_lock(bench, stale.get_server_pid())
        await transaction.commit()
        read = await paths(bench, run_id)
        written = await insert
    assert (read, written) == ([], 0)
    assert await paths(bench, run_id) == []


@both_ways
async def test_a_stale_insert_with_an_old_snapshot_writes_nothing_either(bench: Workbench, append: Append) -> None:
    run_id = await taken(bench)
    async with bench.pool.acquire() as stale, stale.transaction(isolation="repeatable_read"):
        await stale.fetchval("select 1 from runs")
        assert await take(bench.pool, run_id, new_id(), bench.clock())
        with pytest.raises(asyncpg.SerializationError):
            await append(stale, entry(run_id, "late"))
    assert await paths(bench, run_id) == []


async def test_records_that_gather_during_a_commit_are_committed_together(bench: Workbench) -> None:
    run_id = await taken(bench)
    async with journal(bench) as writer:
        await asyncio.gather(*(writer.append(entry(run_id, f"s{n:03}")) for n in range(200)))
        assert writer.batches <= 3
    assert len(await paths(bench, run_id)) == 200


async def test_one_bad_record_fails_alone(bench: Workbench) -> None:
    run_id = await taken(bench)
    async with journal(bench, writers=1) as writer:
        made = [entry(run_id, f"s{n}") for n in range(9)]
        made[4] = entry(run_id, "bad\0path")
        made[6] = entry(run_id, "bad", output="{not json")
        ended = await asyncio.gather(*(writer.append(one) for one in made), return_exceptions=True)
    refused = [number for number, result in enumerate(ended) if result is not None]
    assert refused == [4, 6]
    assert all(isinstance(ended[number], RecordRefusedError) for number in refused)
    assert await paths(bench, run_id) == [f"s{n}" for n in range(9) if n not in (4, 6)]


async def test_one_stale_record_in_a_batch_fails_alone(bench: Workbench) -> None:
    lost, held = await taken(bench, times=2), await taken(bench)
    async with journal(bench, writers=1) as writer:
        made = [entry(held, "a"), entry(lost, "b"), entry(held, "c"), entry(new_id(), "nobody's")]
        ended = await asyncio.gather(*(writer.append(one) for one in made), return_exceptions=True)
    assert [type(result) for result in ended] == [type(None), LeaseLostError, type(None), LeaseLostError]


in_company = pytest.mark.parametrize("company", [(), ("b",)], ids=["alone", "in a batch"])


@in_company
async def test_a_record_sent_again_in_its_own_epoch_counts_as_written_and_is_not_doubled(
    bench: Workbench, company: tuple[str, ...]
) -> None:
    run_id = await taken(bench)
    async with journal(bench) as writer:
        await writer.append(entry(run_id, "a", output='"first"'))
        await asyncio.gather(*(writer.append(entry(run_id, path, output='"again"')) for path in ("a", *company)))
    rows = await bench.pool.fetch("select path, output from steps where run_id = $1 order by seq", run_id)
    assert [(row["path"], row["output"]) for row in rows] == [
        ("a", '"first"'),
        *((path, '"again"') for path in company),
    ]


@in_company
async def test_a_record_that_an_earlier_epoch_wrote_is_not_taken_for_ones_own(
    bench: Workbench, company: tuple[str, ...]
) -> None:
    run_id = await taken(bench)
    async with journal(bench) as writer:
        await writer.append(entry(run_id, "a"))
        assert await take(bench.pool, run_id, new_id(), bench.clock())
        appended = [writer.append(entry(run_id, path, epoch=2)) for path in ("a", *company)]
        ended = await asyncio.gather(*appended, return_exceptions=True)
    assert [type(one) for one in ended] == [LeaseLostError, *(type(None) for _ in company)]


async def test_a_closed_journal_tells_those_who_wait_that_nothing_was_written(bench: Workbench) -> None:
    run_id = await taken(bench)
    writer = Journal(bench.pool)
    late = writer.append(entry(run_id, "a"))
    await writer.close()
    with pytest.raises(LeaseLostError):
        await late


async def test_further_writes_happen_with_their_record_or_not_at_all(bench: Workbench) -> None:
    lost, held = await taken(bench, times=2), await taken(bench)
    ran: list[str] = []
    async with journal(bench, writers=1) as writer:
        made = [entry(lost, "a"), entry(held, "b")]
        for one in made:

            async def also(_: Connection, path: str = one.path) -> None:
                ran.append(path)

            one.also = also
        await asyncio.gather(*(writer.append(one) for one in made), return_exceptions=True)
    assert ran == ["b"]


TEN = HEAD + "steps:\n" + "".join(f"  - {{id: s{n}, tool: step}}\n" for n in range(10))


async def test_cut_connections_lose_and_double_nothing(bench: Workbench) -> None:
    cut = 0

    async def step(arguments: object, context: object) -> int:
        nonlocal cut
        cut += 1
        if cut % 7 == 0:
            await bench.cut_connections()
        return 1

    bench.tools.tools["step"] = step
    task = await bench.apply(TEN)
    runs = [await bench.launch(*task) for _ in range(8)]
    async with bench.working():
        ended = [await bench.ended(launched.run_id) for launched in runs]
    assert [run.status for run in ended] == [RunStatus.SUCCEEDED] * 8
    assert cut == 80, "no step was done twice: the records were kept in memory until they could be written"
    assert await bench.pool.fetchval("select count(*) from steps") == 80


async def test_a_job_whose_answer_was_lost_on_the_way_is_given_back_at_once(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    dequeue, lost = Queries.dequeue, 0

    async def losing_the_first(*given: Any, **named: Any) -> list[Job]:
        nonlocal lost
        picked = await dequeue(*given, **named)
        if picked and not lost:
            lost += 1
            raise ConnectionResetError
        return picked

    monkeypatch.setattr(Queries, "dequeue", losing_the_first)
    bench.tools.tools["step"] = bench.tools.tools["noop"]
    launched = await bench.start(TEN)
    async with bench.working():
        ended = await bench.ended(launched.run_id, seconds=10)  # A third of the heartbeat that it would take else.
    assert (lost, ended.status) == (1, RunStatus.SUCCEEDED)


async def test_a_worker_whose_queue_lost_its_connection_takes_new_runs_while_old_ones_go_on(bench: Workbench) -> None:
    gate = bench.tools.tools["gate"] = Gate()
    bench.tools.tools["step"] = bench.tools.tools["noop"]
    async with bench.working():
        long = await bench.start(HEAD + "steps: [{tool: gate}]\n")
        await gate.entered()
        other_task = await bench.apply(TEN.replace("task: t\n", "task: other\n"))
        await bench.cut_connections()
        other = await patiently(bench.launch, *other_task)
        assert (await bench.ended(other.run_id)).status is RunStatus.SUCCEEDED
        gate.open()
        assert (await bench.ended(long.run_id)).status is RunStatus.SUCCEEDED


async def test_waits_and_wake_ups_survive_cut_connections(bench: Workbench) -> None:
    gate = bench.tools.tools["gate"] = Gate()
    async with bench.working():
        launched = await bench.start(HEAD + "steps: [{parallel: {a: [{tool: gate}], b: [{wait: 1h}]}}]\n")
        await gate.entered()
        await bench.cut_connections()
        await bench.forward(timedelta(hours=1))
        gate.open()
        ended = await bench.ended(launched.run_id)
    assert ended.status is RunStatus.SUCCEEDED
    assert gate.calls == 1
