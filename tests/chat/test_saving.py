"""A conversation becomes a task that makes the same calls and comes to the same output."""

import json
from typing import Any

import httpx
import pytest

from errands.chat.tracing import Trace, literal
from errands.core.definition.parsing import load_task
from errands.core.definition.steps import AgentStep, ToolStep
from errands.core.values import JsonObject
from tests.chat.conversation import Conversation
from tests.chat.scripted import ScriptedModel
from tests.chat.test_slash_commands import ended
from tests.tools.loopback import Web, serving

_LETTER = "Dear Ana, we have received your order with many thanks, and we send it to you before the end of this week."


async def _work(thread: Conversation, model: ScriptedModel, web: Web) -> None:
    """Fetch orders, tell who ordered, post a letter about one of them."""
    web.answer("/orders", json.dumps([{"id": 4711, "mail": "ana@example.com"}]), content_type="application/json")
    web.answer("/letters", json.dumps({"sent": True}), content_type="application/json")
    letter: JsonObject = {"to": "ana@example.com", "order": 4711, "text": _LETTER, "kind": "plain"}
    model.then(
        model.uses("http_request", url=web.url("/orders")),
        "ana@example.com has ordered.",
        model.uses("http_request", url=web.url("/letters"), method="POST", json=letter),
        "The letter is out.",
    )
    await thread.click(await thread.say(f"Fetch {web.url('/orders')} and say who ordered"))
    await thread.click(await thread.say(f"Post a letter to her, to {web.url('/letters')}"))


async def allowed(client: httpx.AsyncClient, run: str) -> dict[str, Any]:
    """The run, once the call that it holds back was approved and it has ended."""
    while not (asked := (await client.get("/api/v1/projects/default/approvals")).json()["items"]):
        pass
    answer = await client.post(f"/api/v1/approvals/{asked[0]['id']}/answer", json={"choice": "approve"})
    assert answer.status_code == 200, answer.text
    return await ended(client, run)


@pytest.mark.usefixtures("worker")
async def test_a_saved_conversation_rehearses_to_what_it_came_to_and_then_runs(
    admin: httpx.AsyncClient, thread: Conversation, model: ScriptedModel
) -> None:
    async with serving() as web:
        await _work(thread, model, web)
        assert [one.target for one in web.requests] == ["/orders", "/letters"]
        saved = await thread.say("/save order-letters Writes to whoever ordered")
        card = saved.card("task")
        assert card["rehearsal"]["differences"] == []
        assert card["rehearsal"]["output"]["json"] == {"sent": True}
        assert len(web.requests) == 2

        task = load_task(card["source"])
        fetched, told, wrote, posted = task.steps
        assert isinstance(fetched, ToolStep) and isinstance(posted, ToolStep)
        assert isinstance(told, AgentStep) and isinstance(wrote, AgentStep)
        assert fetched.with_["url"] == "{{ url }}"
        body = posted.with_["json"]
        assert body == {
            "to": "{{ http_request['json'][0]['mail'] }}",
            "order": "{{ http_request['json'][0]['id'] }}",
            "text": "{{ text_text }}",
            "kind": "plain",
        }
        assert {param.name: param.default for param in task.params}["url"] == web.url("/orders")
        assert (task.grants.tools, task.grants.hosts) == (("http.request",), (web.host,))

        await thread.confirm(card, "publish")
        tests = (await admin.post("/api/v1/projects/default/tasks/order-letters/test", json={})).json()
        assert [(one["passed"], one["differences"]) for one in tests] == [(True, [])]
        model.then("ana@example.com has ordered.", "Dear Ana!")
        run = (await admin.post("/api/v1/projects/default/tasks/order-letters/runs", json={})).json()["id"]
        # What the page said has led to the letter: unwatched, it waits for a person.
        assert (await allowed(admin, run))["output"]["json"] == {"sent": True}
        assert json.loads(web.requests[-1].body) == {
            "to": "ana@example.com",
            "order": 4711,
            "text": "Dear Ana!",
            "kind": "plain",
        }


async def test_the_assistant_saves_by_an_operation_too(thread: Conversation, model: ScriptedModel) -> None:
    model.then("A haiku.", model.uses("save_conversation", name="haiku"), "It is on the card.")
    await thread.say("Write a haiku on rain")
    card = (await thread.say("save that as a task")).card("task")
    (step,) = load_task(card["source"]).steps
    assert isinstance(step, AgentStep)
    assert step.prompt.strip() == "Write a haiku on rain"
    assert card["rehearsal"] == {"status": "succeeded", "output": "A haiku.", "differences": []}


async def test_calls_that_failed_or_were_refused_are_no_steps(thread: Conversation, model: ScriptedModel) -> None:
    model.then(
        model.uses("files_read", path="none.txt"),
        model.uses("files_write", path="a.txt", text="{{ not an expression }}"),
        "Written.",
        model.uses("http_request", url="http://127.0.0.1:1/"),
        "Then not.",
    )
    await thread.say("work")
    await thread.click(await thread.say("fetch"), allow=False)
    card = (await thread.say("/save a-file")).card("task")
    steps = load_task(card["source"]).steps
    assert [one.tool for one in steps if isinstance(one, ToolStep)] == ["files.write"]
    assert card["rehearsal"]["differences"] == []


def _compose(key: str, text: str) -> str:
    return f"composed {key}"


@pytest.mark.parametrize(
    ("value", "traced"),
    [
        ("Berlin", "{{ city }}"),
        ("Ber", "Ber"),
        (42, "{{ city }}"),
        (7, 7),
        (True, True),
        (None, None),
        ("secret:KEY", "secret:KEY"),
        ("from a result", "{{ page['rows'][1] }}"),
        (["Berlin", {"deep": "from a result"}], ["{{ city }}", {"deep": "{{ page['rows'][1] }}"}]),
        ("a {{ brace", "a {{ '{{' }} brace"),
        ("x" * 100, "composed city"),
    ],
)
def test_values_are_traced_to_where_they_came_from(value: Any, traced: Any) -> None:
    trace = Trace(["The weather in Berlin, please, for 42 days"], follow=True)
    trace.learn("page", {"rows": ["no", "from a result"]})
    assert trace.traced("city", value, _compose) == traced


def test_without_following_references_the_values_stay() -> None:
    trace = Trace([], follow=False)
    trace.learn("page", ["from a result"])
    assert trace.traced("x", "from a result", _compose) == "from a result"
    assert literal("{{ x }}") == "{{ '{{' }} x }}"
