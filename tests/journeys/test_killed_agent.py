"""A worker that is killed in an agent's ninth turn: another goes on, and no model is asked again for turns 1 to 8."""

import asyncio
from pathlib import Path

from errands.core.values import JsonObject
from errands.store.database import Database
from tests.agents.fake_provider import FakeProvider, calls, hang, provider, says
from tests.journeys.errands_command import Errands, made

_TURNS = 8
_TASK = """
task: long
description: An agent that works for many turns.
grants: {tools: [log]}
steps: [{id: work, agent: worker, prompt: Begin.}]
output: "{{ work }}"
"""
_AGENT = "agent: worker\nmodel: fast\ntools: [log]\nmax_turns: 20\n"


async def test_a_run_killed_in_its_ninth_turn_asks_for_none_of_the_first_eight_again(
    tmp_path: Path, database_url: str, database: Database
) -> None:
    answers = [calls(("log", f'{{"message": "turn {turn}"}}'), turn=str(turn)) for turn in range(1, _TURNS + 1)]
    async with provider(*answers, hang, says("Done.")) as fake:
        errands = made(tmp_path, database_url)
        errands = Errands(
            errands.folder,
            {**errands.environment, "ERRANDS_HEARTBEAT": "1s", "ERRANDS_ALLOW_PRIVATE_HOSTS": "127.0.0.1"},
        )
        model = f"model: fast\nprovider: openai-compatible\nname: tiny\nbase_url: {fake.url}\n"
        for name, text in (("m.yaml", model), ("a.yaml", _AGENT), ("long.yaml", _TASK)):
            errands.write(f"tasks/{name}", text)
        applied = await asyncio.to_thread(errands, "apply", "tasks")
        assert applied.code == 0, applied.err
        run = (await asyncio.to_thread(errands, "run", "long", "--no-wait", "--json")).document["id"]

        with errands.started("worker") as first:
            await _asked(fake, _TURNS + 1)
            first.process.kill()
            first.process.wait()
        recorded = await _recorded(database)
        assert recorded == {"turn": _TURNS, "call": _TURNS}
        with errands.started("worker"):
            await _asked(fake, _TURNS + 2)
            followed = await asyncio.to_thread(errands, "show", run, "--follow")
            assert followed.code == 0, followed.out
        shown = (await asyncio.to_thread(errands, "show", run, "--json")).document
    assert (shown["status"], shown["output"]) == ("succeeded", "Done.")
    lengths = [len(body["messages"]) for body in fake.bodies]
    first_eight, ninth = lengths[:_TURNS], lengths[_TURNS:]
    assert len(set(first_eight)) == _TURNS, "each of the first eight turns was asked for once"
    assert ninth == [max(first_eight) + 2] * 2, "the ninth was under way, and is asked for again"
    assert await _recorded(database) == {"turn": _TURNS + 1, "call": _TURNS}
    assert await database.pool.fetchval("select epoch from runs") == 2


async def _asked(fake: FakeProvider, count: int) -> None:
    """Wait until so many requests have come."""
    async with asyncio.timeout(60):
        while len(fake.bodies) < count:
            fake.asked.clear()
            await fake.asked.wait()


async def _recorded(database: Database) -> JsonObject:
    """Records below the step, by kind."""
    rows = await database.pool.fetch("select kind, count(*) from steps where path like 'work/%' group by kind")
    return {row["kind"]: row["count"] for row in rows}
