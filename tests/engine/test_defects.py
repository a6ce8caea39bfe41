"""What is a defect of ours, or beyond a task's reach, ends the run with an error; no run hangs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from errands.core.outcomes import ErrorKind, RunStatus, StepFailed
from errands.core.ports import Evaluation
from errands.core.values import Json
from errands.engine.engine import Engine
from tests.engine.workbench import HEAD, Workbench


async def test_a_defect_in_the_walk_fails_the_run_and_frees_its_slot(bench: Workbench) -> None:
    async def broken(evaluation: Evaluation) -> list[Json]:
        raise RuntimeError("a bug")

    engine = Engine(replace(bench.parts, evaluate=broken))
    task_id, version_id = await bench.apply(HEAD + "limits: {max_concurrent: 1}\nsteps: [{id: a, python: '1 + 1'}]\n")
    first = await bench.launch(task_id, version_id)
    second = await bench.launch(task_id, version_id)
    async with bench.working(engine=engine):
        ended = [await bench.ended(launched.run_id) for launched in (first, second)]
    assert [run.status for run in ended] == [RunStatus.FAILED] * 2
    assert [run.kind for run in ended] == ["internal"] * 2
    assert "a bug" not in ended[0].said


async def test_a_defect_in_a_tool_fails_its_step_and_may_be_handled(bench: Workbench) -> None:
    async def broken(arguments: object, context: object) -> Json:
        raise KeyError("hunter2")

    bench.tools.tools["broken"] = broken
    ended = await bench.steps("""
  - {id: a, tool: broken, on_error: [{id: b, python: "error['kind'] + ' ' + error['message']"}]}
""")
    assert ended.status is RunStatus.SUCCEEDED
    assert str(ended.output).startswith("internal `broken` failed in a way it should not: KeyError")
    assert "hunter2" not in str(ended.output)


async def test_a_vault_that_cannot_be_opened_fails_the_run(bench: Workbench) -> None:
    class Shut:
        async def reveal(
            self, project_id: str | None, names: Sequence[str], task: str | None = None
        ) -> Mapping[str, str]:
            raise StepFailed(ErrorKind.SECRET, "the secret TOKEN cannot be decrypted")

    engine = Engine(replace(bench.parts, vault=Shut()))
    async with bench.working(engine=engine):
        ended = await bench.run(HEAD + "grants: {secrets: [TOKEN]}\nsteps: [{id: a, tool: noop}]\n")
    assert (ended.status, ended.kind) == (RunStatus.FAILED, "secret")


async def test_a_failed_tool_may_say_what_no_text_can_hold(bench: Workbench) -> None:
    async def odd(arguments: object, context: object) -> Json:
        raise StepFailed(ErrorKind.TOOL, "bad bytes \ud800 and \0", detail={"body": "\udcff"})

    bench.tools.tools["odd"] = odd
    ended = await bench.steps("  - {id: a, tool: odd}\n")
    assert ended.status is RunStatus.FAILED
    assert ended.said.startswith("bad bytes")
