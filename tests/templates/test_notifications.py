"""One event for several people: each is told in their own way, at their own hour, over real mail and a real channel."""

import json
from datetime import UTC, datetime

import pytest

from errands.core.outcomes import RunStatus
from errands.core.values import Json
from tests.templates.stage import PROJECT, ROOT, Stage, sent
from tests.tools.loopback import Web
from tests.tools.mail_server import MailServer

_TASK = "notifications"
_QUIET: Json = ["22:00", "07:00"]
_PEOPLE: list[Json] = [
    {"name": "ana", "mail": "ana@example.com", "channels": ["mail"], "topics": ["outage"], "quiet": _QUIET,
     "timezone": "Europe/Berlin"},
    {"name": "bo", "mail": "bo@example.com", "channels": ["mail", "chat"], "topics": ["outage"], "quiet": _QUIET,
     "timezone": "America/New_York"},
    {"name": "cy", "mail": "cy@example.com", "channels": ["mail"], "topics": [], "digest": ["outage"],
     "timezone": "UTC"},
    {"name": "di", "channels": ["chat"], "topics": ["release"], "timezone": "UTC"},
]  # fmt: skip


@pytest.fixture
async def adopted(stage: Stage, web: Web, mail: MailServer) -> Web:
    web.answer("/team")
    await stage.secret("TEAM_CHAT", f"json://{web.host}/team")
    await stage.adopt(_TASK, people=_PEOPLE)
    return web


def _chat(web: Web) -> list[str]:
    return [json.loads(one.body)["title"] for one in web.requests]


async def _happens(stage: Stage, topic: str, title: str) -> None:
    """The project's event, and the run that it starts."""
    before = len(await stage.runs_of(_TASK))
    payload: Json = {"topic": topic, "title": title, "text": "More."}
    await stage.services.events.send(ROOT, PROJECT, "notice", key=None, payload=payload)
    await stage.tick()
    runs = await stage.runs_of(_TASK)
    assert len(runs) == before + 1
    ran = await stage.ends(runs[-1].id)
    assert ran.status is RunStatus.SUCCEEDED, ran.error


async def test_each_person_is_told_now_after_quiet_hours_or_in_the_digest(
    stage: Stage, adopted: Web, mail: MailServer
) -> None:
    stage.clock.now = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)  # 23:30 in Berlin, 17:30 in New York
    await _happens(stage, "outage", "The shop is away")
    await _happens(stage, "outage", "The shop is back")
    assert sent(mail) == [("bo@example.com", "The shop is away"), ("bo@example.com", "The shop is back")]
    assert _chat(adopted) == ["@bo The shop is away", "@bo The shop is back"]

    await stage.run(_TASK, {"act": "after_quiet"})
    assert len(mail.taken) == 2, "it is still quiet in Berlin"
    stage.clock.now = datetime(2026, 3, 3, 6, 5, tzinfo=UTC)
    await stage.run(_TASK, {"act": "after_quiet"})
    assert sent(mail)[2:] == [("ana@example.com", "While it was quiet: 2 notices")]

    stage.clock.now = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
    ran = await stage.run(_TASK, {"act": "digest"})
    assert sent(mail)[3:] == [("cy@example.com", "Digest: 2 notices")]
    assert ran.output == {"told": ["cy by mail"], "waiting": 0, "collected": 0}
    await stage.run(_TASK, {"act": "digest"})
    await stage.run(_TASK, {"act": "after_quiet"})
    assert (len(mail.taken), len(_chat(adopted))) == (4, 2), "nobody is told anything twice"


async def test_what_nobody_wants_is_told_to_nobody(stage: Stage, adopted: Web, mail: MailServer) -> None:
    await _happens(stage, "birthday", "Cake")
    assert (mail.taken, _chat(adopted)) == ([], [])
    await _happens(stage, "release", "1.2 is out")
    assert _chat(adopted) == ["@di 1.2 is out"]
