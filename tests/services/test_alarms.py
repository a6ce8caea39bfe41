"""Alarms: one for each episode, told once whoever looks, closed when their cause is over."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest

from errands.bootstrap import Runtime
from errands.core import ids
from errands.core.access import ProjectRole
from errands.core.definition.alarms import AlarmKind
from errands.services import Services
from errands.services.asking import Asking
from errands.services.errors import Conflict, Denied, Invalid, NotFound
from errands.services.notice_views import AlarmView
from errands.services.watching import Watch
from errands.store import watches
from errands.store.database import Database
from tests.services.approvals_bench import ROOT, Crowd, apply, asked, ends
from tests.services.people_bench import Moved

_WORK = "params: {bad: {type: boolean, default: false}}\nsteps: [{id: work, python: '1 / (0 if bad else 1)'}]\n"
_HOURLY = "triggers: [{id: hourly, schedule: {every: 1h}}]\n"


def task(alarms: str, name: str = "job", more: str = "") -> str:
    return f"task: {name}\ndescription: Works.\nalarms: {alarms}\n{more}{_WORK}"


class Post:
    """Rounds on a clock that the test moves, and what channels were written."""

    def __init__(self, services: Services, database: Database) -> None:
        self.services, self.database, self.clock = services, database, Moved()
        self.watch = Watch(database, self.clock)

    async def listen(self, name: str = "ops", **how: object) -> None:
        await self.services.channels.put(ROOT, "default", name, addresses=["ops@example.com"], **how)  # type: ignore[arg-type]

    async def run(self, name: str = "job", *, bad: bool = False) -> str:
        """A run to its end, and a look at it."""
        started = await self.services.runs.start(ROOT, "default", name, {"bad": bad})
        await ends(self.services, started.id)
        self.clock.now = max(self.clock.now, datetime.now(UTC))
        await self.watch.signals()
        return started.id

    async def written(self) -> list[tuple[str, str]]:
        """Events and titles of what was written, in order."""
        rows = await self.database.pool.fetch("select event, title from outbox order by created_at, id")
        return [(row["event"], row["title"]) for row in rows]

    async def alarms(self, **how: object) -> list[AlarmView]:
        return list((await self.services.alarms.list(ROOT, "default", **how)).items)  # type: ignore[arg-type]

    async def open_kinds(self) -> list[str]:
        return sorted(one.kind for one in await self.alarms(state="open"))


@pytest.fixture
def post(working: Services, database: Database) -> Post:
    return Post(working, database)


@pytest.fixture
def still(services: Services, database: Database) -> Post:
    """Without a worker: runs stay where they are."""
    return Post(services, database)


async def test_failures_are_one_episode_until_a_run_succeeds(post: Post) -> None:
    await apply(post.services, task("{failed: episode}"))
    await post.listen()
    first = await post.run(bad=True)
    last = await post.run(bad=True)
    (alarm,) = await post.alarms()
    assert (alarm.kind, alarm.state, alarm.count, alarm.run) == ("failed", "open", 2, last)
    assert alarm.message.startswith(f"{last} failed at work: ")
    assert "division by zero" in alarm.message
    assert await post.written() == [("failed", "job failed")]
    await post.run()
    (alarm,) = await post.alarms()
    assert (alarm.state, alarm.closed_by) == ("closed", "a run has succeeded")
    await post.run(bad=True)
    await post.run()
    told = ["failed", "recovered", "failed", "recovered"]
    assert [event for event, _ in await post.written()] == told
    body = await post.database.pool.fetchval("select body from outbox order by created_at, id limit 1")
    assert f"errands show {first}" in body


async def test_each_failing_run_is_told_where_the_task_wants_it(post: Post) -> None:
    await apply(post.services, task("{failed: each, recovered: false}"))
    await post.listen()
    runs = [await post.run(bad=True) for _ in range(2)]
    assert [one.subject for one in await post.alarms(state="open")] == runs[::-1]
    await post.run()
    assert await post.alarms(state="open") == []
    assert [event for event, _ in await post.written()] == ["failed", "failed"]


async def test_what_happened_between_two_looks_is_told_in_order(post: Post) -> None:
    await apply(post.services, task("{failed: episode}"))
    await post.listen()
    for bad in (True, True, False, True, False, True):
        started = await post.services.runs.start(ROOT, "default", "job", {"bad": bad})
        await ends(post.services, started.id)
    await post.watch.signals()
    assert [one.count for one in await post.alarms()] == [1, 1, 2]
    assert [event for event, _ in await post.written()] == ["failed", "recovered", "failed", "recovered", "failed"]


async def test_a_task_without_alarms_leaves_no_signal_and_a_cancelled_run_says_nothing(post: Post) -> None:
    slow = "task: slow\ndescription: Waits.\nalarms: {failed: each}\nsteps: [{wait: 1d}]\n"
    await apply(post.services, f"task: job\ndescription: Works.\n{_WORK}", slow)
    started = await post.services.runs.start(ROOT, "default", "job", {"bad": True})
    await ends(post.services, started.id)
    assert await post.database.pool.fetchval("select count(*) from alarm_signals") == 0
    started = await post.services.runs.start(ROOT, "default", "slow", {})
    await post.services.runs.cancel(ROOT, started.id, reason="enough")
    await ends(post.services, started.id)
    await post.watch.signals()
    assert await post.alarms() == []


async def test_silence_is_told_once_and_ends_with_a_success(post: Post) -> None:
    await apply(post.services, task("{silent: 26h}"))
    await post.listen()
    await post.run(bad=True)
    post.clock.on(hours=25)
    await post.watch.times()
    assert await post.alarms() == []
    post.clock.on(hours=1, minutes=1)
    for _ in range(3):
        await post.watch.times()
        post.clock.on(hours=30)
    (alarm,) = await post.alarms()
    assert (alarm.kind, alarm.message) == ("silent", "No run of job has succeeded for 1d2h.")
    await post.run()
    assert [event for event, _ in await post.written()] == ["silent", "recovered"]
    post.clock.now = datetime.now(UTC) + timedelta(hours=25)
    await post.watch.times()
    assert await post.open_kinds() == []
    post.clock.on(hours=2)
    await post.watch.times()
    assert await post.open_kinds() == ["silent"]


async def test_a_paused_task_is_not_silent_and_starts_to_count_when_it_is_resumed(still: Post) -> None:
    await apply(still.services, task("{silent: 1h}"))
    await still.services.tasks.pause(ROOT, "default", "job", "holidays")
    for _ in range(5):
        still.clock.on(minutes=50)
        await still.watch.times()
    await still.services.tasks.resume(ROOT, "default", "job")
    await still.watch.times()
    assert await still.alarms() == []
    still.clock.on(minutes=61)
    await still.watch.times()
    assert await still.open_kinds() == ["silent"]


async def test_a_planned_time_that_nothing_comes_of_is_late_until_it_starts(still: Post, runtime: Runtime) -> None:
    await apply(still.services, task("{late: 10m}", more=_HOURLY))
    await still.listen()
    still.clock.on(minutes=1)
    await runtime.engine.scheduler(clock=still.clock).tick()
    planned = await still.database.pool.fetchval("select planned_at from triggers")
    still.clock.now = planned + timedelta(minutes=9)
    await still.watch.times()
    assert await still.alarms() == []
    still.clock.now = planned + timedelta(minutes=11)
    await still.watch.times()
    await still.watch.times()
    (alarm,) = await still.alarms()
    assert (alarm.kind, alarm.subject, alarm.count) == ("late", "hourly", 1)
    assert "has not started: it was not looked at yet" in alarm.message
    await runtime.engine.scheduler(clock=still.clock).tick()
    run = await still.database.pool.fetchrow("select id, status from runs")
    assert run is not None
    assert run["status"] == "queued"
    await still.database.pool.execute("update runs set started_at = $1, status = 'running'", still.clock.now)
    await still.watch.times()
    (alarm,) = await still.alarms()
    assert (alarm.state, alarm.closed_by) == ("closed", "it has started, or is not planned any more")
    assert [event for event, _ in await still.written()] == ["late", "recovered"]


async def test_a_run_that_waits_too_long_for_its_turn_is_late(still: Post, runtime: Runtime) -> None:
    await apply(still.services, task("{late: 10m}", more=_HOURLY))
    still.clock.on(minutes=1)
    await runtime.engine.scheduler(clock=still.clock).tick()
    planned = await still.database.pool.fetchval("select planned_at from triggers")
    still.clock.now = planned + timedelta(seconds=1)
    await runtime.engine.scheduler(clock=still.clock).tick()
    queued = await still.database.pool.fetchval("select queued_at from runs")
    still.clock.now = queued + timedelta(minutes=9)
    await still.watch.times()
    assert await still.alarms() == []
    still.clock.now = queued + timedelta(minutes=10)
    await still.watch.times()
    (alarm,) = await still.alarms()
    assert alarm.message.endswith("its run waits for its turn.")
    assert alarm.run is not None


async def test_what_is_off_or_paused_is_never_late(still: Post) -> None:
    await apply(still.services, task("{late: 10m}", more=_HOURLY))
    await still.services.triggers.disable(ROOT, "default", "job", "hourly")
    still.clock.on(hours=5)
    await still.watch.times()
    await still.services.triggers.enable(ROOT, "default", "job", "hourly")
    await still.services.tasks.pause(ROOT, "default", "job", None)
    await still.watch.times()
    assert await still.alarms() == []


async def _running(post: Post, seconds: float) -> str:
    """A run that has been running for so long."""
    started = await post.services.runs.start(ROOT, "default", "job", {})
    await post.database.pool.execute(
        "update runs set status = 'running', started_at = $2, taken_at = $2 where id = $1",
        ids.decode("run", started.id),
        post.clock.now - timedelta(seconds=seconds),
    )
    return started.id


async def test_a_run_that_takes_long_is_told_once_until_it_ends(still: Post) -> None:
    await apply(still.services, task("{long: {after: 30m}}"))
    await still.listen()
    short, long = await _running(still, 1700), await _running(still, 1900)
    await still.watch.times()
    await still.watch.times()
    (alarm,) = await still.alarms()
    assert (alarm.kind, alarm.subject) == ("long", long)
    assert alarm.message == f"{long} has been running for 31m40s, longer than it should."
    await still.database.pool.execute("update runs set status = 'waiting'")
    await still.watch.times()
    assert await still.open_kinds() == ["long"], "it has not ended"
    await still.database.pool.execute("update runs set status = 'succeeded', finished_at = now()")
    await still.watch.times()
    assert await still.open_kinds() == []
    assert [event for event, _ in await still.written()] == ["long"]
    assert short != long


async def test_a_run_is_long_by_what_is_usual_once_enough_have_succeeded(still: Post) -> None:
    await apply(still.services, task("{long: {times_p95: 3}}"))
    started = await still.services.runs.start(ROOT, "default", "job", {})
    pool = still.database.pool
    for count, usual in ((9, None), (20, 10.0)):
        await pool.execute("delete from runs where status = 'succeeded'")
        await pool.execute(
            "insert into runs (id, project_id, task_id, version_id, status, trigger, arguments, active_seconds, "
            "queued_at, finished_at) select gen_random_uuid(), project_id, task_id, version_id, 'succeeded', "
            "trigger, arguments, 10, now(), now() from runs, generate_series(1, $1) where runs.id = $2",
            count,
            ids.decode("run", started.id),
        )
        await pool.execute(
            "insert into alarm_signals (task_id, run_id, what, at) select task_id, id, 'succeeded', now() from runs "
            "where status = 'succeeded' limit 1"
        )
        await still.watch.signals()
        assert await pool.fetchval("select usual_seconds from task_watches") == usual
    await _running(still, 29)
    await still.watch.times()
    assert await still.alarms() == []
    long = await _running(still, 31)
    await still.watch.times()
    assert [one.subject for one in await still.alarms()] == [long]


async def test_too_many_failures_in_a_row_switch_the_triggers_off(post: Post) -> None:
    await apply(post.services, task("{failed: never, pause_after_failures: 3}", more=_HOURLY))
    await post.listen()
    for bad in (True, True, False, True, True):
        await post.run(bad=bad)
    (trigger,) = (await post.services.triggers.list(ROOT, "default")).items
    assert trigger.enabled
    last = await post.run(bad=True)
    (trigger,) = (await post.services.triggers.list(ROOT, "default")).items
    assert (trigger.enabled, trigger.note) == (False, f"switched off after 3 failed runs in a row, the last {last}")
    (alarm,) = await post.alarms()
    assert (alarm.kind, alarm.run) == ("paused", last)
    assert await post.written() == [("paused", "job was paused")]
    entries = (await post.services.audit.list(ROOT)).items
    told = next(one for one in entries if one.verb == "trigger.switch")
    assert (told.actor, told.name, told.outcome) == ("system:keeper", "job", "done")
    await post.run(bad=True)
    assert await post.open_kinds() == ["paused"], "a person may still try it"
    await post.services.triggers.enable(ROOT, "default", "job", "hourly")
    await post.watch.times()
    assert await post.open_kinds() == []
    await post.run(bad=True)
    (trigger,) = (await post.services.triggers.list(ROOT, "default")).items
    assert trigger.enabled, "the count has begun anew"
    await post.run(bad=True)
    (trigger,) = (await post.services.triggers.list(ROOT, "default")).items
    assert not trigger.enabled


async def test_a_question_that_waits_too_long_is_overdue_until_it_is_answered(post: Post) -> None:
    source = "task: ask\ndescription: Asks.\nalarms: {overdue: 4h}\nsteps: [{id: ok, approve: {question: Go on?}}]\n"
    await apply(post.services, source)
    await post.listen(events=["overdue"])
    question = await asked(post.services, "ask")
    asking = Asking(post.database, post.clock)
    for hours in (1, 2.9, 0.2, 5):
        post.clock.on(hours=hours)
        await asking.look()
        await post.watch.times()
    (alarm,) = await post.alarms()
    assert (alarm.kind, alarm.subject) == ("overdue", question)
    assert re.fullmatch(
        rf"The question of step ok has waited 4h[56]m\w* for its answer \({question}\)\.", alarm.message
    )
    await post.services.approvals.answer(ROOT, question, choice="approve", form={})
    await post.watch.times()
    (alarm,) = await post.alarms()
    assert (alarm.state, alarm.closed_by) == ("closed", "the question is closed")
    assert await post.written() == [("overdue", "ask waits for an answer")]


async def test_a_used_up_budget_is_told_until_the_run_goes_on(still: Post) -> None:
    await apply(still.services, task("{budget: true}", more="budget: {usd: 1}\n"))
    await still.listen()
    started = await still.services.runs.start(ROOT, "default", "job", {})
    run_id = ids.decode("run", started.id)
    await still.database.pool.execute(
        "insert into approvals (id, run_id, path, project_id, question, choices, approvers, excluded, quorum, "
        "created_at) select gen_random_uuid(), id, 'work/budget[0]', project_id, 'Raise it?', '{raise}', '{}', '{}', "
        "1, now() from runs"
    )
    task_id = await still.database.pool.fetchval("select task_id from runs")
    async with still.database.pool.acquire() as connection:
        for _ in range(2):
            await watches.signal_budget(connection, task_id, run_id, "1.02 of 1 USD are spent", still.clock.now)
    await still.watch.signals()
    await still.watch.times()
    (alarm,) = await still.alarms()
    assert (alarm.kind, alarm.message) == ("budget", f"{started.id} waits: 1.02 of 1 USD are spent")
    await still.database.pool.execute("update approvals set status = 'answered'")
    await still.watch.times()
    assert await still.open_kinds() == []
    assert [event for event, _ in await still.written()] == ["budget"]


async def test_many_servers_that_look_at_once_tell_each_alarm_once(post: Post) -> None:
    await apply(post.services, *(task("{failed: episode, silent: 1h}", f"job-{n}") for n in range(4)))
    await post.listen()
    for n in range(4):
        started = await post.services.runs.start(ROOT, "default", f"job-{n}", {"bad": True})
        await ends(post.services, started.id)
    post.clock.on(hours=2)
    watching = [Watch(post.database, post.clock) for _ in range(5)]
    for _ in range(3):
        await asyncio.gather(*(one.signals() for one in watching), *(one.times() for one in watching))
    assert sorted(event for event, _ in await post.written()) == ["failed"] * 4 + ["silent"] * 4
    assert len(await post.alarms()) == 8


async def test_a_crash_before_the_end_of_a_look_loses_and_repeats_nothing(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    await apply(post.services, task("{failed: episode}"))
    await post.listen()
    started = await post.services.runs.start(ROOT, "default", "job", {"bad": True})
    await ends(post.services, started.id)

    async def dies(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(watches, "settle", dies)
        with pytest.raises(ConnectionError):
            await post.watch.signals()
    assert (await post.alarms(), await post.written()) == ([], [])
    await post.watch.signals()
    assert await post.written() == [("failed", "job failed")]


async def test_a_task_names_its_channels_and_a_channel_what_it_takes(post: Post) -> None:
    await apply(post.services, task("{failed: episode}"), task("{failed: episode, channels: [mine]}", "own"))
    await post.listen("all")
    await post.listen("late-only", events=["late"])
    await post.listen("mine", events=["approval"])
    for name in ("job", "own"):
        await post.run(name, bad=True)
    rows = await post.database.pool.fetch(
        "select outbox.title, channels.name from outbox join channels on channels.id = channel_id order by 1"
    )
    assert [tuple(row) for row in rows] == [("job failed", "all"), ("own failed", "mine")]


async def test_a_project_watches_what_its_tasks_do_not_say(post: Post) -> None:
    await apply(post.services, f"task: job\ndescription: Works.\n{_WORK}", task("{failed: never}", "quiet"))
    await post.listen()
    await post.run(bad=True)
    assert await post.alarms() == []
    changed = await post.services.alarms.set_defaults(ROOT, "default", {"failed": "episode", "silent": "2d"})
    assert (changed.rules, changed.watched) == ({"failed": "episode", "silent": 172_800.0}, 2)
    assert (await post.services.alarms.defaults(ROOT, "default")).rules == changed.rules
    await apply(post.services, task("{late: 5m}", "later", more=_HOURLY))
    for name in ("job", "quiet", "later"):
        await post.run(name, bad=True)
    assert sorted(one.task for one in await post.alarms(kind=AlarmKind.FAILED)) == ["job", "later"]
    changed = await post.services.alarms.set_defaults(ROOT, "default", {})
    assert changed.watched == 1
    await post.watch.times()
    left = await post.alarms(state="open")
    assert [one.task for one in left] == ["later"]
    (closed,) = await post.alarms(state="closed")
    assert closed.closed_by == "the task is watched no more"
    for wrong, said in (
        ({"late": "soon"}, "'soon' is not a duration"),
        ({"failed": "always"}, "episode, each or never"),
        ({"long": {}}, "how long is too long"),
        ({"boom": 1}, "unknown key `boom`"),
    ):
        with pytest.raises(Invalid, match=said):
            await post.services.alarms.set_defaults(ROOT, "default", wrong)


async def test_a_silence_that_is_counted_goes_on_when_the_bound_changes(still: Post) -> None:
    await apply(still.services, task("{silent: 10h}"))
    began = await still.database.pool.fetchval("select silent_at from task_watches")
    await apply(still.services, task("{silent: 12h}"))
    assert await still.database.pool.fetchval("select silent_at from task_watches") == began + timedelta(hours=2)
    await apply(still.services, task("{failed: each}"))
    assert await still.database.pool.fetchval("select silent_at from task_watches") is None


async def test_an_alarm_is_acknowledged_by_who_may_and_only_while_it_is_open(post: Post, database: Database) -> None:
    crowd = Crowd(post.services, database)
    await apply(post.services, task("{failed: episode}"))
    await post.run(bad=True)
    (alarm,) = await post.alarms()
    vera, olly = await crowd.person("vera", ProjectRole.VIEWER), await crowd.person("olly", ProjectRole.OPERATOR)
    with pytest.raises(Denied, match=r"alarm\.acknowledge was refused"):
        await post.services.alarms.acknowledge(vera, alarm.id)
    seen = await post.services.alarms.acknowledge(olly, alarm.id, note="on it")
    assert (seen.state, seen.acknowledged_by, seen.note) == ("acknowledged", "user:olly", "on it")
    assert (await post.services.alarms.get(vera, alarm.id)) == seen
    assert await post.alarms(state="acknowledged") == await post.alarms(state="open") == [seen]
    await post.run(bad=True)
    assert (await post.alarms())[0].acknowledged_by == "user:olly"
    await post.run()
    with pytest.raises(Conflict, match="is closed: a run has succeeded"):
        await post.services.alarms.acknowledge(olly, alarm.id)
    with pytest.raises(NotFound):
        await post.services.alarms.get(vera, "alm_" + "0" * 32)
    with pytest.raises(Invalid, match="is not the id of an alarm"):
        await post.services.alarms.get(vera, "alm_1")


async def test_alarms_are_listed_in_pages(post: Post) -> None:
    await apply(post.services, task("{failed: each}"), task("{failed: each}", "other"))
    for name in ("job", "other", "job"):
        await post.run(name, bad=True)
    seen: list[AlarmView] = []
    cursor = None
    while True:
        page = await post.services.alarms.list(ROOT, "default", cursor=cursor, limit=1)
        seen += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert [one.task for one in seen] == ["job", "other", "job"]
    assert [one.task for one in await post.alarms(task="other")] == ["other"]
    with pytest.raises(Invalid, match="no cursor of this list"):
        await post.services.alarms.list(ROOT, "default", cursor="x")
