"""What callers may ask of triggers: lists, previews, reasons, switches, backfills, calendars."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from errands.background import WorkerAndScheduler
from errands.bootstrap import Runtime
from errands.core.access import Person, SystemPrincipal
from errands.core.schedules import parse_schedule
from errands.core.values import Json
from errands.engine.scheduler import Scheduler
from errands.services import Services, backfills
from errands.services.errors import ChangedMeanwhile, Conflict, Denied, Invalid, NotFound
from errands.services.schedules import MOST_LINES, preview
from errands.services.trigger_lists import Order
from errands.services.trigger_views import PeriodView
from errands.services.views import SourceFile
from errands.store import projects, tasks, triggers
from errands.store.database import Database
from errands.store.errors import StoreUnavailable
from errands.store.migrations import HEAD, newer_tables
from errands.store.overtaken import overtaken

ANA = SystemPrincipal("operator", "operator", acts_as="user:ana")
STRANGER = Person("1", "eve")
HOUR = timedelta(hours=1)


class Hands:
    """A scheduler whose clock the test moves, on the services of a whole process."""

    def __init__(self, runtime: Runtime) -> None:
        self.now = datetime(2026, 3, 2, 8, tzinfo=UTC)
        self.services: Services = runtime.services
        self.pool = runtime.services.triggers._database.pool
        self.scheduler: Scheduler = runtime.engine.scheduler(clock=lambda: self.now)
        for service in (runtime.services.triggers, runtime.services.backfills, runtime.services.calendars):
            service._clock = lambda: self.now

    async def apply(self, schedule: str, *, more: str = "", name: str = "t") -> None:
        source = (
            f"task: {name}\ndescription: d\nsteps:\n  - {{python: '1'}}\ntriggers:\n"
            f"  - id: plan\n    schedule: {{{schedule}}}\n{more}"
        )
        await self.services.tasks.apply(ANA, "default", [SourceFile(f"{name}.yaml", source)])
        await self.scheduler.tick()

    async def pass_time(self, span: timedelta, steps: int = 1) -> None:
        for _ in range(steps):
            self.now += span
            await self.scheduler.tick()

    async def outcomes(self) -> list[tuple[str, str | None, str]]:
        """Outcome, code and source, earliest first."""
        rows = await self.services.triggers.ledger(ANA, "default", "t")
        return [(row.outcome, row.code, row.source) for row in reversed(rows)]


@pytest.fixture
def hands(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Hands:
    made = Hands(runtime)
    for module in ("trigger_sync", "tasks"):
        monkeypatch.setattr(f"errands.services.{module}.utc_now", lambda: made.now)
    return made


async def test_a_published_schedule_is_listed_with_its_sentence_and_next_moment(hands: Hands) -> None:
    await hands.apply("every: 1h, timezone: Europe/Berlin")
    (view,) = (await hands.services.triggers.list(ANA, "default")).items
    assert (view.task, view.name, view.sentence) == ("t", "plan", "Every hour, Europe/Berlin")
    assert view.next_at is not None
    assert hands.now < view.next_at <= hands.now + HOUR
    assert view.owner == "user:ana"


async def test_strangers_see_and_switch_nothing(hands: Hands) -> None:
    await hands.apply("every: 1h")
    service = hands.services.triggers
    with pytest.raises(Denied):
        await service.list(STRANGER, "default")
    with pytest.raises(Denied):
        await service.disable(STRANGER, "default", "t", "plan")
    with pytest.raises(Denied):
        await hands.services.backfills.start(STRANGER, "default", "t", "plan", hands.now - HOUR, hands.now)
    assert (await service.get(ANA, "default", "t", "plan")).enabled


async def test_a_trigger_that_is_not_there_is_refused_with_those_that_are(hands: Hands) -> None:
    await hands.apply("every: 1h")
    with pytest.raises(NotFound) as refused:
        await hands.services.triggers.get(ANA, "default", "t", "plam")
    assert refused.value.hint == "It has plan."


async def test_a_switch_set_by_hand_outlives_a_new_version_that_says_nothing_new_of_it(hands: Hands) -> None:
    await hands.apply("every: 1h")
    await hands.services.triggers.disable(ANA, "default", "t", "plan", note="too many")
    await hands.apply("every: 2h")
    view = await hands.services.triggers.get(ANA, "default", "t", "plan")
    assert (view.enabled, view.note, view.sentence) == (False, "too many", "Every 2 hours, UTC")
    assert view.held == "the trigger is disabled: too many"
    await hands.apply("every: 2h", more="    enabled: false\n")
    await hands.apply("every: 2h")
    assert (await hands.services.triggers.get(ANA, "default", "t", "plan")).enabled


async def test_a_schedule_that_did_not_change_goes_on_and_one_that_did_plans_anew(hands: Hands) -> None:
    await hands.apply("every: 1h")
    await hands.pass_time(HOUR)
    before = await hands.pool.fetchrow("select * from triggers")
    await hands.apply("every: 1h", more="    note: hourly\n")
    same = await hands.pool.fetchrow("select * from triggers")
    assert (same["next_at"], same["planned_up_to"]) == (before["next_at"], before["planned_up_to"])
    assert len(await hands.outcomes()) == 1
    await hands.apply("every: 7m")
    assert (await hands.pool.fetchrow("select * from triggers"))["next_at"] != before["next_at"]


async def test_a_trigger_that_is_taken_out_rests_and_keeps_its_ledger(hands: Hands) -> None:
    await hands.apply("every: 1h")
    await hands.pass_time(HOUR)
    bare = "task: t\ndescription: d\nsteps:\n  - {python: '1'}\n"
    await hands.services.tasks.apply(ANA, "default", [SourceFile("t.yaml", bare)])
    await hands.pass_time(HOUR, 3)
    assert (await hands.services.triggers.list(ANA, "default")).items == ()
    assert len(await hands.outcomes()) == 1
    with pytest.raises(Conflict):
        await hands.services.triggers.enable(ANA, "default", "t", "plan")
    await hands.apply("every: 1h")
    await hands.pass_time(HOUR)
    assert len(await hands.outcomes()) == 2


@pytest.mark.parametrize(("policy", "would_run"), [("none", 0), ("last", 1), ("all", 3)])
async def test_switching_on_says_beforehand_and_makes_up_for_what_the_schedule_says(
    hands: Hands, policy: str, would_run: int
) -> None:
    await hands.apply(f"every: 1h, missed: {policy}, overlap: allow")
    await hands.services.triggers.disable(ANA, "default", "t", "plan")
    await hands.pass_time(HOUR, 3)
    missed = await hands.services.triggers.missed_while_off(ANA, "default", "t", "plan")
    assert (missed.held_back, missed.would_run) == (3, would_run)
    await hands.services.triggers.enable(ANA, "default", "t", "plan")
    await hands.scheduler.tick()
    made = [outcome for outcome in await hands.outcomes() if outcome[0] == "started"]
    assert made == [("started", None, "missed")] * would_run
    assert (await hands.services.triggers.missed_while_off(ANA, "default", "t", "plan")).held_back == 0


async def test_switching_on_without_catching_up_runs_nothing_of_the_past(hands: Hands) -> None:
    await hands.apply("every: 1h")
    await hands.services.triggers.disable(ANA, "default", "t", "plan")
    await hands.pass_time(HOUR, 2)
    await hands.services.triggers.enable(ANA, "default", "t", "plan", catch_up=False)
    await hands.scheduler.tick()
    assert [outcome for outcome, _, _ in await hands.outcomes()] == ["missed", "missed"]


async def test_resuming_a_task_makes_up_for_its_pause(hands: Hands) -> None:
    await hands.apply("every: 1h")
    await hands.services.tasks.pause(ANA, "default", "t", "works on the roof")
    await hands.pass_time(HOUR, 2)
    assert (await hands.services.triggers.missed_while_paused(ANA, "default", "t")).would_run == 1
    await hands.services.tasks.resume(ANA, "default", "t")
    await hands.scheduler.tick()
    assert await hands.outcomes() == [("missed", "missed", "schedule"), ("started", None, "missed")]


async def test_why_names_the_reason_or_says_that_nothing_was_planned(hands: Hands) -> None:
    await hands.apply("every: 1h")
    await hands.services.triggers.disable(ANA, "default", "t", "plan", note="holiday")
    await hands.pass_time(HOUR)
    (row,) = await hands.services.triggers.ledger(ANA, "default", "t", "plan")
    why = await hands.services.triggers.why(ANA, "default", "t", "plan", row.planned_at + timedelta(seconds=20))
    assert why.occurrence == row
    assert why.sentence.endswith("skipped: the trigger is disabled: holiday.")
    other = await hands.services.triggers.why(ANA, "default", "t", "plan", row.planned_at - timedelta(minutes=10))
    assert other.sentence.startswith("Nothing was planned then (Every hour, UTC)")
    assert other.after == row.planned_at


async def test_a_backfill_says_its_count_starts_so_many_at_a_time_and_ends(hands: Hands) -> None:
    await hands.apply("every: 1h")
    await hands.pass_time(HOUR)
    (ran,) = await hands.services.triggers.ledger(ANA, "default", "t")
    start, end = ran.planned_at - 4 * HOUR, ran.planned_at + timedelta(minutes=1)
    hands.now = end
    plan = await hands.services.backfills.plan(ANA, "default", "t", "plan", start, end)
    assert (plan.starts, plan.already_ran) == (4, 1)
    view = await hands.services.backfills.start(ANA, "default", "t", "plan", start, end, max_concurrent=2)
    with pytest.raises(Conflict):
        await hands.services.backfills.start(ANA, "default", "t", "plan", start, end)
    await hands.scheduler.tick()
    assert await _active(hands) == 3  # two of the backfill, and the one that was planned
    await hands.pool.execute("update runs set status = 'succeeded', finished_at = now()")
    await hands.scheduler.tick()
    await hands.pool.execute("update runs set status = 'succeeded', finished_at = now()")
    await hands.scheduler.tick()
    (done,) = (await hands.services.backfills.list(ANA, "default")).items
    assert (done.id, done.status, done.started, done.passed_over) == (view.id, "done", 4, 1)
    assert [source for _, _, source in await hands.outcomes()] == ["backfill"] * 4 + ["schedule"]
    with pytest.raises(Invalid, match="nothing to fill"):
        await hands.services.backfills.start(ANA, "default", "t", "plan", start, end)


async def test_a_backfill_can_be_paused_and_cancelled(hands: Hands) -> None:
    await hands.apply("every: 1h")
    service = hands.services.backfills
    view = await service.start(ANA, "default", "t", "plan", hands.now - 5 * HOUR, hands.now)
    await service.pause(ANA, "default", view.id)
    await hands.scheduler.tick()
    assert await _active(hands) == 0
    await service.resume(ANA, "default", view.id)
    await hands.scheduler.tick()
    assert await _active(hands) == 1
    assert (await service.cancel(ANA, "default", view.id)).status == "cancelled"
    await hands.pool.execute("update runs set status = 'succeeded', finished_at = now()")
    await hands.scheduler.tick()
    assert await _active(hands) == 0
    with pytest.raises(Conflict):
        await service.resume(ANA, "default", view.id)


async def test_backfills_are_told_page_by_page_also_those_of_one_trigger(hands: Hands) -> None:
    await hands.apply("every: 1h")
    service = hands.services.backfills
    made: list[str] = []
    for hours in range(1, 5):
        view = await service.start(ANA, "default", "t", "plan", hands.now - hours * HOUR, hands.now)
        await service.cancel(ANA, "default", view.id)
        made.insert(0, view.id)
    for named in ({}, {"task": "t", "trigger": "plan"}):
        first = await service.list(ANA, "default", **named, limit=3)
        rest = await service.list(ANA, "default", **named, cursor=first.next_cursor, limit=3)
        assert [one.id for one in (*first.items, *rest.items)] == made
        assert rest.next_cursor is None
    with pytest.raises(Invalid, match="its own name"):
        await service.list(ANA, "default", task="t")
    with pytest.raises(NotFound):
        await service.list(ANA, "default", task="t", trigger="other")
    with pytest.raises(Invalid, match="no cursor"):
        await service.list(ANA, "default", cursor="x")


@pytest.mark.parametrize("hours", [(1, -1), (-1, -2)])
async def test_a_backfill_of_the_future_or_backwards_is_refused(hands: Hands, hours: tuple[int, int]) -> None:
    await hands.apply("every: 1h")
    start, end = (hands.now + hour * HOUR for hour in hours)
    with pytest.raises(Invalid):
        await hands.services.backfills.plan(ANA, "default", "t", "plan", start, end)


async def test_a_backfill_looks_through_no_endless_range(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    await hands.apply('every: 1s, window: {between: ["08:00", "08:01"], on: sat}')
    monkeypatch.setattr(backfills, "MOST_LOOKED", 1000)
    with pytest.raises(Invalid, match="More than 1,000 planned times lie in that range"):
        await hands.services.backfills.plan(ANA, "default", "t", "plan", hands.now - HOUR, hands.now)


async def test_a_calendar_closes_the_schedules_that_name_it_but_not_exempted_tasks(hands: Hands) -> None:
    closed = PeriodView(hands.now, hands.now + timedelta(days=1), "stocktaking")
    put = hands.services.calendars.put
    await put(ANA, None, "freeze", [closed], exempt_tags=["always"])
    await hands.apply("every: 1h, except: [{calendar: freeze}]")
    preview = await hands.services.triggers.preview(ANA, "default", "t", "plan", count=1)
    assert [line.verdict for line in preview.lines] == ["skipped"] * 23 + ["fires"]
    await put(ANA, "default", "freeze", [])
    assert len((await hands.services.triggers.preview(ANA, "default", "t", "plan", count=1)).lines) == 1
    (view,) = await hands.services.calendars.list(ANA, "default")
    assert not view.of_server
    await hands.services.calendars.remove(ANA, "default", "freeze")
    with pytest.raises(NotFound):
        await hands.services.calendars.remove(ANA, "default", "freeze")


async def test_a_calendar_that_somebody_else_has_changed_meanwhile_is_not_overwritten(hands: Hands) -> None:
    put, closed = hands.services.calendars.put, PeriodView(hands.now, hands.now + HOUR, None)
    mine = await put(ANA, "default", "freeze", [closed], edited=[])
    theirs = await put(ANA, "default", "freeze", [closed], exempt_tags=["urgent"], edited=[mine.digest])
    for edited, said in (([mine.digest], "has changed the calendar freeze"), ([], "is there already")):
        with pytest.raises(ChangedMeanwhile, match=said):
            await put(ANA, "default", "freeze", [], edited=edited)
    assert await hands.services.calendars.list(ANA, "default") == [theirs]
    with pytest.raises(ChangedMeanwhile, match="not there any more"):
        await put(ANA, None, "freeze", [], edited=[mine.digest])


async def test_a_period_that_ends_before_it_begins_is_refused(hands: Hands) -> None:
    with pytest.raises(Invalid, match="ends before it begins"):
        await hands.services.calendars.put(ANA, "default", "c", [PeriodView(hands.now, hands.now - HOUR)])


async def test_triggers_are_listed_page_by_page_by_task_or_the_next_to_start_first(hands: Hands) -> None:
    for hour, name in ((12, "c"), (9, "a"), (15, "b")):
        await hands.apply(f"daily: '{hour:02}:00'", name=name)
    listed = hands.services.triggers.list
    orders: list[tuple[Order, str]] = [("task", "abc"), ("next", "acb")]
    for order, expected in orders:
        seen, cursor = "", None
        while len(seen) < 3:
            page = await listed(ANA, "default", order=order, cursor=cursor, limit=1)
            seen, cursor = seen + "".join(one.task for one in page.items), page.next_cursor
        assert (seen, cursor) == (expected, None), order
    assert [one.task for one in (await listed(ANA, "default", ["c", "a"])).items] == ["a", "c"]
    first = await listed(ANA, "default", limit=1)
    for asked in ({"cursor": "nonsense"}, {"cursor": first.next_cursor, "order": "next"}, {"limit": 501}):
        with pytest.raises(Invalid):
            await listed(ANA, "default", **asked)
    with pytest.raises(NotFound):
        await listed(ANA, "default", ["a", "nobody"])


async def test_a_simulation_counts_starts_and_names_who_collides(hands: Hands) -> None:
    for name in ("a", "b", "c"):
        await hands.apply("daily: '09:00'", name=name)
    await hands.apply("every: 1m", name="often")
    view = await hands.services.triggers.simulate(ANA, "default", days=90)
    assert view.triggers == 4
    assert view.starts == pytest.approx(90 * 1440 + 270, rel=0.01)
    assert view.estimated == ("often/plan",)
    assert any("a/plan, b/plan, c/plan" in said and "09:00" in said for said in view.suggestions)


async def test_a_spec_is_previewed_in_two_zones(hands: Hands) -> None:
    view = await hands.services.triggers.preview_of(
        ANA, "default", {"daily": "09:00", "timezone": "Europe/Berlin"}, count=2, timezone="Asia/Tokyo"
    )
    assert view.sentence == "Every day at 09:00, Europe/Berlin"
    assert [(line.local.hour, line.reader_local.hour in (16, 17)) for line in view.lines] == [(9, True)] * 2
    with pytest.raises(Invalid, match="cannot be read"):
        await hands.services.triggers.preview_of(ANA, "default", {"daily": "29:00"})


def test_a_preview_looks_at_no_more_planned_times_than_it_shows() -> None:
    """A second a week, of every second: 600,000 are skipped before the next start."""
    spec: dict[str, Json] = {"every": "1s", "window": {"between": ["08:00", "08:01"], "on": "sat"}}
    began = time.process_time()
    view = preview(parse_schedule(spec), after=datetime(2026, 3, 2, tzinfo=UTC), count=1)
    assert (len(view.lines), view.ends) == (MOST_LINES, False)
    assert time.process_time() - began < 3


async def test_the_scheduler_hears_of_a_new_trigger_without_waiting(runtime: Runtime) -> None:
    """It sleeps for half a minute when nothing is due; the run must begin long before."""
    worker, scheduler, began = runtime.engine.worker(concurrency=4), runtime.engine.scheduler(), asyncio.Event()
    runtime.engine.bus.listen(lambda event: began.set() if event.kind == "taken" else None)
    working = asyncio.create_task(WorkerAndScheduler(worker, scheduler).run())
    try:
        await scheduler.ready.wait()
        await worker.ready.wait()
        source = (
            "task: t\ndescription: d\nsteps:\n  - {python: '1'}\ntriggers:\n"
            "  - {id: plan, schedule: {every: 1s, max_runs: 1}}\n"
        )
        await runtime.services.tasks.apply(ANA, "default", [SourceFile("t.yaml", source)])
        async with asyncio.timeout(10):
            await began.wait()
    finally:
        await scheduler.stop()
        await worker.stop(timedelta(seconds=5))
        await working
    (row,) = await runtime.services.triggers.ledger(ANA, "default", "t")
    assert (row.outcome, row.source) == ("started", "schedule")


async def test_while_a_task_is_edited_its_runs_start_and_the_scheduler_is_not_held_up(
    hands: Hands, database: Database
) -> None:
    await hands.apply("every: 1h")
    async with database.engine.begin() as connection:
        owner = await projects.find(connection, "default")
        assert owner is not None
        await projects.lock(connection, owner.id)
        edited = await tasks.find(connection, owner.id, "t", lock=True)
        assert edited is not None
        await triggers.of_task(connection, edited.id, lock=True)
        async with asyncio.timeout(10):
            assert (await hands.services.runs.start(ANA, "default", "t", {})).status.value == "queued"


async def test_a_worker_whose_tables_a_newer_release_has_taken_on_lets_go_and_says_so(runtime: Runtime) -> None:
    watch = partial(overtaken, runtime.database.pool, timedelta(milliseconds=5))
    worker, scheduler = runtime.engine.worker(concurrency=4), runtime.engine.scheduler()
    running = asyncio.create_task(WorkerAndScheduler(worker, scheduler, watch).run())
    await worker.ready.wait()
    await runtime.database.pool.execute("update alembic_version set version_num = '9999_newer'")
    try:
        async with asyncio.timeout(20):
            with pytest.raises(StoreUnavailable, match="brought the tables up to 9999_newer") as told:
                await running
    finally:
        await runtime.database.pool.execute("update alembic_version set version_num = $1", HEAD)
    assert "Install the release that the others have" in str(told.value.hint)
    assert await runtime.database.pool.fetchval("select count(*) from workers") == 0


async def test_tables_that_are_older_for_a_moment_or_gone_stop_nobody(runtime: Runtime) -> None:
    """A backup is being restored."""
    pool = runtime.database.pool
    assert await newer_tables(pool) is None
    try:
        await pool.execute("update alembic_version set version_num = '0002_people'")
        assert await newer_tables(pool) is None
    finally:
        await pool.execute("update alembic_version set version_num = $1", HEAD)


async def _active(hands: Hands) -> int:
    found: int = await hands.pool.fetchval("select count(*) from runs where status = 'queued'")
    return found
