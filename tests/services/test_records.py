"""What runs have left: taken along, and deleted with a trace in the audit log."""

from datetime import timedelta

import pytest

from errands.bootstrap import Runtime
from errands.core.access import Person, ProjectRole
from errands.services import Services
from errands.services.errors import Conflict, Denied, NotFound
from errands.services.principals import operator
from errands.services.views import SourceFile
from errands.store.database import Database
from errands.store.identifiers import new_id

ANA = operator("ana")
KEEPS = """
task: report
description: Keeps a file.
grants: {tools: [files.write, files.keep]}
steps:
  - {id: written, tool: files.write, with: {path: a.txt, text: "one"}}
  - {id: kept, tool: files.keep, with: {path: a.txt}}
"""
WAITS = "task: waits\ndescription: Waits.\nsteps: [{wait: 90d}]\n"


def _member(role: ProjectRole) -> Person:
    return Person(str(new_id()), "eve", projects={"default": role})


@pytest.fixture
async def report(working: Services) -> str:
    """A run that has ended, with a file."""
    files = [SourceFile("report.yaml", KEEPS), SourceFile("waits.yaml", WAITS)]
    await working.tasks.apply(ANA, "default", files)
    return await _ended(working)


async def _ended(services: Services) -> str:
    started = await services.runs.start(ANA, "default", "report", {})
    async for _ in services.runs.follow(ANA, started.id):
        pass
    return started.id


async def _audited(database: Database, verb: str) -> list[tuple[str, str, str]]:
    rows = await database.pool.fetch(
        "select name, outcome, detail::text from audit_entries where verb = $1 order by seq", verb
    )
    return [tuple(row) for row in rows]


async def test_a_deleted_run_is_gone_with_its_record_and_files_and_its_figures_stay(
    runtime: Runtime, report: str, database: Database
) -> None:
    services = runtime.services
    (file,) = (await services.runs.get(ANA, report)).artifacts
    await services.records.delete(ANA, report, note="holds a name")
    for table in ("runs", "steps", "artifacts", "log_lines"):
        assert await database.pool.fetchval(f"select count(*) from {table}") == 0, table
    with pytest.raises(NotFound):
        await services.artifacts.open(ANA, file.id)
    ((name, outcome, detail),) = await _audited(database, "run.delete")
    assert (name, outcome) == (report, "done")
    assert "holds a name" in detail
    assert "report" in detail
    (task,) = (await services.overview.insights(ANA, "default", "task")).rows
    assert (task.runs, task.succeeded, task.recent) == (1, 1, ())
    with pytest.raises(NotFound):
        await services.records.delete(ANA, report)


async def test_a_run_that_goes_on_is_not_deleted(runtime: Runtime, report: str) -> None:
    waiting = (await runtime.services.runs.start(ANA, "default", "waits", {})).id
    with pytest.raises(Conflict, match="has not ended"):
        await runtime.services.records.delete(ANA, waiting)
    await runtime.services.runs.get(ANA, waiting)


async def test_only_owners_delete_runs_and_what_was_refused_is_kept(
    runtime: Runtime, report: str, database: Database
) -> None:
    with pytest.raises(Denied):
        await runtime.services.records.delete(_member(ProjectRole.EDITOR), report)
    assert [outcome for _, outcome, _ in await _audited(database, "run.delete")] == ["denied"]
    await runtime.services.records.delete(_member(ProjectRole.OWNER), report)


async def test_whoever_takes_runs_along_is_in_the_audit_log_once(
    runtime: Runtime, report: str, database: Database
) -> None:
    services, viewer = runtime.services, _member(ProjectRole.VIEWER)
    view = await services.runs.get(ANA, report)
    page = await services.records.export(viewer, "default", task="report", since=view.queued_at - timedelta(days=1))
    assert [run.id for run in page.items] == [report]
    await services.records.export(viewer, "default", task="report", cursor=report)
    ((_, outcome, detail),) = await _audited(database, "run.export")
    assert (outcome, '"task"' in detail) == ("done", True)
    with pytest.raises(Denied):
        await services.records.export(Person(str(new_id()), "eve"), "default")
