"""What is counted is what was done: once, however the journal tells it."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from errands.agents.scripted import Call, Script, scripted
from errands.core.outcomes import RunStatus
from errands.store.database import Database
from tests.engine.agency import Agency
from tests.engine.workbench import HEAD, Workbench, workbench


@pytest.fixture
async def staffed(database: Database, tmp_path: Path) -> AsyncIterator[Workbench]:
    """A bench whose agent calls a tool and then answers: two requests, one call."""
    script = scripted([Call("echo", {"value": "x"})], "Done.")
    async with workbench(database, tmp_path, tools=Agency(Script(script.turns))) as bench:
        yield bench


def counted(bench: Workbench) -> Counter[str]:
    """Sums of measures from now on, those of steps and runs by how often they were told."""
    sums: Counter[str] = Counter()

    def hear(measure: str, value: float, label: tuple[str, ...]) -> None:
        sums[" ".join((measure, *label))] += 1 if measure.endswith("_seconds") else value  # type: ignore[assignment]

    bench.engine.tally.listen(hear)
    return sums


AGENT = HEAD + (
    "grants: {tools: [echo]}\nsteps:\n"
    "  - {id: work, prompt: Work., model: scripted, tools: ['*']}\n"
    "  - {id: after, python: work}\n"
)


async def test_what_an_agent_uses_is_counted_once_and_is_what_the_run_says_it_used(staffed: Workbench) -> None:
    sums = counted(staffed)
    async with staffed.working():
        ended = await staffed.run(AGENT)
    assert ended.status is RunStatus.SUCCEEDED, ended.error
    row = await staffed.pool.fetchrow("select requests, input_tokens, output_tokens from runs where id = $1", ended.id)
    assert row is not None
    turns = [record.usage for record in ended.records.values() if record.kind == "turn"]
    assert sums["model_requests"] == row["requests"] == len(turns) == 2
    assert sums["input_tokens"] == row["input_tokens"] == sum(used.input_tokens for used in turns) > 0
    assert sums["output_tokens"] == row["output_tokens"] == sum(used.output_tokens for used in turns) > 0
    assert sums["step_seconds agent succeeded"] == 1
    assert sums["run_seconds succeeded"] == 1


async def test_a_rerun_counts_only_what_it_does_itself(staffed: Workbench) -> None:
    async with staffed.working():
        first = await staffed.run(AGENT)
        sums = counted(staffed)
        again = await staffed.engine.rerun(first.id, from_step="after", version_id=None, starter=None)
        ended = await staffed.ended(again.run_id)
    assert ended.output == first.output
    steps = {name: count for name, count in sums.items() if name.startswith(("step", "model"))}
    assert steps == {"step_seconds transform succeeded": 1}
