"""A version keeps its agents as they were: changing an agent changes no version that is there."""

from datetime import UTC, datetime

import pytest

from errands.core.ports import RunIdentity
from errands.services import Services
from errands.services.directory import Directory
from errands.services.principals import operator
from errands.services.views import Applied, SourceFile
from errands.store.database import Database

ANA = operator("ana")
_WRITER = "agent: writer\ninstructions: Be kind.\n"
_LETTER = 'task: letter\ndescription: Writes.\nagent: writer\nsteps: [{id: text, prompt: "Write."}]\n'


async def _apply(services: Services, *sources: str) -> list[Applied]:
    files = [SourceFile(f"file{number}.yaml", source) for number, source in enumerate(sources)]
    return await services.tasks.apply(ANA, "default", files)


@pytest.fixture
async def directory(database: Database) -> Directory:
    return Directory(database)


async def _instructions(database: Database, directory: Directory, version: int) -> str:
    project = str(await database.pool.fetchval("select id from projects where name = 'default'"))
    run = RunIdentity("run_1", "letter", "default", project, version, datetime.now(UTC))
    agent = await directory.agent(run, "writer")
    assert agent is not None
    return agent.instructions


async def test_a_run_works_with_the_agent_that_its_version_keeps(
    services: Services, database: Database, directory: Directory
) -> None:
    await _apply(services, _WRITER, _LETTER)
    await _apply(services, _WRITER.replace("kind", "rude"))
    assert await _instructions(database, directory, 1) == "Be kind."


async def test_applying_the_task_again_makes_a_version_with_the_changed_agent_and_shows_the_change(
    services: Services, database: Database, directory: Directory
) -> None:
    await _apply(services, _WRITER, _LETTER)
    await _apply(services, _WRITER.replace("kind", "brief"))
    (applied,) = await _apply(services, _LETTER)
    assert (applied.change, applied.version, applied.published) == ("changed", 2, True)
    assert '-  "instructions": "Be kind."' in applied.diff
    assert '+  "instructions": "Be brief."' in applied.diff
    assert await _instructions(database, directory, 2) == "Be brief."
    assert await _instructions(database, directory, 1) == "Be kind."


async def test_agent_and_task_applied_together_make_one_version(services: Services) -> None:
    await _apply(services, _WRITER, _LETTER)
    agent, task = await _apply(services, _WRITER.replace("kind", "brief"), _LETTER)
    assert (agent.change, task.change, task.version) == ("changed", "changed", 2)
    assert [one.change for one in await _apply(services, _WRITER.replace("kind", "brief"), _LETTER)] == [
        "unchanged",
        "unchanged",
    ]


async def test_a_version_from_before_that_habit_goes_on_with_the_project_s_agent(
    services: Services, database: Database, directory: Directory
) -> None:
    await _apply(services, _WRITER, _LETTER)
    await database.pool.execute("update task_versions set agents = null")
    await _apply(services, _WRITER.replace("kind", "brief"))
    assert await _instructions(database, directory, 1) == "Be brief."


async def test_an_agent_tells_which_versions_keep_it_as_it_was(services: Services) -> None:
    await _apply(services, _WRITER, _LETTER)
    (view,) = await services.agents.list(ANA, "default")
    assert [(one.task, one.version, one.current) for one in view.used_by] == [("letter", 1, True)]
    await _apply(services, _WRITER.replace("kind", "brief"))
    view = await services.agents.get(ANA, "default", "writer")
    assert [(one.task, one.version, one.current) for one in view.used_by] == [("letter", 1, False)]


async def test_a_removed_agent_stays_in_the_versions_that_keep_it(
    services: Services, database: Database, directory: Directory
) -> None:
    await _apply(services, _WRITER, _LETTER)
    await services.agents.remove(ANA, "default", "writer")
    assert await services.agents.list(ANA, "default") == []
    assert await _instructions(database, directory, 1) == "Be kind."
