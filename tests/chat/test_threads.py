"""Threads: private, shared for reading, searched, deleted; files attached to them."""

from typing import Any

import httpx
import pytest

from errands.services import Services
from errands.store.database import Database
from tests.chat.conversation import Conversation
from tests.chat.scripted import ScriptedModel
from tests.faces.api.conftest import OPERATOR


async def test_a_thread_is_private_until_it_is_shared_and_then_only_read(
    editor: httpx.AsyncClient, viewer: httpx.AsyncClient
) -> None:
    mine = await Conversation(editor).begin(title="Plans")
    await mine.say("/help")
    theirs = Conversation(viewer, thread=mine.thread)
    assert (await viewer.get(mine.path)).status_code == 403
    assert (await viewer.get("/api/v1/projects/default/threads")).json()["items"] == []
    assert (await editor.put(mine.path, json={"shared": True})).json()["shared"] is True
    assert len(await theirs.messages()) == 2
    assert [one["title"] for one in (await viewer.get("/api/v1/projects/default/threads")).json()["items"]] == ["Plans"]
    body = {"message": {"role": "user", "parts": [{"type": "text", "text": "/help"}]}}
    for method, path, json in (
        ("POST", f"{mine.path}/messages", body),
        ("PUT", mine.path, {"title": "Ours"}),
        ("DELETE", mine.path, None),
        ("POST", f"{mine.path}/cancel", None),
    ):
        assert (await viewer.request(method, path, json=json)).status_code == 403, path
    await editor.put(mine.path, json={"shared": False})
    assert (await viewer.get(f"{mine.path}/messages")).status_code == 403


async def test_threads_are_found_by_words_in_titles_and_messages(
    admin: httpx.AsyncClient, editor: httpx.AsyncClient, model: ScriptedModel
) -> None:
    model.then("The invoice of Müller is 4711.", "Nothing of the sort.")
    first, second = await Conversation(admin).begin(), await Conversation(admin).begin(title="Weather")
    await first.say("Which invoice?")
    await second.say("Rain?")
    other = await Conversation(editor).begin(title="Private invoice")

    async def found(words: str) -> list[str]:
        answer = await admin.get("/api/v1/projects/default/threads", params={"q": words})
        return [one["id"] for one in answer.json()["items"]]

    assert await found("müller 4711") == [first.thread]
    assert await found("weather") == [second.thread]
    assert await found("invoice") == [first.thread]
    assert await found("nobody") == []
    assert other.thread not in await found("private")


async def test_lists_are_read_in_pages_the_latest_active_first(admin: httpx.AsyncClient) -> None:
    made = [(await Conversation(admin).begin(title=str(number))) for number in range(3)]
    await made[0].say("/help")
    read: list[str] = []
    cursor = None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await admin.get("/api/v1/projects/default/threads", params=params)).json()
        read += [one["title"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert read == ["0", "2", "1"]
    refused = await admin.get("/api/v1/projects/default/threads", params={"cursor": "nonsense"})
    assert refused.status_code == 422


async def test_messages_are_read_in_pages_back_from_the_newest(thread: Conversation) -> None:
    for _ in range(3):
        await thread.say("/help")
    newest = (await thread.client.get(f"{thread.path}/messages?limit=4")).json()
    older = (await thread.client.get(f"{thread.path}/messages?limit=4&cursor={newest['next_cursor']}")).json()
    ids = [one["id"] for one in (*older["items"], *newest["items"])]
    assert ids == sorted(ids)
    assert (len(ids), older["next_cursor"]) == (6, None)


async def test_an_agent_of_the_project_answers_with_its_own_instructions(
    admin: httpx.AsyncClient, model: ScriptedModel
) -> None:
    agent = "agent: pirate\nmodel: fake\ninstructions: Talk like a pirate.\ntools: [log]\n"
    await admin.post("/api/v1/projects/default/files", json={"files": [{"name": "a.yaml", "source": agent}]})
    model.then("Arr.")
    thread = await Conversation(admin).begin(agent="pirate")
    assert (await thread.say("hi")).text == "Arr."
    body = model.bodies[-1]
    assert "Talk like a pirate." in str(body["messages"][0])
    offered = [one["function"]["name"] for one in body["tools"]]
    assert "log" in offered
    assert "http_request" not in offered
    assert (await admin.post("/api/v1/projects/default/threads", json={"agent": "nobody"})).status_code == 404


async def test_files_are_kept_read_and_removed_with_their_thread(
    admin: httpx.AsyncClient, thread: Conversation, database: Database
) -> None:
    answer = await admin.post(f"{thread.path}/attachments?name=../notes.txt", content="Ünïcode".encode())
    file = answer.json()
    assert (answer.status_code, file["name"], file["readable"], file["size"]) == (201, "notes.txt", True, 9)
    kept = await admin.get(f"/api/v1/attachments/{file['id']}")
    assert (kept.text, kept.headers["content-disposition"].split(";")[0]) == ("Ünïcode", "attachment")
    assert (await admin.delete(thread.path)).status_code == 204
    assert (await admin.get(f"/api/v1/attachments/{file['id']}")).status_code == 404
    assert await database.pool.fetchval("select count(*) from attachments") == 0


async def test_a_file_is_removed_by_the_owner_of_its_thread_and_its_name_stays_where_it_was_said(
    admin: httpx.AsyncClient, editor: httpx.AsyncClient, thread: Conversation, services: Services
) -> None:
    file = (await admin.post(f"{thread.path}/attachments?name=a.txt", content=b"text")).json()
    part = {"type": "file", "url": f"attachment:{file['id']}", "mediaType": "text/plain", "filename": "a.txt"}
    await thread.say("/help", files=[part])
    await admin.put(thread.path, json={"shared": True})
    assert (await editor.delete(f"/api/v1/attachments/{file['id']}")).status_code == 403
    assert (await admin.delete(f"/api/v1/attachments/{file['id']}")).status_code == 204
    assert (await admin.get(f"/api/v1/attachments/{file['id']}")).status_code == 404
    assert (await admin.get(f"{thread.path}/attachments")).json() == []
    assert (await thread.messages())[0]["parts"][1]["filename"] == "a.txt"
    audit = (await admin.get("/api/v1/audit?verb=chat.use")).json()["items"]
    assert (audit[0]["detail"], audit[0]["name"]) == ({"act": "detach", "name": "a.txt"}, thread.thread)
    refused = await thread.client.post(f"{thread.path}/messages", json={"message": {"role": "user", "parts": [part]}})
    assert refused.status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", b"", "empty"),
        ("a.bin", b"x" * (10 * 2**20 + 1), "10 MiB"),
        ("/", b"x", "cannot be the name"),
    ],
)
async def test_a_file_that_cannot_be_kept_is_refused(
    admin: httpx.AsyncClient, thread: Conversation, name: str, content: bytes, said: str
) -> None:
    answer = await admin.post(f"{thread.path}/attachments", params={"name": name}, content=content)
    assert (answer.status_code, said in answer.json()["detail"]) == (422, True), answer.text
    assert (await admin.get(f"{thread.path}/attachments")).json() == []


async def test_a_document_is_turned_into_text_and_an_odd_file_says_why_not(
    admin: httpx.AsyncClient, thread: Conversation, model: ScriptedModel
) -> None:
    import io
    import zipfile

    sheet = io.BytesIO()
    with zipfile.ZipFile(sheet, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    odd = (await admin.post(f"{thread.path}/attachments?name=a.bin", content=bytes(range(256)))).json()
    assert odd["readable"] is False
    assert odd["note"]
    model.then("I cannot read it.")
    part = {"type": "file", "url": f"attachment:{odd['id']}", "mediaType": "x/y", "filename": "a.bin"}
    await thread.say("what is this?", files=[part])
    assert "cannot be read" in str(model.bodies[-1]["messages"][-1])


async def test_an_image_is_shown_to_the_model(
    admin: httpx.AsyncClient, thread: Conversation, model: ScriptedModel
) -> None:
    png = b"\x89PNG\r\n\x1a\n" + b"0" * 32
    image = (await admin.post(f"{thread.path}/attachments?name=a.png", content=png)).json()
    model.then("A picture.")
    await thread.say("look", files=[{"type": "file", "url": f"attachment:{image['id']}", "mediaType": "image/png"}])
    content: list[dict[str, Any]] = model.bodies[-1]["messages"][-1]["content"]
    assert [one["type"] for one in content] == ["text", "text", "image_url"]


async def test_who_shares_and_deletes_is_in_the_audit_log(
    admin: httpx.AsyncClient, services: Services, thread: Conversation
) -> None:
    await admin.put(thread.path, json={"shared": True})
    await admin.delete(thread.path)
    entries = (await admin.get("/api/v1/audit?verb=chat.use")).json()["items"]
    assert [one["detail"]["act"] for one in entries] == ["delete", "share", "create"]
    assert {one["name"] for one in entries} == {thread.thread}
    assert (await services.threads.list(OPERATOR, "default")).items == ()
