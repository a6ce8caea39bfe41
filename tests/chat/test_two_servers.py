"""Two servers over one database, as behind a balancer: an answer that one writes is followed on the other."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from errands.api.serving import listening, take_address
from errands.bootstrap import make_api, open_services
from errands.chat.stream import Message
from errands.settings import Settings
from errands.store.database import Database
from tests.chat.conversation import Conversation, read_events
from tests.chat.scripted import ScriptedModel
from tests.chat.test_streams import Slowly, browser, slow  # noqa: F401 (fixtures)


@dataclass
class Other:
    """The other server, seen by the same person."""

    client: httpx.AsyncClient
    stop: Callable[[], None]


@pytest.fixture
async def other(settings: Settings, browser: httpx.AsyncClient, tmp_path: Path) -> AsyncIterator[Other]:  # noqa: F811
    """A second process as far as threads go: nothing but the database is shared."""
    elsewhere = settings.model_copy(update={"home": tmp_path / "other"})
    async with (
        open_services(elsewhere, worker=False) as runtime,
        listening(make_api(runtime), take_address("127.0.0.1", 0), timedelta(seconds=5)) as server,
        httpx.AsyncClient(base_url=server.url, headers=browser.headers, timeout=30) as client,
    ):
        yield Other(client, runtime.chat.close)


async def _until(lines: AsyncIterator[str], what: str) -> str:
    """What was read up to the line that holds this."""
    read = ""
    async for line in lines:
        read += f"{line}\n"
        if what in line:
            return read
    raise AssertionError(f"{what} did not come; there was {read}")


async def _said(thread: Conversation, text: str) -> None:
    await thread.say(text)


def _made_of(chunks: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The parts of the message that these chunks make."""
    message = Message()
    for chunk in chunks:
        message.take(chunk)
    return message.parts


async def test_an_answer_is_followed_on_another_server_while_it_is_written(
    browser: httpx.AsyncClient,  # noqa: F811
    slow: Slowly,  # noqa: F811
    other: Other,
    database: Database,
) -> None:
    thread = await Conversation(browser).begin()
    saying = asyncio.create_task(_said(thread, "hi"))
    await _until_written(database)
    async with other.client.stream("GET", f"{thread.path}/stream") as stream:
        lines = stream.aiter_lines()
        assert stream.headers["x-vercel-ai-ui-message-stream"] == "v1"
        begun = await _until(lines, '"First"')
        assert not slow.go_on.is_set(), "told while it is written"
        slow.go_on.set()
        followed = read_events(begun + "\n".join([line async for line in lines]))
    await saying
    asked, answer = await thread.messages()
    assert followed[0]["messageId"] == answer["id"]
    assert followed[0]["messageMetadata"] == {"thread": thread.thread, "asked": asked["id"], "kept": 0}
    assert followed[-1] == thread.said[-1].chunks[-1], "what was used"
    assert _made_of(followed) == answer["parts"]
    assert (await other.client.get(f"{thread.path}/stream")).status_code == 204


async def test_an_answer_is_cancelled_from_another_server(
    browser: httpx.AsyncClient,  # noqa: F811
    slow: Slowly,  # noqa: F811
    other: Other,
    database: Database,
) -> None:
    thread = await Conversation(browser).begin()
    saying = asyncio.create_task(_said(thread, "hi"))
    await _until_written(database)
    async with other.client.stream("GET", f"{thread.path}/stream") as stream:
        lines = stream.aiter_lines()
        await _until(lines, '"First"')
        assert (await other.client.post(f"{thread.path}/cancel")).json() == {"cancelled": True}
        rest = "\n".join([line async for line in lines])
    await saying
    assert '"abort"' in rest
    assert [one["type"] for one in thread.said[-1].chunks[-2:]] == ["abort", "finish"], "its own reader is told too"
    last = (await thread.messages())[-1]
    assert (last["status"], last["parts"][-1]["text"]) == ("cancelled", "First")


async def test_whoever_follows_elsewhere_is_told_of_a_lost_process_and_a_deleted_thread(
    browser: httpx.AsyncClient,  # noqa: F811
    model: ScriptedModel,
    other: Other,
    database: Database,
) -> None:
    model.then("One.")
    thread = await Conversation(browser).begin()
    await thread.say("1")
    await database.pool.execute("update messages set status = 'answering', touched_at = now() where role = 'assistant'")
    async with other.client.stream("GET", f"{thread.path}/stream") as stream:
        lines = stream.aiter_lines()
        await _until(lines, '"One."')
        await database.pool.execute("update messages set touched_at = now() - interval '1 hour'")
        assert "Ask again" in "\n".join([line async for line in lines])
    await database.pool.execute("update messages set touched_at = now()")
    async with other.client.stream("GET", f"{thread.path}/stream") as stream:
        lines = stream.aiter_lines()
        await _until(lines, '"One."')
        await browser.delete(thread.path)
        assert "[DONE]" in "\n".join([line async for line in lines])


async def test_a_server_that_stops_lets_go_of_those_who_follow_elsewhere(
    browser: httpx.AsyncClient,  # noqa: F811
    slow: Slowly,  # noqa: F811
    other: Other,
    database: Database,
) -> None:
    thread = await Conversation(browser).begin()
    saying = asyncio.create_task(_said(thread, "hi"))
    await _until_written(database)
    async with other.client.stream("GET", f"{thread.path}/stream") as stream:
        lines = stream.aiter_lines()
        await _until(lines, '"First"')
        other.stop()
        assert "[DONE]" not in "\n".join([line async for line in lines]), "the page comes back, and is told the whole"
    slow.go_on.set()
    await saying


async def test_only_whoever_may_read_a_thread_follows_it(
    browser: httpx.AsyncClient,  # noqa: F811
    slow: Slowly,  # noqa: F811
    stranger: httpx.AsyncClient,
    database: Database,
) -> None:
    thread = await Conversation(browser).begin()
    saying = asyncio.create_task(_said(thread, "hi"))
    await _until_written(database)
    assert (await stranger.get(f"{thread.path}/stream")).status_code in (403, 404)
    slow.go_on.set()
    await saying


async def _until_written(database: Database) -> None:
    """An answer is being written somewhere."""
    while not await database.pool.fetchval("select count(*) from messages where status = 'answering'"):
        pass
