"""Backtests and the gate before publishing, with the real command as a client of a real server."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agents.fake_provider import FakeProvider, provider, says
from tests.journeys.conftest import RunningServer
from tests.journeys.errands_command import Ended, Errands, client_of
from tests.tools.loopback import Web, serving

_AGENT = "agent: writer\nmodel: fast\ntools: [http.request]\n"
_TASK = """
task: notes
description: Stores a page, then says what another holds.
params: {at: {type: string}}
grants: {tools: [http.request], hosts: [127.0.0.1]}
steps:
  - {id: kept, tool: http.request, with: {method: POST, url: "http://{{ at }}/keep", text: "begin"}}
  - {id: page, tool: http.request, with: {url: "http://{{ at }}/page"}}
  - {id: note, agent: writer, prompt: "Say it in one word: {{ page['text'] }}"}
output: {note: "{{ note }}", status: "{{ page['status'] }}"}
"""
_projects = itertools.count(1)


class Scene:
    """A project on a server, with a model and a web server on loopback."""

    def __init__(self, errands: Errands, fake: FakeProvider, web: Web) -> None:
        self._errands = errands
        self.fake = fake
        self.web = web

    async def __call__(self, *arguments: str, code: int = 0) -> Ended:
        ended = await asyncio.to_thread(self._errands, *arguments)
        assert ended.code == code, f"{ended.code}: {ended.out}\n{ended.err}"
        return ended

    def write(self, name: str, text: str) -> str:
        return str(self._errands.write(name, text))

    async def tried(self, source: str, *more: str, code: int = 1) -> list[str]:
        """The lines that a backtest of a changed file prints."""
        ended = await self("backtest", self.write("changed.yaml", source), *more, code=code)
        assert ended.out, ended.err
        return [line.strip() for line in ended.out.splitlines()]


@pytest.fixture
async def scene(server: RunningServer, tmp_path: Path) -> AsyncIterator[Scene]:
    """Two runs of the task have succeeded."""
    project = f"backtests-{next(_projects)}"
    server.ask("PUT", f"/projects/{project}", {})
    async with provider(says("Hello", given=500, made=500)) as fake, serving() as web:
        made = Scene(client_of(tmp_path, server.url, server.token, project), fake, web)
        web.answer("/keep", "kept")
        web.answer("/page", "good day")
        model = f"model: fast\nprovider: openai-compatible\nname: tiny\nbase_url: {fake.url}\n"
        files = {"m.yaml": f"{model}price: {{input: 10, output: 10}}\n", "a.yaml": _AGENT, "notes.yaml": _TASK}
        for name, text in files.items():
            made.write(f"tasks/{name}", text)
        await made("apply", "tasks")
        for _ in range(2):
            await made("run", "notes", "-p", f"at={web.host}")
        web.requests.clear()
        fake.bodies.clear()
        yield made


async def test_a_changed_prompt_is_unanswered_unless_the_real_model_is_asked(scene: Scene) -> None:
    changed = _TASK.replace("Say it in one word", "Say it in two words")
    lines = await scene.tried(changed)
    assert lines.count("note: changed, unanswered") == 2
    assert lines[-1] == "2 runs: 2 unknown"
    assert "3 calls  1000 tok $0.0100 -> at least 0 tok" in lines[0]
    assert (scene.fake.bodies, scene.web.requests) == ([], [])

    scene.fake.behaviours = [says("Good day", given=900, made=100)]
    lines = await scene.tried(changed, "--live-models", "--max-usd", "0.5")
    assert lines.count("note: asked of the real model") == 2
    assert lines.count('output.note: expected "Hello", came "Good day"') == 2
    assert lines[-2:] == ["2 runs: 2 changed", "Real models: 2 requests, 2,000 tokens, $0.0200."]
    assert scene.web.requests == []

    lines = await scene.tried(changed, "--live-models", "--max-requests", "1")
    assert lines[-2] == "2 runs: 1 changed, 1 unknown"
    assert lines[-1].endswith("The budget is used up: what is unanswered was not asked.")


async def test_a_changed_tool_argument_is_unanswered_and_what_follows_is_unknown(scene: Scene) -> None:
    lines = await scene.tried(_TASK.replace('/page"', '/other"'))
    assert lines.count("page: changed, unanswered") == 2
    assert "not called any more" not in "".join(lines), "it is called, with another address"
    assert lines.count("note: changed, unanswered") == 2, "its prompt holds what the page said"
    assert lines[-1] == "2 runs: 2 unknown"


async def test_a_changed_order_of_steps_comes_out_the_same(scene: Scene) -> None:
    lines = _TASK.splitlines()
    kept, page = (next(line for line in lines if f"id: {name}" in line) for name in ("kept", "page"))
    turned = _TASK.replace(kept, "@").replace(page, kept).replace("@", page)
    assert turned != _TASK
    assert (await scene.tried(turned, code=0))[-1] == "2 runs: 2 same"


async def test_a_gate_holds_a_version_back_and_its_note_is_in_the_audit_log(
    scene: Scene, server: RunningServer
) -> None:
    told = await scene("gate", "set", "notes", "--runs", "2")
    assert told.out.strip() == "Of the last 2 runs none may come out otherwise (set for the task)."
    changed = scene.write("tasks/notes.yaml", _TASK.replace("{{ note }}", "{{ note.upper() }}"))
    held = await scene("apply", changed, code=2)
    assert "Version 2 of notes is held back: 2 of its last 2 runs would not come out the same" in held.err
    assert '(output.note: expected "Hello", came "HELLO")' in held.err
    await scene("apply", changed, "--no-publish")
    held = await scene("publish", "notes", "2", code=2)
    assert "errands backtest notes --version 2 --runs 2" in held.err
    published = await scene("publish", "notes", "2", "--overrule", "Capitals are wanted.")
    assert published.out.strip() == "Version 2 of notes is published."
    (entry,) = server.ask("GET", "/audit?verb=task.publish&name=notes&limit=1").json()["items"]
    assert entry["detail"]["overruled"] == "Capitals are wanted."
    assert len(entry["detail"]["gate"]["differing"]) == 2
    assert (await scene("gate", "clear", "notes")).out.strip() == "Nothing holds a version back."
