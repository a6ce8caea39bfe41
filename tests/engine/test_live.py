"""What is told of a run while it goes on."""

from datetime import UTC, datetime
from uuid import uuid4

from errands.core.definition.steps import AgentStep
from errands.engine.live import LiveBus, RunWatcher

_NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)


async def test_who_comes_while_a_step_runs_is_told_that_it_does() -> None:
    bus, run_id = LiveBus(), uuid4()
    watcher = RunWatcher(run_id, bus, lambda: _NOW)
    watcher.began("kind_words", AgentStep(key="kind_words", prompt="Say something kind."), 1)
    told = await anext(bus.observe(run_id))
    assert (told.kind, told.path, told.at) == ("began", "kind_words", _NOW)
