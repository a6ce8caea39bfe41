"""The later life of a task: rolled back, compared, archived, deleted, and removed in the end with all that is its."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from errands.bootstrap import Runtime, open_services
from errands.core.access import Person, ProjectRole
from errands.core.outcomes import RunStatus
from errands.engine.retention import forget_ended, remove_deleted, remove_deleted_projects, remove_unneeded
from errands.services import Services
from errands.services.errors import Conflict, Denied, NotFound
from errands.services.principals import operator
from errands.services.thread_folders import sweep_folders
from errands.services.views import SourceFile
from errands.settings import Settings
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database
from errands.store.identifiers import new_id
from tests.services.approvals_bench import ends, waits

ANA = operator("ana")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SOURCE = """
task: report
description: Reports.
grants: {tools: [log]}
steps:
  - {id: said, python: "'one'"}
triggers:
  - {id: daily, schedule: {daily: "09:00", missed: {run: all, within: 30d}}}
  - {id: paid, event: {name: paid}}
"""
WAITS = "task: report\ndescription: Waits.\nsteps: [{wait: 90d}]\n"


async def apply(services: Services, source: str, message: str | None = None) -> None:
    await services.tasks.apply(ANA, "default", [SourceFile("report.yaml", source)], message=message)


@pytest.fixture
async def report(services: Services) -> Services:
    """The services of a process, with a published task."""
    await apply(services, SOURCE)
    return services


async def audited(database: Database, verb: str) -> list[str]:
    rows = await database.pool.fetch(
        "select detail::text from audit_entries where verb = $1 and outcome = 'done' order by seq", verb
    )
    return [row["detail"] for row in rows]


async def test_a_roll_back_publishes_the_older_version_and_says_why(report: Services, database: Database) -> None:
    await apply(report, SOURCE.replace("09:00", "10:00"))
    view = await report.tasks.publish(ANA, "default", "report", 1, message="ten is too late")
    assert (view.published, view.latest) == (1, 2)
    trigger = await report.triggers.get(ANA, "default", "report", "daily")
    assert trigger.sentence is not None
    assert "09:00" in trigger.sentence
    assert '"message":"ten is too late"' in (await audited(database, "task.publish"))[-1].replace(": ", ":")


async def test_two_versions_are_compared_in_the_tasks_own_words(report: Services) -> None:
    await apply(report, SOURCE.replace("'one'", "'two'"))
    found = await report.tasks.compare(ANA, "default", "report", 1, 2)
    ((step),) = found.differences
    assert (step.area, step.change, step.name) == ("step", "changed", "said")
    assert [(field.field, field.before, field.after) for field in step.fields] == [("python", "'one'", "'two'")]
    assert (await report.tasks.compare(ANA, "default", "report", 2, 2)).differences == ()
    with pytest.raises(NotFound):
        await report.tasks.compare(ANA, "default", "report", 1, 3)


async def test_an_archived_task_starts_nothing_and_is_left_out_of_lists(report: Services, database: Database) -> None:
    run = await report.runs.start(ANA, "default", "report", {})
    view = await report.retirement.archive(ANA, "default", "report", note="done with")
    assert view.archived_at is not None
    assert (await report.tasks.list(ANA, "default")).items == ()
    assert [task.name for task in (await report.tasks.list(ANA, "default", archived=True)).items] == ["report"]
    assert await database.pool.fetchval("select count(*) from triggers where next_at is not null") == 0
    for attempt in (
        report.runs.start(ANA, "default", "report", {}),
        report.runs.rerun(ANA, run.id),
        report.tasks.publish(ANA, "default", "report", 1),
        apply(report, SOURCE.replace("'one'", "'two'")),
        report.retirement.archive(ANA, "default", "report"),
    ):
        with pytest.raises(Conflict, match="archived"):
            await attempt
    assert len((await report.tasks.versions(ANA, "default", "report")).items) == 1


async def test_a_run_that_reaches_admission_after_the_archiving_is_skipped(report: Services, runtime: Runtime) -> None:
    from errands.engine.launching import Order

    row = await runtime.engine._parts.pool.fetchrow("select id, project_id, published_version_id from tasks")
    assert row is not None
    await report.retirement.archive(ANA, "default", "report")
    launched = await runtime.engine.launch(Order(row["project_id"], row["id"], row["published_version_id"], {}))
    assert (launched.status, launched.reason) == (RunStatus.SKIPPED, "the task is archived")


async def test_a_restored_task_plans_from_then_on_and_makes_up_for_nothing(
    report: Services, database: Database
) -> None:
    await report.retirement.archive(ANA, "default", "report")
    await database.pool.execute("update triggers set planned_up_to = now() - interval '10 days'")
    view = await report.retirement.restore(ANA, "default", "report")
    assert view.archived_at is None
    rows = await database.pool.fetch("select name, planned_up_to, next_at, now() as now from triggers order by name")
    daily, paid = rows
    assert daily["planned_up_to"] > daily["now"] - timedelta(minutes=1)
    assert (daily["next_at"] is not None, paid["next_at"]) == (True, None)
    assert (await report.runs.start(ANA, "default", "report", {})).status is RunStatus.QUEUED
    with pytest.raises(Conflict, match="not archived"):
        await report.retirement.restore(ANA, "default", "report")


async def test_what_was_deleted_can_be_brought_back_while_there_is_time(
    report: Services, database: Database, tmp_path: Path
) -> None:
    store = ArtifactStore(str(tmp_path / "artifacts"))
    first = await report.retirement.delete(ANA, "default", "report")
    assert first.remove_at is not None
    again = await report.retirement.delete(ANA, "default", "report")
    assert again.remove_at == first.remove_at, "a second delete does not put it off"
    assert await remove_deleted(database.pool, store, first.remove_at - timedelta(seconds=1)) == 0
    view = await report.retirement.restore(ANA, "default", "report")
    assert (view.archived_at, view.remove_at) == (None, None)
    assert await remove_deleted(database.pool, store, first.remove_at + timedelta(days=1)) == 0
    assert [task.name for task in (await report.tasks.list(ANA, "default")).items] == ["report"]


async def test_bringing_back_what_was_deleted_takes_the_right_to_delete(report: Services) -> None:
    editor = Person("usr_1", "ed", projects={"default": ProjectRole.EDITOR})
    with pytest.raises(Denied, match=r"task\.delete"):
        await report.retirement.delete(editor, "default", "report")
    await report.retirement.delete(ANA, "default", "report")
    with pytest.raises(Denied, match=r"task\.delete"):
        await report.retirement.restore(editor, "default", "report")
    await report.retirement.restore(ANA, "default", "report")
    await report.retirement.archive(editor, "default", "report")
    await report.retirement.restore(editor, "default", "report")


async def test_after_the_grace_a_task_goes_with_versions_runs_journals_and_files(
    working: Services, runtime: Runtime, database: Database
) -> None:
    files = "grants: {tools: [files.write, files.keep]}\nsteps:\n"
    files += "  - {tool: files.write, with: {path: a.txt, text: hello}}\n  - {tool: files.keep, with: {path: a.txt}}\n"
    await apply(working, f"task: report\ndescription: Keeps a file.\n{files}")
    await apply(working, SOURCE.replace("report", "other"))
    store = ArtifactStore(runtime.settings.artifacts)
    run = await working.runs.start(ANA, "default", "report", {}, version=1)
    stays = await working.runs.start(ANA, "default", "other", {})
    for one in (run, stays):
        async for event in working.runs.follow(ANA, one.id):
            assert event.kind != "ended" or event.run.status is RunStatus.SUCCEEDED
    (kept,) = await database.pool.fetch("select location from artifacts")
    assert await store.size(kept["location"]) == 5
    view = await working.retirement.delete(ANA, "default", "report")
    assert view.remove_at is not None
    assert await remove_deleted(database.pool, store, view.remove_at) == 1
    for table in ("tasks", "runs", "triggers", "artifacts", "task_versions"):
        assert (
            await database.pool.fetchval(f"select count(*) from {table}")
            == {
                "tasks": 1,
                "runs": 1,
                "triggers": 2,
                "artifacts": 0,
                "task_versions": 1,
            }[table]
        ), table
    assert await database.pool.fetchval("select count(distinct run_id) from steps") == 1
    with pytest.raises(OSError, match="No such file"):
        await store.get(kept["location"])
    assert '"removed"' in (await audited(database, "task.delete"))[-1]
    await apply(working, WAITS)


async def test_what_still_runs_is_cancelled_before_its_task_is_removed(
    working: Services, runtime: Runtime, database: Database
) -> None:
    await apply(working, WAITS)
    store = ArtifactStore(runtime.settings.artifacts)
    run = await working.runs.start(ANA, "default", "report", {})
    await waits(working, run.id)
    view = await working.retirement.delete(ANA, "default", "report")
    assert view.remove_at is not None
    assert await remove_deleted(database.pool, store, view.remove_at) == 0
    assert (await ends(working, run.id)).status is RunStatus.CANCELLED
    assert await remove_deleted(database.pool, store, view.remove_at) == 1
    assert await database.pool.fetchval("select count(*) from runs") == 0


@pytest.fixture
async def ended(database: Database) -> AsyncIterator[Database]:
    """Three tasks with a run that ended on each of ten days: as the server says, two days, five days."""
    project = new_id()
    await database.pool.execute("insert into projects (id, name) values ($1, 'p')", project)
    for name, keep in (("plain", None), ("short", timedelta(days=2)), ("long", timedelta(days=5))):
        task, version = new_id(), new_id()
        await database.pool.execute(
            "insert into tasks (id, project_id, name, description, keep_runs) values ($1, $2, $3, '', $4)",
            task,
            project,
            name,
            keep,
        )
        await database.pool.execute(
            "insert into task_versions (id, task_id, number, digest, source, definition, author) "
            "values ($1, $2, 1, '', '', '{}', 'a')",
            version,
            task,
        )
        for day in range(10):
            await database.pool.execute(
                "insert into runs (id, project_id, task_id, version_id, status, trigger, arguments, finished_at) "
                "values ($1, $2, $3, $4, 'succeeded', '{}', '{}', $5)",
                new_id(),
                project,
                task,
                version,
                NOON - timedelta(days=day, hours=1),
            )
    yield database


@pytest.mark.parametrize("batch", [1, 4, 500])
async def test_each_task_keeps_its_ended_runs_as_long_as_its_version_says(
    ended: Database, tmp_path: Path, batch: int
) -> None:
    store = ArtifactStore(str(tmp_path))
    await forget_ended(ended.pool, store, NOON, timedelta(days=8), batch=batch)
    rows = await ended.pool.fetch(
        "select tasks.name, count(*) as left from runs join tasks on tasks.id = runs.task_id group by 1"
    )
    assert {row["name"]: row["left"] for row in rows} == {"plain": 8, "short": 2, "long": 5}
    assert await forget_ended(ended.pool, store, NOON, None) == 0
    assert await ended.pool.fetchval("select count(*) from runs") == 15


async def test_the_published_version_says_how_long_runs_are_kept(report: Services, database: Database) -> None:
    keeping = "select keep_runs from tasks"
    assert await database.pool.fetchval(keeping) is None
    await apply(report, SOURCE + "limits: {keep_runs: 36h}\n")
    assert await database.pool.fetchval(keeping) == timedelta(hours=36)
    await report.tasks.publish(ANA, "default", "report", 1)
    assert await database.pool.fetchval(keeping) is None


async def test_the_grace_is_as_the_server_is_set(settings: Settings) -> None:
    hasty = settings.model_copy(update={"keep_deleted": timedelta(hours=1)})
    async with open_services(hasty, worker=False) as runtime:
        await apply(runtime.services, SOURCE)
        view = await runtime.services.retirement.delete(ANA, "default", "report")
    assert view.remove_at is not None
    assert timedelta(0) < view.remove_at - datetime.now(UTC) <= timedelta(hours=1)


async def test_a_deleted_project_starts_nothing_and_comes_back_with_what_was_at_work(
    report: Services, database: Database
) -> None:
    await report.tasks.apply(ANA, "default", [SourceFile("idle.yaml", SOURCE.replace("task: report", "task: idle"))])
    await report.retirement.archive(ANA, "default", "idle")
    gone = await report.projects.delete(ANA, "default", note="a trial")
    assert gone.remove_at is not None
    assert (await report.projects.delete(ANA, "default")).remove_at == gone.remove_at, "it is not put off"
    assert await report.projects.list(ANA) == []
    assert await report.projects.list(ANA, deleted=True) == ["default"]
    assert await database.pool.fetchval("select count(*) from triggers where next_at is not null") == 0
    for attempt in (
        report.runs.start(ANA, "default", "report", {}),
        apply(report, SOURCE.replace("'one'", "'two'")),
        report.retirement.restore(ANA, "default", "report"),
        report.secrets.set(ANA, "default", "KEY", "value"),
    ):
        with pytest.raises(Conflict):
            await attempt
    assert (await report.projects.restore(ANA, "default")).remove_at is None
    assert [task.name for task in (await report.tasks.list(ANA, "default")).items] == ["report"]
    assert await database.pool.fetchval("select count(*) from triggers where next_at is not null") == 1
    with pytest.raises(Conflict, match="not deleted"):
        await report.projects.restore(ANA, "default")
    assert [("a trial" in detail, "restore" in detail) for detail in await audited(database, "project.delete")] == [
        (True, False),
        (False, False),
        (False, True),
    ]


async def test_only_an_owner_deletes_a_project(report: Services) -> None:
    editor = Person(str(new_id()), "eve", projects={"default": ProjectRole.EDITOR})
    for attempt in (report.projects.delete(editor, "default"), report.projects.restore(editor, "default")):
        with pytest.raises(Denied):
            await attempt


async def test_after_the_grace_a_project_goes_with_all_that_is_its(
    report: Services, runtime: Runtime, database: Database, tmp_path: Path
) -> None:
    store = ArtifactStore(str(tmp_path / "artifacts"))
    await report.secrets.set(ANA, "default", "KEY", "value")
    thread = (await report.threads.create(ANA, "default")).id
    await report.attachments.attach(ANA, thread, "a.txt", b"text")
    await report.projects.create(ANA, "other")
    await report.runs.start(ANA, "default", "report", {})
    gone = await report.projects.delete(ANA, "default")
    assert gone.remove_at is not None
    assert await remove_deleted_projects(database.pool, store, gone.remove_at - timedelta(seconds=1)) == 0
    assert await remove_deleted_projects(database.pool, store, gone.remove_at) == 1
    for table in ("tasks", "runs", "triggers", "secrets", "threads", "attachments", "task_quarters"):
        assert await database.pool.fetchval(f"select count(*) from {table}") == 0, table
    assert await report.projects.list(ANA) == ["other"]
    with pytest.raises(NotFound):
        await report.projects.restore(ANA, "default")
    assert "removed" in (await audited(database, "project.delete"))[-1]


class _Away(ArtifactStore):
    """A store that answers no more, as for a process that is killed where it would remove files."""

    async def delete(self, refs: Iterable[str]) -> None:
        raise OSError("away")


async def test_files_of_a_removed_project_go_later_where_they_could_not_at_once(
    report: Services, database: Database, settings: Settings
) -> None:
    kept = settings.home / "artifacts"
    thread = (await report.threads.create(ANA, "default")).id
    await report.attachments.attach(ANA, thread, "a.txt", b"text")
    gone = await report.projects.delete(ANA, "default")
    assert gone.remove_at is not None
    with pytest.raises(OSError, match="away"):
        await remove_deleted_projects(database.pool, _Away(str(kept)), gone.remove_at)
    assert await report.projects.list(ANA) == []
    store, soon = ArtifactStore(str(kept)), datetime.now(UTC)
    (left,) = await store.names()
    assert await remove_unneeded(database.pool, store, soon) == 0, "whoever let go of them gets its time"
    assert await remove_unneeded(database.pool, store, soon + timedelta(hours=1)) == 1
    assert await store.names() == [], left
    assert await remove_unneeded(database.pool, store, soon + timedelta(hours=1)) == 0


async def test_folders_of_threads_go_with_their_project_and_no_others(
    report: Services, database: Database, tmp_path: Path
) -> None:
    folders = tmp_path / "chats"
    assert await sweep_folders(database, folders) == 0
    await report.projects.create(ANA, "other")
    ended, lives = [(await report.threads.create(ANA, project)).id for project in ("default", "other")]
    for name in (ended, lives, "notes"):
        (folders / name).mkdir(parents=True)
        (folders / name / "drawn.svg").write_text("<svg/>")
    assert await sweep_folders(database, folders) == 0
    gone = await report.projects.delete(ANA, "default")
    assert gone.remove_at is not None
    await remove_deleted_projects(database.pool, ArtifactStore(str(tmp_path / "artifacts")), gone.remove_at)
    assert await sweep_folders(database, folders) == 1
    assert sorted(folder.name for folder in folders.iterdir()) == sorted([lives, "notes"])
