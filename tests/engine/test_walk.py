"""A task from its first step to its output."""

from errands.core.outcomes import RunStatus
from tests.engine.workbench import HEAD, Workbench


async def test_a_task_runs_its_steps_in_order_and_gives_the_last_output(bench: Workbench) -> None:
    async with bench.working():
        ended = await bench.run(
            HEAD
            + """
params: {name: {type: string}}
steps:
  - {id: first, tool: echo, with: {greeting: "hello {{ name }}"}}
  - {id: second, python: "first['greeting'].upper()"}
""",
            {"name": "ana"},
        )
    assert (ended.status, ended.output) == (RunStatus.SUCCEEDED, "HELLO ANA")
    assert set(ended.records) == {"first", "second"}
