"""Planned times: each gets one row in the ledger, whatever happens, and a run where there should be one."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from errands.core.values import Json, JsonObject, from_text
from errands.store.database import Database
from tests.engine.timetable import Timetable, task, timetable


@pytest.fixture
async def times(database: Database, tmp_path: Path) -> AsyncIterator[Timetable]:
    async with timetable(database, tmp_path) as made:
        yield made


async def test_a_planned_time_starts_one_run_and_leaves_one_row(times: Timetable) -> None:
    await times.publish(task("every: 10m"))
    await times.pass_time(minutes=9, seconds=59)
    assert await times.outcomes() == []
    await times.pass_time(seconds=1)
    await times.pass_time(seconds=30)
    assert await times.outcomes() == ["08:10 started"]
    assert await times.runs() == 1


async def test_each_start_is_in_the_audit_log_with_its_trigger_owner_and_planned_time(times: Timetable) -> None:
    await times.publish(task("every: 10m"))
    await times.publish(task("every: 10m", name="other"))
    await times.pass_time(minutes=10)
    rows = await times.bench.pool.fetch("select * from audit_entries where verb = 'task.run' order by name")
    assert [(row["actor"], row["actor_kind"], row["noun"], row["name"], row["outcome"]) for row in rows] == [
        ("trigger:plan", "trigger", "task", "other", "done"),
        ("trigger:plan", "trigger", "task", "t", "done"),
    ]
    run = await times.bench.pool.fetchval(
        "select run_id from occurrences join triggers on triggers.id = trigger_id "
        "join tasks on tasks.id = triggers.task_id where tasks.name = 't'"
    )
    assert from_text(rows[1]["detail"]) == {
        "run": f"run_{run.hex}",
        "source": "schedule",
        "planned_at": "2026-03-02T08:10:00+00:00",
        "owner": "user:ana",
    }


async def test_the_run_knows_its_trigger_and_planned_time(times: Timetable) -> None:
    source = task(
        "every: 10m",
        more="params:\n  when: {type: string}\n",
        trigger="""    arguments: {when: "{{ trigger['planned_at'] }} by {{ trigger['id'] }}"}\n""",
    )
    await times.publish(source)
    await times.pass_time(minutes=10, seconds=3)
    assert [row["reason"] for row in await times.ledger()] == [None]
    row = await times.bench.pool.fetchrow("select * from runs")
    assert row is not None
    assert from_text(row["arguments"]) == {"when": "2026-03-02T08:10:00+00:00 by plan"}
    assert from_text(row["trigger"]) == {"kind": "schedule", "id": "plan", "planned_at": "2026-03-02T08:10:00+00:00"}
    assert row["starter"] == "trigger:plan"


async def test_arguments_that_cannot_be_computed_are_a_failure_to_start_with_its_reason(times: Timetable) -> None:
    source = task(
        "every: 10m",
        more="params:\n  n: {type: integer}\n",
        trigger="    arguments: {n: '{{ 1 / (len(payload or []) ) }}'}\n",
    )
    await times.publish(source)
    await times.pass_time(minutes=10)
    (row,) = await times.ledger()
    assert row["outcome"] == "failed_to_start"
    assert "division by zero" in row["reason"]
    await times.pass_time(minutes=10)
    assert len(await times.ledger()) == 2


async def test_arguments_that_do_not_fit_the_task_are_a_failure_to_start(times: Timetable) -> None:
    source = task("every: 10m", more="params:\n  n: {type: integer}\n", trigger="    arguments: {n: many}\n")
    await times.publish(source)
    await times.pass_time(minutes=10)
    (row,) = await times.ledger()
    assert (row["outcome"], row["code"]) == ("failed_to_start", "arguments")
    assert "do not fit" in row["reason"]


async def test_a_run_that_is_still_active_skips_the_next_with_that_reason(times: Timetable) -> None:
    await times.publish(task("every: 10m"))
    await times.pass_time(minutes=10)
    await times.pass_time(minutes=10)
    await times.end_runs()
    await times.pass_time(minutes=10)
    assert await times.outcomes() == ["08:10 started", "08:20 skipped", "08:30 started"]
    assert (await times.ledger())[1]["reason"] == "an earlier run was still active"


async def test_a_schedule_that_allows_overlap_bounds_how_many_run(times: Timetable) -> None:
    await times.publish(task("every: 10m, overlap: allow, max_concurrent: 2"))
    for _ in range(3):
        await times.pass_time(minutes=10)
    assert await times.outcomes() == ["08:10 started", "08:20 started", "08:30 queued"]
    assert (await times.ledger())[2]["reason"] == "2 of 2 runs were running"


async def test_outside_the_window_planned_times_are_skipped_or_deferred(times: Timetable) -> None:
    window = "window: {between: ['08:30', '08:50'], otherwise: %s}"
    await times.publish(task(f"every: 10m, {window % 'skip'}", name="a"))
    await times.publish(task(f"every: 10m, {window % 'defer'}", name="b"))
    for _ in range(3):
        await times.pass_time(minutes=10)
    rows = await times.bench.pool.fetch(
        "select tasks.name, o.* from occurrences o join triggers t on t.id = o.trigger_id "
        "join tasks on tasks.id = t.task_id order by tasks.name, o.planned_at"
    )
    said = [f"{row['name']} {row['planned_at']:%H:%M} {row['outcome']} {row['code']}" for row in rows]
    assert said == [
        "a 08:10 skipped window",
        "a 08:20 skipped window",
        "a 08:30 started None",
        "b 08:10 skipped superseded",
        "b 08:20 skipped superseded",
        "b 08:30 started None",
    ]


async def test_a_deferred_start_keeps_its_planned_time(times: Timetable) -> None:
    await times.publish(task("at: '2026-03-02T08:10', window: {between: ['09:00', '10:00'], otherwise: defer}"))
    await times.pass_time(minutes=10)
    assert await times.outcomes() == ["08:10 deferred"]
    await times.pass_time(minutes=49)
    assert await times.runs() == 0
    await times.pass_time(minutes=1)
    assert await times.outcomes() == ["08:10 started"]


async def test_a_closed_period_of_a_calendar_skips_and_tells_its_note(times: Timetable) -> None:
    periods = '[{"start": "2026-03-02T08:00:00+00:00", "end": "2026-03-02T08:15:00+00:00", "note": "migration"}]'
    await times.bench.other_project()
    await times.bench.pool.execute(
        "insert into calendars (id, name, periods) values (gen_random_uuid(), 'freeze', $1)", periods
    )
    await times.publish(task("every: 10m, except: [{calendar: freeze}]"))
    await times.pass_time(minutes=10)
    await times.pass_time(minutes=10)
    first, second = await times.ledger()
    assert (first["code"], first["reason"]) == ("closed", "closed by the calendar freeze: migration")
    assert second["outcome"] == "started"


async def test_a_calendar_that_is_gone_is_named_by_what_could_not_start(times: Timetable) -> None:
    await times.publish(task("every: 10m, except: [{calendar: freeze}]"))
    await times.pass_time(minutes=10)
    (row,) = await times.ledger()
    assert row["outcome"] == "failed_to_start"
    assert "'freeze', which does not exist" in row["reason"]


async def test_jitter_delays_the_start_and_not_the_planned_time(times: Timetable) -> None:
    await times.publish(task("every: 10m, jitter: 8m"))
    assert (await times.trigger())["planned_at"] == datetime(2026, 3, 2, 8, 10, tzinfo=UTC)
    start = (await times.trigger())["next_at"]
    await times.pass_time(minutes=10)
    assert await times.outcomes() == []
    times.bench.clock.now = start
    await times.scheduler.tick()
    assert await times.outcomes() == ["08:10 started"]


async def test_a_trigger_is_done_after_its_runs_and_after_its_last_moment(times: Timetable) -> None:
    await times.publish(task("every: 10m, max_runs: 2, overlap: allow", name="a"))
    await times.publish(task("every: 10m, until: '2026-03-02T08:10', overlap: allow", name="b"))
    await times.publish(task("at: '2026-03-02T08:20'", name="c"))
    for _ in range(5):
        await times.pass_time(minutes=10)
    assert await times.runs() == 4
    assert await times.bench.pool.fetchval("select count(*) from triggers where next_at is not null") == 0


async def test_skipped_starts_do_not_count_towards_max_runs(times: Timetable) -> None:
    await times.publish(task("every: 10m, max_runs: 2"))
    for _ in range(3):
        await times.pass_time(minutes=10)
    await times.end_runs()
    await times.pass_time(minutes=10)
    assert await times.outcomes() == ["08:10 started", "08:20 skipped", "08:30 skipped", "08:40 started"]


@pytest.mark.parametrize(
    ("policy", "outcomes"),
    [
        ("none", ["09:00 missed", "10:00 missed"]),
        ("last", ["09:00 missed", "10:00 started"]),
        ("all", ["09:00 started", "10:00 started"]),
        ("{run: all, within: 1h}", ["09:00 missed", "10:00 started"]),
    ],
)
async def test_after_a_downtime_the_policy_says_what_is_made_up_for(
    times: Timetable, policy: str, outcomes: list[str]
) -> None:
    await times.publish(task(f"every: 1h, missed: {policy}, overlap: allow"))
    await times.pass_time(hours=2, minutes=30)
    assert await times.outcomes() == outcomes
    sources = {row["source"] for row in await times.ledger() if row["outcome"] == "started"}
    assert sources <= {"missed"}


async def test_what_is_older_than_within_is_not_made_up_for(times: Timetable) -> None:
    await times.publish(task("daily: '09:00', missed: {run: last, within: 2h}"))
    await times.pass_time(hours=5)
    (row,) = await times.ledger()
    assert row["outcome"] == "missed"
    assert "the last 2 hours only" in row["reason"]


async def test_a_backlog_that_nobody_could_read_is_one_row(times: Timetable) -> None:
    await times.publish(task("every: 10s, missed: {run: last, within: 1m}, overlap: allow"))
    await times.pass_time(days=3)
    rows = await times.ledger()
    assert len(rows) == 8
    assert "too many to list" in rows[0]["reason"]
    assert rows[-1]["outcome"] == "started"


async def test_a_long_backlog_is_recorded_time_by_time_and_runs_once(times: Timetable) -> None:
    await times.publish(task("every: 1m"))
    await times.pass_time(hours=20)
    rows = await times.ledger()
    assert len(rows) == 1200 == len({row["planned_at"] for row in rows})
    assert Counter(row["outcome"] for row in rows) == {"missed": 1199, "started": 1}
    assert rows[-1]["outcome"] == "started"


async def test_a_paused_task_and_a_disabled_trigger_record_why_they_start_nothing(times: Timetable) -> None:
    await times.publish(task("every: 10m", name="a"))
    await times.publish(task("every: 10m", name="b", trigger="    enabled: false\n    note: too noisy\n"))
    await times.bench.pool.execute(
        "update tasks set paused_at = now(), pause_note = 'the mill is down' where name = 'a'"
    )
    await times.pass_time(minutes=10)
    said = {(row["outcome"], row["code"], row["reason"]) for row in await times.ledger()}
    assert said == {
        ("skipped", "paused", "the task is paused: the mill is down"),
        ("skipped", "disabled", "the trigger is disabled: too noisy"),
    }
    assert await times.bench.pool.fetchval("select count(*) from runs") == 0


async def test_a_task_whose_daily_budget_is_used_up_starts_nothing_more_that_day(times: Timetable) -> None:
    task_id = await times.publish(task("every: 8h", more="budget: {per_day: {usd: 5}}\n"))
    await times.bench.pool.execute("insert into day_spend (task_id, day, usd) values ($1, '2026-03-02', 5)", task_id)
    await times.pass_time(hours=8)
    await times.pass_time(hours=8)
    first, second = await times.ledger()
    assert (first["code"], first["reason"]) == ("budget", "the task's budget of 5 usd a day is used up")
    assert second["outcome"] == "started"


async def test_clock_changes_fire_as_the_schedule_says(times: Timetable) -> None:
    """Berlin: 29 March 2026 has no 02:30; 25 October has two."""
    times.bench.clock.now = datetime(2026, 3, 28, 12, tzinfo=UTC)
    await times.publish(task("daily: '02:30', timezone: Europe/Berlin", name="a"))
    await times.publish(task("daily: '02:30', timezone: Europe/Berlin, dst: {gap: skip}", name="b"))
    await times.minute_by_minute(0)
    times.bench.clock.now = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    await times.scheduler.tick()
    rows = await times.bench.pool.fetch("select outcome, code from occurrences order by outcome desc")
    assert [(row["outcome"], row["code"]) for row in rows] == [("started", None), ("skipped", "clock_change")]


async def test_the_hour_that_comes_twice_fires_once_or_twice_as_said(times: Timetable) -> None:
    times.bench.clock.now = datetime(2026, 10, 24, 12, tzinfo=UTC)
    await times.publish(task("daily: '02:30', timezone: Europe/Berlin, overlap: allow", name="a"))
    await times.publish(task("daily: '02:30', timezone: Europe/Berlin, overlap: allow, dst: {fold: both}", name="b"))
    for hour in (0, 1):
        times.bench.clock.now = datetime(2026, 10, 25, hour, 30, tzinfo=UTC)
        await times.scheduler.tick()
    assert await times.outcomes() == ["00:30 started", "00:30 started", "01:30 started"]


async def test_a_clock_that_jumps_back_fires_nothing_twice_and_one_that_jumps_ahead_loses_nothing(
    times: Timetable,
) -> None:
    await times.publish(task("every: 10m, overlap: allow, missed: all"))
    await times.pass_time(minutes=30)
    times.bench.clock.forward(timedelta(minutes=-25))
    for _ in range(4):
        await times.pass_time(minutes=10)
    planned = [row["planned_at"] for row in await times.ledger()]
    assert planned == [datetime(2026, 3, 2, 8, 10 * n, tzinfo=UTC) for n in range(1, 5)]
    assert await times.runs() == 4


async def test_two_schedulers_with_different_clocks_start_each_planned_time_once(times: Timetable) -> None:
    await times.publish(task("every: 1m, overlap: allow"))
    clock = times.bench.clock
    ahead = times.another(lambda: clock.now + timedelta(seconds=40), times.bench.another_engine())
    behind = times.another(lambda: clock.now - timedelta(seconds=25), times.bench.another_engine())
    for _ in range(120):
        clock.forward(timedelta(seconds=20))
        await asyncio.gather(ahead.tick(), behind.tick(), times.scheduler.tick())
    rows = await times.ledger()
    assert len(rows) == 40 == len({row["planned_at"] for row in rows})
    assert await times.runs() == 40
    assert {row["outcome"] for row in rows} == {"started"}


async def test_a_day_in_which_the_scheduler_is_stopped_every_minute_loses_and_doubles_nothing(
    times: Timetable,
) -> None:
    """Cut off at a random await; tests/faults/scheduler_day.py does it with SIGKILL."""
    chance = random.Random(7)
    schedules = {"a": "every: 1m", "b": "cron: '*/7 * * * *'", "c": "every: 15m, jitter: 5m"}
    for name, schedule in schedules.items():
        await times.publish(task(f"{schedule}, overlap: allow, missed: all", name=name))
    for _ in range(360):
        times.bench.clock.forward(timedelta(minutes=1))
        looking = asyncio.create_task(times.scheduler.tick())
        for _ in range(chance.randrange(40)):
            await asyncio.sleep(0)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        times.scheduler = times.another()
    await times.pass_time(minutes=5)
    rows = await times.ledger()
    assert len(rows) == len({(row["trigger_id"], row["planned_at"]) for row in rows})
    assert {row["outcome"] for row in rows} == {"started"}
    counts = Counter(row["trigger_id"] for row in rows)
    assert sorted(counts.values()) == [24, 54, 365]
    assert await times.runs() == len(rows)


async def test_a_default_that_takes_long_holds_up_no_other_trigger(times: Timetable) -> None:
    entered, free = asyncio.Event(), asyncio.Event()

    async def slow(arguments: JsonObject, context: object) -> Json:
        entered.set()
        await free.wait()
        return 3

    times.bench.tools.tools["slow"] = slow
    await times.publish(
        task(
            "every: 10m", name="a", more="params:\n  n: {type: integer, from: {tool: slow}}\ngrants: {tools: [slow]}\n"
        )
    )
    await times.publish(task("every: 10m", name="b"))
    await times.pass_time(minutes=10)
    assert entered.is_set()
    assert await times.runs() == 1
    free.set()
    await times.scheduler.settled()
    assert await times.runs() == 2
