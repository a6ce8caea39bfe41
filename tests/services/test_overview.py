"""A project at a glance: figures by day and by task."""

from datetime import UTC, datetime, timedelta

import pytest

from errands.bootstrap import Runtime
from errands.services import Services
from errands.services.errors import Invalid
from errands.services.principals import operator
from errands.services.views import SourceFile

ROOT = operator("root")
_TASK = """
task: judge
description: Fails where it is told to.
params: {broken: {type: boolean, default: false}}
steps:
  - {id: judged, python: "1 // (0 if broken else 1)"}
"""


@pytest.fixture
async def judged(runtime: Runtime, working: Services) -> None:
    """Two runs that succeed, one that fails."""
    await runtime.services.tasks.apply(ROOT, "default", [SourceFile("judge.yaml", _TASK)], publish=True)
    for broken in (False, False, True):
        started = await runtime.services.runs.start(ROOT, "default", "judge", {"broken": broken})
        async for _ in runtime.services.runs.follow(ROOT, started.id):
            pass


@pytest.mark.usefixtures("judged")
async def test_figures_are_counted_by_day_and_by_task(runtime: Runtime) -> None:
    overview = await runtime.services.overview.get(ROOT, "default", days=3)
    assert [day.day for day in overview.days] == [datetime.now(UTC).date() - timedelta(days=n) for n in (2, 1, 0)]
    assert (overview.days[-1].succeeded, overview.days[-1].failed) == (2, 1)
    (task,) = overview.tasks
    assert (task.task, task.runs, task.succeeded, task.failed) == ("judge", 3, 2, 1)
    assert [run.status for run in task.recent] == ["failed", "succeeded", "succeeded"]
    assert task.p95_seconds is not None
    assert task.p95_seconds > 0


@pytest.mark.usefixtures("judged")
async def test_a_screen_gets_the_figures_that_it_shows_and_no_others(runtime: Runtime) -> None:
    by_day = await runtime.services.overview.get(ROOT, "default", days=3, only="days")
    by_task = await runtime.services.overview.get(ROOT, "default", days=3, only="tasks")
    assert (len(by_day.days), by_day.tasks) == (3, ())
    assert (by_task.days, [task.runs for task in by_task.tasks]) == ((), [3])


@pytest.mark.usefixtures("judged")
async def test_insights_tell_who_started_what_and_put_the_worst_first(runtime: Runtime) -> None:
    by_person = await runtime.services.overview.insights(ROOT, "default", "person", order="often", days=1)
    assert [(row.name, row.runs, row.failed) for row in by_person.rows] == [(ROOT.reference, 3, 1)]
    by_task = await runtime.services.overview.insights(ROOT, "default", "task", days=1, limit=1)
    assert ([row.name for row in by_task.rows], by_task.all) == (["judge"], 1)
    assert [run.status for run in by_task.rows[0].recent] == ["failed", "succeeded", "succeeded"]
    with pytest.raises(Invalid, match="no running times by model"):
        await runtime.services.overview.insights(ROOT, "default", "model", order="slow")


async def test_days_begin_in_the_readers_zone(runtime: Runtime) -> None:
    overview = await runtime.services.overview.get(ROOT, "default", days=1, timezone="Pacific/Kiritimati")
    assert overview.days[0].day == (datetime.now(UTC) + timedelta(hours=14)).date()


@pytest.mark.parametrize(("days", "timezone"), [(0, "UTC"), (91, "UTC"), (7, "Mars/Base")])
async def test_what_cannot_be_shown_is_refused(runtime: Runtime, days: int, timezone: str) -> None:
    with pytest.raises(Invalid):
        await runtime.services.overview.get(ROOT, "default", days=days, timezone=timezone)
