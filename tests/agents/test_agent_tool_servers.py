"""Agents that call tools of tool servers; the real npm servers too, where they are at hand."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from errands.agents import Agents, Call, Models, scripted
from errands.core.definition.policies import Grants
from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.ports import AgentCall
from errands.core.tool_servers import ProgramConnection, ToolServer
from errands.tools.builtin import builtin_catalog
from errands.tools.hosts import HostPolicy
from errands.tools.limits import ToolLimits
from errands.tools.toolbox import Toolbox
from tests.agents.memory_journal import MemoryContext, MemoryJournal
from tests.agents.project import Directory
from tests.tools.test_tool_servers import Known

_SCRIPT = Path(__file__).parents[1] / "tools" / "tool_server.py"
_MODULES = os.environ.get("ERRANDS_TEST_NODE_MODULES", "")
"""A `node_modules` folder, as `make mcp` makes it. Where there is no Node on PATH, it has a link to one."""
_NODE = shutil.which("node", path=f"{os.environ.get('PATH', '')}:{_MODULES}/.bin")
needs_npm = pytest.mark.skipif(
    _NODE is None or not (Path(_MODULES) / "@modelcontextprotocol/server-everything").is_dir(),
    reason="needs node, and ERRANDS_TEST_NODE_MODULES with @modelcontextprotocol/server-everything and -filesystem",
)


async def _added(toolbox: Toolbox, known: Known, name: str, *command: str) -> None:
    way = ProgramConnection(command=command[0], args=command[1:])
    tools = await toolbox.look(name, way, {})
    known.by_name[name] = ToolServer(f"id-{name}", name, 1, way, of_server=False, tools=tools)


async def test_an_agent_calls_a_tool_of_a_server_and_what_it_gives_is_data_from_outside(tmp_path: Path) -> None:
    known = Known()
    toolbox = Toolbox(builtin_catalog(HostPolicy(), ToolLimits()), known)
    context = MemoryContext(MemoryJournal(), granted=Grants(tools=("crm/*",)), folder=tmp_path)
    model = scripted([Call("crm/add", {"a": 2, "b": 3}), Call("crm/add", {"a": "two"})], "Five.")
    agents = Agents(Directory(), toolbox, Models(extra={"scripted": model}))
    try:
        await _added(toolbox, known, "crm", sys.executable, str(_SCRIPT))
        done = await agents.work(AgentCall("Add.", model="scripted", tools=("crm/add",)), context)
        with pytest.raises(StepFailed) as refused:
            await agents.work(AgentCall("Add.", model="scripted", tools=("crm/none",)), context)
    finally:
        await toolbox.aclose()
    assert (done.output, done.untrusted) == ("Five.", True)
    outputs = context.journal.outputs()
    assert outputs["turn[1]/crm/add[0]"] == {"result": {"sum": 5}}
    assert "the arguments of crm/add are wrong" in str(outputs["turn[1]/crm/add[1]"])
    assert refused.value.error.kind is ErrorKind.NOT_FOUND


@needs_npm
async def test_the_servers_everything_and_filesystem_serve_steps_and_agents(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello from a file")
    known, packages = Known(), f"{_MODULES}/@modelcontextprotocol"
    toolbox = Toolbox(builtin_catalog(HostPolicy(), ToolLimits()), known)
    context = MemoryContext(MemoryJournal(), granted=Grants(tools=("everything/*", "fs/*")), folder=tmp_path)
    read = {"path": str(tmp_path / "a.txt")}
    model = scripted([Call("everything/echo", {"message": "hi"}), Call("fs/read_text_file", read)], "Done.")
    agents = Agents(Directory(), toolbox, Models(extra={"scripted": model}))
    try:
        await _added(toolbox, known, "everything", str(_NODE), f"{packages}/server-everything/dist/index.js", "stdio")
        await _added(toolbox, known, "fs", str(_NODE), f"{packages}/server-filesystem/dist/index.js", str(tmp_path))
        place = await toolbox.call("everything/get-structured-content", {"location": "New York"}, context)
        done = await agents.work(AgentCall("Go.", model="scripted", tools=("everything/echo", "fs/*")), context)
        with pytest.raises(StepFailed, match="Access denied"):
            await toolbox.call("fs/read_text_file", {"path": "/etc/hostname"}, context)
    finally:
        await toolbox.aclose()
    assert isinstance(place.output, dict)
    assert "temperature" in place.output
    assert done.output == "Done."
    assert "hello from a file" in str(context.journal.outputs()["turn[1]/fs/read_text_file[1]"])
