"""Programs of the MCP project, where they are at hand: its servers as our tools, its Inspector as our client."""

import asyncio
import itertools
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.agents.fake_provider import calls, provider, says
from tests.journeys.conftest import RunningServer
from tests.journeys.errands_command import Ended, Errands, client_of

_MODULES = Path(os.environ.get("ERRANDS_TEST_NODE_MODULES", "/nonexistent"))
"""A `node_modules` folder, as `make mcp` makes it. Where there is no Node on PATH, it has a link to one."""
_NODE = shutil.which("node", path=f"{os.environ.get('PATH', '')}:{_MODULES / '.bin'}")
_OURS = _MODULES / "@modelcontextprotocol"
_NEEDED = ("server-everything", "server-filesystem", "inspector")
pytestmark = pytest.mark.skipif(
    _NODE is None or not all((_OURS / name).is_dir() for name in _NEEDED),
    reason=f"needs node, and ERRANDS_TEST_NODE_MODULES with {', '.join(_NEEDED)} of @modelcontextprotocol",
)
_TASK = """
task: both
description: A tool step and an agent step use tool servers.
grants: {tools: ["everything/*", "fs/*"], untrusted: ["everything/*", "fs/*"]}
steps:
  - {id: weather, tool: everything/get-structured-content, with: {location: New York}}
  - {id: said, agent: reader, prompt: Read the file.}
output: {weather: "{{ weather }}", said: "{{ said }}"}
"""
_HELLO = """
task: hello
description: Says hello.
params: {name: {type: string, minLength: 2}}
steps: [{id: said, python: "'hello ' + name"}]
output: "{{ said }}"
"""
_projects = itertools.count(1)


def _client(server: RunningServer, folder: Path) -> tuple[str, Errands]:
    project = f"node-{next(_projects)}"
    server.ask("PUT", f"/projects/{project}", {})
    return project, client_of(folder, server.url, server.token, project)


async def _done(errands: Errands, *arguments: str) -> Ended:
    ended = await asyncio.to_thread(errands, *arguments)
    assert ended.code == 0, f"{ended.code}: {ended.out}\n{ended.err}"
    return ended


async def test_the_servers_everything_and_filesystem_serve_a_tool_step_and_an_agent_step(
    server: RunningServer, tmp_path: Path
) -> None:
    folder = tmp_path / "shown"
    folder.mkdir()
    (folder / "a.txt").write_text("hello from a file")
    _, errands = _client(server, tmp_path)
    everything = f"{_NODE} {_OURS}/server-everything/dist/index.js stdio"
    await _done(errands, "servers", "add", "everything", "--command", everything)
    await _done(
        errands, "servers", "add", "fs", "--command", f"{_NODE} {_OURS}/server-filesystem/dist/index.js {folder}"
    )
    read, echo = json.dumps({"path": f"{folder}/a.txt"}), json.dumps({"message": "hi"})
    async with provider(calls(("fs_read_text_file", read), ("everything_echo", echo)), says("It says hello.")) as fake:
        model = f"model: fast\nprovider: openai-compatible\nname: tiny\nbase_url: {fake.url}\n"
        agent = "agent: reader\nmodel: fast\ntools: [everything/echo, fs/read_text_file]\n"
        for name, text in (("m.yaml", model), ("a.yaml", agent), ("both.yaml", _TASK)):
            errands.write(f"tasks/{name}", text)
        await _done(errands, "apply", "tasks")
        ran = await _done(errands, "run", "both", "--json")
    output = ran.document["output"]
    assert output["said"] == "It says hello."
    assert "temperature" in output["weather"]
    answers = [message["content"] for message in fake.bodies[1]["messages"] if message["role"] == "tool"]
    assert "hello from a file" in answers[0]
    assert "Echo: hi" in answers[1]


async def test_the_inspector_lists_our_tools_calls_one_and_is_told_what_is_wrong(
    server: RunningServer, tmp_path: Path
) -> None:
    project, errands = _client(server, tmp_path)
    errands.write("tasks/hello.yaml", _HELLO)
    await _done(errands, "apply", "tasks")

    def inspect(*arguments: str) -> Any:
        command = [
            str(_NODE),
            str(_MODULES / ".bin/mcp-inspector"),
            "--cli",
            f"{server.url}/mcp",
            "--transport",
            "http",
        ]
        token = f"Authorization: Bearer {server.token}"
        done = subprocess.run(
            [*command, *arguments, "--header", token], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    listed = await asyncio.to_thread(inspect, "--method", "tools/list")
    assert {"start_run", f"{project}__hello"} <= {tool["name"] for tool in listed["tools"]}
    call = ("--method", "tools/call", "--tool-name", f"{project}__hello", "--tool-arg")
    answered = await asyncio.to_thread(inspect, *call, "name=ana")
    assert (answered["isError"], answered["structuredContent"]["output"]) == (False, "hello ana")
    wrong = await asyncio.to_thread(inspect, *call, "name=x")
    assert wrong["isError"]
    assert "at least 2 characters" in wrong["content"][0]["text"]
