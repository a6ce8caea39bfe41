"""Asks that come together go to the database together, and each has an answer of its own."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from errands.core.outcomes import RunStatus
from errands.engine.gathering import Gathering
from tests.engine.workbench import HEAD, Workbench


class Desk:
    """Answers with ten times what was asked, and remembers the batches; refuses any batch with a 13 in it."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.asked = asyncio.Event()
        self.gathering = Gathering(self._together, lambda asked: asked % 100)

    async def _together(self, asked: Sequence[int]) -> list[int]:
        self.batches.append(list(asked))
        self.asked.set()
        await asyncio.sleep(0)
        if 13 in asked:
            raise asyncpg.DataError("13")
        return [10 * one for one in asked]


async def test_what_comes_in_while_a_statement_is_under_way_goes_together_in_the_next() -> None:
    desk = Desk()
    first = asyncio.create_task(desk.gathering.ask(1))
    await desk.asked.wait()
    answers = await asyncio.gather(first, *(desk.gathering.ask(n) for n in (2, 3, 4)))
    assert answers == [10, 20, 30, 40]
    assert desk.batches == [[1], [2, 3, 4]]


async def test_asks_about_the_same_thing_never_share_a_statement() -> None:
    desk = Desk()
    assert await asyncio.gather(*(desk.gathering.ask(n) for n in (1, 101, 2, 201))) == [10, 1010, 20, 2010]
    assert desk.batches == [[1, 2], [101], [201]]


async def test_one_that_is_refused_harms_no_other() -> None:
    desk = Desk()
    answers = await asyncio.gather(*(desk.gathering.ask(n) for n in (1, 13, 2)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [int, asyncpg.DataError, int]
    with pytest.raises(asyncpg.DataError):
        await desk.gathering.ask(13)
    assert await desk.gathering.ask(3) == 30


async def test_what_may_not_be_done_twice_is_not_asked_again_when_the_database_goes_away() -> None:
    batches: list[list[int]] = []

    async def cut_off(asked: Sequence[int]) -> list[int]:
        batches.append(list(asked))
        raise asyncpg.ConnectionDoesNotExistError("cut off")

    gathering: Gathering[int, int] = Gathering(cut_off, lambda asked: asked, patient=False)
    answers = await asyncio.gather(*(gathering.ask(n) for n in (1, 2)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [asyncpg.ConnectionDoesNotExistError] * 2
    assert batches == [[1, 2]]


async def test_a_run_that_a_frozen_worker_has_locked_keeps_no_other_run_waiting(bench: Workbench) -> None:
    task = await bench.apply(HEAD + "steps: [{tool: noop}]\n")
    stuck, *others = [(await bench.launch(*task)).run_id for _ in range(5)]
    async with bench.pool.acquire() as frozen:
        transaction = frozen.transaction()
        await transaction.start()
        await frozen.execute("select 1 from runs where id = $1 for share", stuck)
        async with bench.working():
            ended = [await bench.ended(run_id) for run_id in others]
            assert [one.status for one in ended] == [RunStatus.SUCCEEDED] * 4
            assert (await bench.look(stuck)).status is RunStatus.QUEUED
            await transaction.rollback()
            assert (await bench.ended(stuck)).status is RunStatus.SUCCEEDED
