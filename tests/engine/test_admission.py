"""Who may start: overlap, concurrency, pause, idempotency, fair shares."""

import asyncio
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from errands.core.definition.policies import Limits, Overlap
from errands.core.outcomes import RunStatus
from errands.engine.admission import Active, HoldBack, Replace, Skip, Start, decide
from errands.engine.launching import IdempotencyConflictError, Order
from errands.store.audit import NewEntry
from tests.engine.workbench import HEAD, Gate, Workbench

FREE, BUSY, WAITING, HELD = Active(0, False, 0), Active(1, False, 0), Active(0, True, 0), Active(1, False, 1)


@pytest.mark.parametrize(
    ("overlap", "active", "most", "verdict"),
    [
        ("skip", FREE, None, Start),
        ("skip", BUSY, None, Skip),
        ("skip", WAITING, None, Skip),
        ("queue_one", FREE, None, Start),
        ("queue_one", BUSY, None, HoldBack),
        ("queue_one", WAITING, None, HoldBack),
        ("queue_one", HELD, None, Skip),
        ("queue_all", BUSY, None, HoldBack),
        ("queue_all", HELD, None, HoldBack),
        ("cancel_running", FREE, None, Start),
        ("cancel_running", BUSY, None, Replace),
        ("cancel_running", HELD, None, Replace),
        ("allow", BUSY, None, Start),
        ("allow", BUSY, 2, Start),
        ("allow", BUSY, 1, HoldBack),
        ("allow", WAITING, 1, Start),
        ("skip", FREE, 1, Start),
    ],
)
def test_the_gate_decides(overlap: Overlap, active: Active, most: int | None, verdict: type) -> None:
    assert isinstance(decide(Limits(max_concurrent=most), overlap, active), verdict)


async def started(bench: Workbench, limits: str, runs: int, **arguments: list[str]) -> tuple[Gate, list[object]]:
    gate = bench.tools.tools["gate"] = Gate()
    params = "params: {k: {type: string, default: x}}\n"
    task = await bench.apply(HEAD + params + f"limits: {{{limits}}}\nsteps: [{{tool: gate}}]\n")
    keys = arguments.get("keys", ["x"] * runs)
    return gate, [await bench.launch(*task, {"k": key}) for key in keys]


async def statuses(bench: Workbench) -> list[str]:
    return [row["status"] for row in await bench.pool.fetch("select status from runs order by id")]


async def all_ended(bench: Workbench) -> list[str]:
    for row in await bench.pool.fetch("select id from runs"):
        await bench.ended(row["id"])
    return await statuses(bench)


async def test_skip_records_the_run_that_did_not_start_with_the_reason(bench: Workbench) -> None:
    gate, _ = await started(bench, "overlap: skip", 3)
    async with bench.working():
        gate.open()
        assert await all_ended(bench) == ["succeeded", "skipped", "skipped"]
    assert await bench.pool.fetchval("select reason from runs where status = 'skipped' limit 1") == (
        "an earlier run was still active"
    )


async def test_queue_one_keeps_one_and_skips_the_rest(bench: Workbench) -> None:
    gate, _ = await started(bench, "overlap: queue_one", 4)
    async with bench.working():
        gate.open()
        assert await all_ended(bench) == ["succeeded", "succeeded", "skipped", "skipped"]


async def test_queue_all_runs_one_after_the_other(bench: Workbench) -> None:
    gate, _ = await started(bench, "overlap: queue_all", 4)
    async with bench.working() as worker:
        await gate.entered()
        assert worker.held == 1
        gate.open()
        assert await all_ended(bench) == ["succeeded"] * 4
    finished = await bench.pool.fetch("select id from runs order by finished_at, id")
    assert [row["id"] for row in finished] == sorted(row["id"] for row in finished)


async def test_cancel_running_ends_the_others_before_the_new_one_starts(bench: Workbench) -> None:
    gate = bench.tools.tools["gate"] = Gate()
    source = HEAD + "limits: {overlap: cancel_running}\nsteps: [{tool: gate}]\nfinally: [{tool: noop}]\n"
    async with bench.working():
        first = await bench.start(source)
        await gate.entered()
        second = await bench.launch(bench.task_id(), await bench.version())
        ended = await bench.ended(first.run_id)
        await gate.entered()
        gate.open()
        last = await bench.ended(second.run_id)
    assert (ended.status, last.status, gate.stopped) == (RunStatus.CANCELLED, RunStatus.SUCCEEDED, 1)
    assert "replaced by a newer run" in ended.said


async def test_no_more_than_max_concurrent_runs_are_under_way(bench: Workbench) -> None:
    gate, _ = await started(bench, "max_concurrent: 2", 6)
    async with bench.working():
        await gate.entered(2)
        running = (await statuses(bench)).count("running")
        held = await bench.pool.fetchval("select count(*) from runs where held_for = 'slot'")
        gate.open()
        assert await all_ended(bench) == ["succeeded"] * 6
    assert (running, held, gate.calls) == (2, 4, 6)


async def test_runs_of_different_keys_do_not_hold_each_other_up(bench: Workbench) -> None:
    gate, _ = await started(bench, 'max_concurrent: 1, key: "{{ k }}"', 0, keys=["a", "b", "a"])
    async with bench.working():
        await gate.entered(2)
        held = await bench.pool.fetch("select key from runs where held_for is not null")
        gate.open()
        await all_ended(bench)
    assert [row["key"] for row in held] == ["a"]


async def test_a_waiting_run_takes_no_slot_and_comes_before_new_runs_when_it_resumes(bench: Workbench) -> None:
    gate = bench.tools.tools["gate"] = Gate()
    source = HEAD + (
        "params: {waits: {type: boolean}}\nlimits: {max_concurrent: 1}\n"
        "steps: [{wait: 1h, when: waits}, {tool: gate}, {id: done, tool: noop}]\n"
    )
    async with bench.working():
        task = await bench.apply(source)
        resumed = await bench.launch(*task, {"waits": True})
        await bench.rest(resumed.run_id)
        first = await bench.launch(*task, {"waits": False})
        await gate.entered()
        new = await bench.launch(*task, {"waits": False})
        await bench.forward(timedelta(hours=1))
        held = await bench.pool.fetchval("select held_for from runs where id = $1", resumed.run_id)
        gate.open()
        for launched in (first, resumed, new):
            await bench.ended(launched.run_id)
    order = await bench.pool.fetch("select run_id from steps where path = 'done' order by seq")
    assert held == "slot"
    assert [row["run_id"] for row in order] == [first.run_id, resumed.run_id, new.run_id]


async def test_a_paused_task_starts_no_run_but_ends_those_under_way(bench: Workbench) -> None:
    async with bench.working():
        under_way = await bench.start(HEAD + "steps: [{wait: 1h}]\n")
        await bench.rest(under_way.run_id)
        await bench.pool.execute("update tasks set paused_at = now(), pause_note = 'month end'")
        skipped = await bench.launch(bench.task_id(), await bench.version())
        await bench.forward(timedelta(hours=1))
        ended = await bench.ended(under_way.run_id)
    assert (skipped.status, skipped.reason) == (RunStatus.SKIPPED, "the task is paused: month end")
    assert ended.status is RunStatus.SUCCEEDED


async def test_a_start_that_nothing_holds_back_is_one_statement(bench: Workbench) -> None:
    task = await bench.apply(HEAD + "steps: [{tool: noop}]\n")
    launched = await bench.engine.launch(Order(bench.project_id, *task, {}), entry=_entry)
    made = await bench.pool.fetch(
        "select xmin::text, cmin::text from runs where id = $1 union all "
        "select xmin::text, cmin::text from pgqueuer where payload = $2 union all "
        "select xmin::text, cmin::text from pgqueuer_log where status = 'queued' union all "
        "select xmin::text, cmin::text from audit_entries where detail->>'run' = $3",
        launched.run_id,
        launched.run_id.bytes,
        launched.run_id.hex,
    )
    assert len(made) == 4
    assert len({(row["xmin"], row["cmin"]) for row in made}) == 1


@pytest.mark.parametrize("table", ["pgqueuer", "pgqueuer_log"])
async def test_its_job_is_the_one_that_pgqueuer_would_have_written(bench: Workbench, table: str) -> None:
    task = await bench.apply(HEAD + "steps: [{tool: noop}]\n")
    await bench.engine.launch(Order(bench.project_id, *task, {}))
    async with bench.pool.acquire() as connection, connection.transaction():
        await bench.engine.launcher.launch_in(connection, Order(bench.project_id, *task, {}))
    ours, theirs = [dict(row.items()) for row in await bench.pool.fetch(f"select * from {table} order by id")]
    own = {"id", "job_id", "priority", "payload", "created", "updated", "heartbeat", "execute_after"}
    assert {name: ours[name] for name in ours.keys() - own} == {name: theirs[name] for name in theirs.keys() - own}
    assert (ours["priority"], theirs["priority"]) == (-1, -2)


async def test_what_was_not_started_is_in_the_audit_log_too_and_once(bench: Workbench) -> None:
    task = await bench.apply(HEAD + "steps: [{tool: noop}]\n")
    await bench.pool.execute("update tasks set paused_at = now()")
    launched = await bench.engine.launch(Order(bench.project_id, *task, {}), entry=_entry)
    (entry,) = await bench.pool.fetch("select detail->>'run' as run from audit_entries")
    assert (launched.status, entry["run"]) == (RunStatus.SKIPPED, launched.run_id.hex)


async def test_starts_of_the_same_moment_are_one_statement_and_keep_their_order(bench: Workbench) -> None:
    task = await bench.apply(HEAD + "steps: [{tool: noop}]\n")
    order = Order(bench.project_id, *task, {})
    first = await bench.engine.launch(order, entry=_entry)
    together = await asyncio.gather(*(bench.engine.launch(order, entry=_entry) for _ in range(5)))
    ids = [first.run_id, *(one.run_id for one in together)]
    runs = await bench.pool.fetch("select id, turn, xmin::text, cmin::text from runs order by turn")
    assert [row["id"] for row in runs] == ids
    assert len({(row["xmin"], row["cmin"]) for row in runs[1:]}) == 1
    entries = await bench.pool.fetch("select detail->>'run' as run from audit_entries order by seq")
    assert [row["run"] for row in entries] == [run_id.hex for run_id in ids]
    jobs = await bench.pool.fetch("select payload, priority from pgqueuer order by id")
    assert [(row["payload"], row["priority"]) for row in jobs] == [(row["id"].bytes, -row["turn"]) for row in runs]


async def test_of_starts_of_the_same_moment_each_is_admitted_or_refused_by_itself(bench: Workbench) -> None:
    task = await bench.apply(HEAD + "steps: [{tool: noop}]\n")
    paused = await bench.apply(HEAD.replace("task: t", "task: paused") + "steps: [{tool: noop}]\n")
    await bench.pool.execute("update tasks set paused_at = now() where id = $1", paused[0])
    orders = [
        Order(bench.project_id, *task, {"n": 1}),
        Order(UUID(int=7), *task, {"n": 2}),
        Order(bench.project_id, *paused, {"n": 3}),
        Order(bench.project_id, *task, {"n": 4}),
    ]
    # What is known of tasks and projects from now on need not be read, so that they come at the same moment.
    await asyncio.gather(*(bench.engine.launch(order) for order in orders), return_exceptions=True)
    one, refused, skipped, other = await asyncio.gather(
        *(bench.engine.launch(order, entry=_entry) for order in orders), return_exceptions=True
    )
    assert isinstance(refused, asyncpg.ForeignKeyViolationError)
    assert [getattr(launched, "status", None) for launched in (one, skipped, other)] == ["queued", "skipped", "queued"]
    told = await bench.pool.fetch("select detail->>'run' as run from audit_entries")
    assert {row["run"] for row in told} == {launched.run_id.hex for launched in (one, skipped, other)}  # type: ignore[union-attr]


def _entry(run_id: UUID) -> NewEntry:
    return NewEntry("user:ana", "person", "p", "task.run", "task", "t", "p", "done", {"run": run_id.hex})


async def test_an_idempotency_key_starts_one_run_and_refuses_other_arguments(bench: Workbench) -> None:
    task = await bench.apply(HEAD + "params: {n: {type: integer}}\nsteps: [{tool: noop}]\n")
    first = await bench.launch(*task, {"n": 1}, idempotency_key="k")
    again = await bench.launch(*task, {"n": 1}, idempotency_key="k")
    with pytest.raises(IdempotencyConflictError) as refused:
        await bench.launch(*task, {"n": 2}, idempotency_key="k")
    other = await bench.launch(*task, {"n": 2}, idempotency_key="l")
    assert (again.run_id, again.existing, first.existing) == (first.run_id, True, False)
    assert refused.value.run_id == first.run_id
    assert other.run_id != first.run_id


async def test_launches_of_one_key_at_the_same_moment_start_one_run(bench: Workbench) -> None:
    task = await bench.apply(HEAD + "steps: [{tool: noop}]\n")
    launched = await asyncio.gather(*(bench.launch(*task, idempotency_key="k") for _ in range(12)))
    assert len({one.run_id for one in launched}) == 1
    assert sum(not one.existing for one in launched) == 1


async def test_launches_at_the_same_moment_pass_the_gate_one_by_one(bench: Workbench) -> None:
    task = await bench.apply(HEAD + "limits: {overlap: skip}\nsteps: [{tool: noop}]\n")
    launched = await asyncio.gather(*(bench.launch(*task) for _ in range(12)))
    assert [one.status for one in launched].count(RunStatus.QUEUED) == 1


async def test_one_run_of_another_project_does_not_wait_behind_two_hundred(bench: Workbench) -> None:
    task = await bench.apply(HEAD + "steps: [{tool: noop}]\n")
    for _ in range(200):
        await bench.launch(*task)
    project = bench.project_id
    bench.project_id = await bench.other_project()
    other = await bench.start("task: other\ndescription: x\nsteps: [{id: theirs, tool: noop}]\n")
    bench.project_id = project
    async with bench.working(concurrency=4):
        await bench.ended(other.run_id)
        before = await bench.pool.fetchval("select count(*) from runs where status = 'succeeded'")
    assert before < 30


async def test_a_project_with_many_tasks_gets_no_larger_share_for_it(bench: Workbench) -> None:
    many = [await bench.apply(f"task: t{n}\ndescription: x\nsteps: [{{tool: noop}}]\n") for n in range(3)]
    project, other_project = bench.project_id, await bench.other_project()
    for task in many:
        await bench.launch(*task)
    bench.engine = bench.another_engine()  # Shares are known to the second; this one counts anew.
    for task in many * 4:
        await bench.launch(*task)
    bench.project_id = other_project
    task = await bench.apply("task: other\ndescription: x\nsteps: [{tool: noop}]\n")
    for _ in range(5):
        await bench.launch(*task)
    bench.project_id = project
    rows = await bench.pool.fetch("select project_id from runs order by turn, id limit 12")
    assert [row["project_id"] for row in rows].count(other_project) == 5


async def test_a_held_run_is_let_go_by_the_keeper_if_nobody_else_did(bench: Workbench) -> None:
    source = HEAD + "limits: {overlap: queue_all}\nsteps: [{tool: noop}]\n"
    first = await bench.start(source)
    second = await bench.launch(bench.task_id(), await bench.version())
    await bench.pool.execute("update runs set status = 'succeeded', finished_at = now() where id = $1", first.run_id)
    async with bench.working():
        await bench.keeper.release_held()
        ended = await bench.ended(second.run_id)
    assert ended.status is RunStatus.SUCCEEDED


async def test_a_run_of_a_version_that_is_not_there_is_refused(bench: Workbench) -> None:
    task_id, _ = await bench.apply(HEAD + "steps: [{tool: noop}]\n")
    with pytest.raises(LookupError):
        await bench.engine.launch(Order(bench.project_id, task_id, bench.project_id, {}))
