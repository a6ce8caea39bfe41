"""Script and Markdown in every field that a person, a model or another server can fill: it is text wherever it stands.

Each field is filled with the same attack, marked with the field's own name, so that the walk proves that it came to
each of them. What is said in a conversation is tried in `test_chat.py`.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.agents.fake_provider import calls, provider, says
from tests.page.conftest import SCREEN, NewDatabase, visit
from tests.page.loopback import aside
from tests.page.serving import ADMIN, PASSWORD, Served, serve
from tests.tools.tool_server import serve as tool_server

ATTACK = (
    "<img src=x onerror=window.hurt=1><script>window.hurt=1</script>"
    "![p](https://evil.example/p.png)[g](javascript:window.hurt=1)"
)
_HERE = "/projects/default"


class Fields:
    """The fields that were filled, and those that were seen again."""

    def __init__(self) -> None:
        self.filled: set[str] = set()
        self.seen: set[str] = set()

    def __call__(self, field: str) -> str:
        """The attack for a field."""
        self.filled.add(field)
        return f"@{field}@{ATTACK}"

    def quoted(self, field: str) -> str:
        """As it stands in a file."""
        return json.dumps(self(field))

    def look(self, page: Page, field: str) -> None:
        """It is on the screen, as text or in a field; whether it is in sight does not matter."""
        shown = page.get_by_text(f"@{field}@")
        typed = page.locator(f'input[value*="@{field}@"]').or_(page.locator("textarea", has_text=f"@{field}@"))
        with suppress(AssertionError):
            expect(shown.or_(typed).first).to_be_attached(timeout=8_000)
            self.seen.add(field)


def _task(fill: Fields) -> str:
    q = fill.quoted
    return f"""
task: hostile
title: {q("title")}
description: {q("description")}
params:
  name: {{type: string, title: {q("param-title")}, description: {q("param-about")}, default: {q("param-default")}}}
  kind: {{type: string, enum: [{q("param-choice")}], default: {json.dumps(fill("param-choice"))}}}
grants: {{tools: [log, files.write, files.keep], secrets: [HOOK]}}
steps:
  - {{id: computed, title: {q("step-title")}, python: {json.dumps("{'key': " + repr(fill("output-value")) + "}")}}}
  - {{id: told, tool: log, with: {{message: {q("log-line")}}}}}
  - {{id: md, tool: files.write, with: {{path: a.md, text: {q("markdown-file")}}}}}
  - {{id: md_kept, tool: files.keep, with: {{path: a.md}}}}
  - id: ok
    title: {q("asking-title")}
    approve:
      question: {q("question")}
      form: {{type: object, properties: {{text: {{type: string, title: {q("form-title")}, default: {q("form-default")}}}}}}}
      choices: [go, stop]
  - {{id: broken, python: {json.dumps("raise ValueError(" + repr(fill("error")) + ")" + chr(10) + "1")}}}
triggers: [{{id: hook, note: {q("trigger-note")}, webhook: {{token: "secret:HOOK"}}}}]
"""  # noqa: E501  (one step a line)


_AGENTIC = """
task: agentic
description: An agent that is told to hurt.
grants: {{tools: [log]}}
steps: [{{id: answer, prompt: {prompt}, agent: clerk}}]
output: "{{{{ answer }}}}"
"""


@pytest.fixture(scope="module")
def served(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of its own, for nothing of this is pleasant to look at elsewhere."""
    settings = {"ERRANDS_ALLOW_PRIVATE_HOSTS": "*"}
    with serve(new_database(), tmp_path_factory.mktemp("home"), settings=settings) as started:
        yield started


@pytest.fixture
def attacked(browser: Browser, served: Served) -> Iterator[BrowserContext]:
    """A browser whose own name is an attack, too."""
    with browser.new_context(base_url=served.url, viewport=SCREEN, user_agent=f"@session@{ATTACK}") as context:
        context.set_default_timeout(15_000)
        answer = context.request.post(
            "/api/v1/session",
            data={"name": ADMIN, "password": PASSWORD},
            headers={"Origin": served.url, "User-Agent": f"@session@{ATTACK}"},
        )
        assert answer.ok, answer.text()
        yield context


@pytest.mark.timeout(600)  # about forty screens
def test_nothing_that_anybody_can_write_is_more_than_text(
    attacked: BrowserContext, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill = Fields()
    fill("session")
    page, asked = attacked.new_page(), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    catalog = tmp_path / "catalog.json"
    catalog.write_text(json.dumps({"echo": fill("tool-about")}))
    monkeypatch.setenv("CATALOG", str(catalog))
    model = provider(calls(("log", json.dumps({"message": fill("call-argument")}))), says(fill("model-answer")))
    with aside(lambda: model) as fake, aside(tool_server) as tools:
        ids = _furnish(served, fill, fake.url, tools)
        catalog.write_text(json.dumps({"echo": fill("tool-changed")}))
        served.ask("POST", f"{_HERE}/tool-servers/crm/look")
        page.goto("/p/default")
        for path, fields in _SHOWN.items():
            visit(page, f"/p/default{path.format_map(ids)}")
            expect(page.get_by_role("heading", level=1).first).to_be_visible()
            if path in _PRESSED:
                name, place = _PRESSED[path]
                page.get_by_role("button", name=name).nth(place).click()
            for field in fields:
                fill.look(page, field)
            _unharmed(page)
    assert fill.filled - fill.seen == set(), "every field that was filled was looked at"
    assert [url for url in asked if not url.startswith((served.url, "blob:", "data:"))] == []


def _unharmed(page: Page) -> None:
    where = page.url
    assert page.evaluate("window.hurt") is None, where
    assert page.locator("img[src=x], img[src*='evil.example']").count() == 0, where
    assert page.locator("a[href^='javascript:' i]").count() == 0, where
    assert (
        page.locator("body script").count() == page.locator("body script[src^='/assets/'], body script[nonce]").count()
    ), where


def _furnish(served: Served, fill: Fields, model_url: str, tools_url: str) -> dict[str, str]:
    """Fill every field; ids of what the addresses need."""
    ask = served.ask
    ask("PUT", f"{_HERE}/secrets/HOOK", {"value": "quite secret"})
    files = {
        "tasks/hostile": _task(fill),
        "tasks/agentic": _AGENTIC.format(prompt=fill.quoted("prompt")),
        "agents/clerk": f"agent: clerk\ndescription: {fill.quoted('agent-about')}\nmodel: told\n"
        f"instructions: {fill.quoted('instructions')}\ntools: [log]\n"
        f"examples: [{{prompt: {fill.quoted('example-prompt')}, answer: {fill.quoted('example-answer')}}}]\n",
        "models/told": f"model: told\nprovider: openai-compatible\nname: {fill.quoted('model-name')}\n"
        f"base_url: {model_url}\n",
    }
    listed = [{"name": f"{name}.yaml", "source": source} for name, source in files.items()]
    ask("POST", f"{_HERE}/files", {"files": listed, "message": fill("version-message")})
    run = served.start("hostile", {"name": fill("argument")})
    served.until(run, "waiting")
    (question,) = ask("GET", f"{_HERE}/approvals")["items"]
    answer = {"choice": "go", "form": {"text": fill("form-answer")}, "note": fill("answer-note")}
    ask("POST", f"/approvals/{question['id']}/answer", answer)
    served.until(run, "failed")
    asking = served.start("hostile")
    served.until(asking, "waiting")
    stopped = served.start("hostile")
    served.until(stopped, "waiting")
    ask("POST", f"/runs/{stopped}/cancel", {"reason": fill("cancel-reason")})
    served.until(stopped, "cancelled")
    agentic = served.start("agentic", wait="30s")
    (open_one,) = [one for one in ask("GET", f"{_HERE}/approvals")["items"] if one["run"] == asking]
    ask("POST", f"{_HERE}/tasks/agentic/pause", {"note": fill("pause-note")})
    ask("PUT", f"{_HERE}/tool-servers/crm", {"connection": {"kind": "http", "url": tools_url}})
    ask("PUT", "/me", {"title": fill("person-title"), "email": None, "timezone": None})
    ask("PUT", "/groups/ops", {"title": fill("group-title")})
    ask("PUT", f"{_HERE}/members/group:ops", {"role": "viewer"})
    ask("POST", "/tokens", {"name": fill("token")[:100], "scopes": ["read"]})
    period = {"start": "2030-01-01T00:00:00Z", "end": "2030-01-02T00:00:00Z", "note": fill("closed-note")}
    ask("PUT", f"{_HERE}/calendars/freeze", {"periods": [period]})
    thread = ask("POST", f"{_HERE}/threads", {"title": fill("thread")})["id"]
    name = fill("kept-arguments")[:100]
    ask("PUT", f"{_HERE}/saved/arguments.hostile", {"name": name, "value": {"name": "x"}})
    return {
        "run": run,
        "asking": open_one["id"],
        "answered": question["id"],
        "agentic": agentic,
        "stopped": stopped,
        "thread": thread,
    }


_SHOWN: dict[str, tuple[str, ...]] = {
    "": (),
    "/tasks": ("title", "pause-note"),
    "/tasks/hostile": ("description", "step-title", "asking-title"),
    "/tasks/hostile?tab=yaml": ("param-choice",),
    "/tasks/hostile?tab=versions": ("version-message",),
    "/tasks/hostile?tab=runs": (),
    "/tasks/hostile?tab=triggers": ("trigger-note",),
    "/tasks/hostile?tab=access": (),
    "/tasks/hostile/edit": (),
    "/tasks/hostile/run": ("param-title", "param-about", "param-default", "kept-arguments"),
    "/runs": (),
    "/runs/{run}": ("error", "argument"),
    "/runs/{run}?step=computed": ("output-value",),
    "/runs/{run}?step=told&pane=logs": ("log-line",),
    "/runs/{run}?step=ok": ("form-answer",),
    "/runs/{run}/compare?with={stopped}": (),
    "/runs/{stopped}": ("cancel-reason", "markdown-file"),
    "/runs/{agentic}?step=answer&pane=messages": ("model-answer", "call-argument", "prompt"),
    "/inbox?all=true&approval={asking}": ("question", "form-title", "form-default"),
    "/inbox?all=true&approval={answered}": ("answer-note",),
    "/alarms": (),
    "/agents": ("agent-about",),
    "/agents/clerk": ("instructions", "example-prompt", "example-answer"),
    "/models": ("model-name",),
    "/models/told": (),
    "/tools": (),
    "/tools/servers": (),
    "/tools/servers/crm": ("tool-about", "tool-changed"),
    "/calendars": ("closed-note",),
    "/schedule": (),
    "/members": ("group-title",),
    "/members/accounts": ("person-title",),
    "/settings": ("token", "session"),
    "/chat": ("thread",),
    "/chat/{thread}": (),
    "/insights": (),
    "/audit": (),
}
"""Where each field is shown: the address, and what must be there."""
_PRESSED = {
    "/tasks/hostile/run": (re.compile("^Saved arguments$"), 0),
    "/runs/{stopped}": (re.compile("^Show "), 0),
}
"""The button that opens it there: its name, and which of those."""
