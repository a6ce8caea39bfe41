"""Templates in the chat, by commands alone: what is missing is told, and a click stores the draft."""

import httpx

from tests.chat.conversation import Conversation


async def test_a_template_is_found_tried_and_drafted_once_its_secrets_are_there(
    admin: httpx.AsyncClient, thread: Conversation
) -> None:
    assert "`report-generation`: " in (await thread.say("/templates")).text
    assert "asks `recipients`" in (await thread.say("/templates report-generation")).text
    tried = await thread.say("/templates report-generation try")
    assert tried.card("rehearsal")["status"] == "succeeded"
    assert "makes the file report-2026-03-02.html" in tried.text

    use = """/templates report-generation use recipients='["ana@example.com"]' day=thu"""
    assert "- `REPORT_DB`: URL of the database" in (await thread.say(use)).text
    for secret in ("REPORT_DB", "SMTP"):
        await admin.put(f"/api/v1/projects/default/secrets/{secret}", json={"value": "x"})
    drafted = (await thread.say(use)).card("task")
    assert (drafted["change"], "thu" in drafted["source"]) == ("created", True)
    assert (await admin.get("/api/v1/projects/default/tasks")).json()["items"] == []
    assert (await thread.confirm(drafted, "publish"))["published"] is True

    refused = await thread.say("/templates report-generation fly")
    assert "Write /templates NAME show, try or use." in (refused.error or "") + refused.text
