"""Tool servers as people manage them, and as runs of a whole process use them."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from errands.core.access import Person, ProjectRole, ServerRole
from errands.core.outcomes import RunStatus
from errands.services import Services
from errands.services.errors import ChangedMeanwhile, Conflict, Denied, Invalid, NotFound
from errands.services.principals import operator
from errands.services.views import RunView, SourceFile
from errands.store.database import Database
from tests.tools.tool_server import serve

ANA = operator("ana")
EDITOR = Person("p-1", "ed", projects={"default": ProjectRole.EDITOR})
ADMIN = Person("p-2", "root", server_role=ServerRole.ADMIN)
_SCRIPT = Path(__file__).parents[1] / "tools" / "tool_server.py"
_PROGRAM: dict[str, Any] = {"kind": "program", "command": sys.executable, "args": [str(_SCRIPT)]}
_QUICK: dict[str, Any] = {"kind": "program", "command": sys.executable, "args": [str(_SCRIPT), "babble"]}
_TASK = """
task: sums
description: Adds by way of a tool server.
grants: {tools: ["crm/*"]}
steps:
  - {id: total, tool: crm/add, with: {a: 2, b: 3}}
output: "{{ total['sum'] }}"
"""


async def _run(services: Services, source: str) -> RunView:
    await services.tasks.apply(ANA, "default", [SourceFile("task.yaml", source)])
    started = await services.runs.start(ANA, "default", source.split()[1], {})
    async for _ in services.runs.follow(ANA, started.id):
        pass
    return await services.runs.get(ANA, started.id)


async def test_a_tool_step_calls_a_tool_of_a_server(working: Services) -> None:
    async with serve() as url:
        view = await working.tool_servers.put(EDITOR, "default", "crm", {"kind": "http", "url": url})
        assert (view.health, view.shared) == ("ok", False)
        run = await _run(working, _TASK)
    assert (run.status, run.output) == (RunStatus.SUCCEEDED, 5)


async def test_a_task_that_names_a_tool_wrongly_is_refused_with_the_nearest(services: Services) -> None:
    async with serve() as url:
        await services.tool_servers.put(EDITOR, "default", "crm", {"kind": "http", "url": url})
    problems = await services.tasks.validate(ANA, "default", _TASK.replace("crm/add", "crm/ad"))
    assert [(one.message, one.hint) for one in problems if one.severity == "error"] == [
        ("there is no tool `crm/ad`", 'did you mean "crm/add"?')
    ]
    problems = await services.tasks.validate(ANA, "default", _TASK.replace("b: 3", "c: 3"))
    assert any("c" in one.message for one in problems)


async def test_only_administrators_add_programs_and_shared_servers(services: Services) -> None:
    with pytest.raises(Denied):
        await services.tool_servers.put(EDITOR, "default", "crm", _QUICK)
    with pytest.raises(Denied):
        await services.tool_servers.put(EDITOR, None, "crm", {"kind": "http", "url": "https://crm.example/mcp"})
    await services.tool_servers.put(ADMIN, "default", "crm", _QUICK)
    for act in (
        services.tool_servers.remove(EDITOR, "default", "crm"),
        services.tool_servers.look(EDITOR, "default", "crm"),
        services.tool_servers.put(EDITOR, "default", "crm", {"kind": "http", "url": "https://crm.example/mcp"}),
        services.tool_servers.set_effect(EDITOR, "default", "crm", "babble", "reads"),
    ):
        with pytest.raises(Denied):
            await act


async def test_what_has_changed_is_shown_and_used_only_when_it_is_accepted(services: Services, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.json"
    catalog.write_text("{}")
    way = {**_QUICK, "env": {"CATALOG": str(catalog)}}
    await services.tool_servers.put(ADMIN, "default", "crm", way)
    with pytest.raises(Conflict, match="accepted already"):
        await services.tool_servers.accept(ADMIN, "default", "crm")
    catalog.write_text(json.dumps({"babble": "Writes what it is told."}))
    view = await services.tool_servers.look(ADMIN, "default", "crm")
    (change,) = view.changes
    assert (view.health, change.change, change.parts) == ("changed", "changed", ("description",))
    assert change.before is not None
    assert change.after is not None
    assert (change.before["description"], change.after["description"]) == ("Writes.", "Writes what it is told.")
    with pytest.raises(Invalid, match="'other' is not among what has changed: babble"):
        await services.tool_servers.accept(ADMIN, "default", "crm", ["other"])
    view = await services.tool_servers.accept(ADMIN, "default", "crm", ["babble"])
    assert (view.health, view.tools[0].description) == ("ok", "Writes what it is told.")


async def test_a_shared_server_serves_the_projects_that_it_names_with_the_installation_s_secret(
    working: Services, database: Database
) -> None:
    await working.projects.create(ANA, "sales")
    await working.secrets.set(ADMIN, None, "TOKEN", "t-42-secret")
    async with serve(token="t-42-secret") as url:
        way = {"kind": "http", "url": url, "bearer": "secret:TOKEN"}
        view = await working.tool_servers.put(ADMIN, None, "crm", way, projects=["default"])
        assert view.health == "ok", view.problem
        run = await _run(working, _TASK)
    assert (run.status, run.output) == (RunStatus.SUCCEEDED, 5)
    assert [one.name for one in await working.tool_servers.list(ANA, "default")] == ["crm"]
    assert await working.tool_servers.list(ANA, "sales") == []
    assert "crm/add" not in {tool.name for tool in await working.tool_servers.tools(ANA, "sales")}
    entries = await database.pool.fetch("select detail::text as said from audit_entries")
    assert not any("t-42" in row["said"] for row in entries)


async def test_a_server_that_cannot_be_reached_is_kept_with_what_is_wrong(services: Services) -> None:
    way = {"kind": "http", "url": "http://127.0.0.1:9/mcp"}
    view = await services.tool_servers.put(EDITOR, "default", "crm", way)
    assert view.health == "problem"
    assert view.problem is not None
    assert "127.0.0.1:9" in view.problem
    view = await services.tool_servers.put(EDITOR, "default", "crm", {**way, "bearer": "secret:NOPE"})
    assert view.problem == "There is no secret NOPE. Set it: errands secrets set NOPE"


@pytest.mark.parametrize(
    ("name", "way", "told"),
    [
        ("Crm", {"kind": "http", "url": "https://crm.example"}, "cannot be the name"),
        ("crm", {"kind": "ftp"}, "does not match any of the expected tags"),
        ("crm", {"kind": "http", "url": "crm.example"}, "url"),
        ("crm", {"kind": "http", "url": "https://crm.example", "bearer": "abc"}, "must be a reference to a secret"),
        ("crm", {"kind": "http", "url": "https://crm.example", "headers": {"X-Api-Key": "abc"}}, "written out"),
        ("crm", {"kind": "http", "url": "https://crm.example", "timeout": "soon"}, "timeout"),
    ],
)
async def test_a_server_that_cannot_be_is_refused_and_nothing_is_kept(
    services: Services, name: str, way: dict[str, Any], told: str
) -> None:
    with pytest.raises(Invalid, match=told):
        await services.tool_servers.put(ANA, "default", name, way)
    assert await services.tool_servers.list(ANA, "default") == []


async def test_a_removed_server_is_gone(services: Services) -> None:
    await services.tool_servers.put(ADMIN, "default", "crm", _QUICK)
    await services.tool_servers.remove(ADMIN, "default", "crm")
    with pytest.raises(NotFound):
        await services.tool_servers.get(ANA, "default", "crm")


async def test_a_server_that_somebody_else_changed_meanwhile_is_not_overwritten(services: Services) -> None:
    made = await services.tool_servers.put(ADMIN, "default", "crm", _QUICK, edited=[])
    off = await services.tool_servers.put(ADMIN, "default", "crm", _QUICK, enabled=False, edited=[made.digest])
    for began in ([made.digest], []):
        with pytest.raises(ChangedMeanwhile):
            await services.tool_servers.put(ADMIN, "default", "crm", _QUICK, edited=began)
    assert not (await services.tool_servers.get(ADMIN, "default", "crm")).enabled
    assert (await services.tool_servers.get(ADMIN, "default", "crm")).digest == off.digest
