"""A window from its announcement to its end, on a clock that is moved: told in time, moved and cancelled with it."""

from datetime import timedelta

import pytest

from errands.core.outcomes import RunStatus
from errands.core.values import Json
from tests.templates.stage import PROJECT, ROOT, Stage
from tests.tools.mail_server import MailServer

_TASK = "maintenance-notices"
_WINDOW = {"window": "db", "start": "2026-03-05T22:00:00+01:00", "end": "2026-03-06T01:00:00+01:00"}


@pytest.fixture
async def adopted(stage: Stage, mail: MailServer) -> MailServer:
    await stage.adopt(_TASK, recipients=["all@example.com"], service="The shop", timezone="Europe/Berlin")
    return mail


def _subjects(mail: MailServer) -> list[str]:
    contents = [taken.content for taken in mail.taken]
    lines = [line for one in contents if isinstance(one, bytes) for line in one.decode().splitlines()]
    return [line.removeprefix("Subject: ").partition(":")[0] for line in lines if line.startswith("Subject: ")]


async def _changed(stage: Stage, payload: Json) -> None:
    assert await stage.services.events.send(ROOT, PROJECT, "maintenance-changed", key="db", payload=payload) == 1


async def test_people_are_told_a_day_and_an_hour_before_at_the_start_and_at_the_end(
    stage: Stage, adopted: MailServer
) -> None:
    ran = await stage.run(_TASK, _WINDOW)
    assert (ran.status, _subjects(adopted)) == (RunStatus.WAITING, [])
    for hours, told in ((61, 1), (22, 1), (1, 2), (1, 3), (3, 4)):  # It is Monday, 08:00 UTC.
        await stage.forward(timedelta(hours=hours))
        ran = await stage.rests(ran.id)
        assert len(_subjects(adopted)) == told
    assert _subjects(adopted) == [
        "Maintenance tomorrow", "Maintenance in an hour", "Maintenance begins", "Maintenance is over",
    ]  # fmt: skip
    assert "From 2026-03-05 22:00 to 2026-03-06 01:00 (Europe/Berlin)" in str(adopted.message().get_content())
    assert ran.output == {"window": "db", "sent": ["day", "hour", "start", "end"], "cancelled": False}


async def test_a_window_that_moves_takes_its_notices_along(stage: Stage, adopted: MailServer) -> None:
    ran = await stage.run(_TASK, _WINDOW)
    await stage.forward(timedelta(hours=61))
    await stage.rests(ran.id)
    await _changed(stage, {"start": "2026-03-07T22:00:00+01:00", "end": "2026-03-08T01:00:00+01:00"})
    await stage.rests(ran.id)
    assert _subjects(adopted) == ["Maintenance tomorrow", "Maintenance moved"]
    assert "From 2026-03-07 22:00" in str(adopted.message().get_content())
    await stage.forward(timedelta(hours=24))
    assert len(_subjects(adopted)) == 2, "nothing is told at the old start"
    await stage.forward(timedelta(hours=24))
    await stage.rests(ran.id)
    assert _subjects(adopted)[2:] == ["Maintenance tomorrow"]


async def test_a_cancelled_window_is_told_and_then_silent(stage: Stage, adopted: MailServer) -> None:
    ran = await stage.run(_TASK, _WINDOW)
    await _changed(stage, {"cancelled": True, "why": "The old disks will do."})
    ended = await stage.ends(ran.id)
    assert ended.output == {"window": "db", "sent": [], "cancelled": True}
    assert _subjects(adopted) == ["Maintenance cancelled"]
    await stage.forward(timedelta(days=9))
    assert len(_subjects(adopted)) == 1


async def test_a_window_that_is_announced_late_begins_with_the_notice_that_is_due(
    stage: Stage, adopted: MailServer
) -> None:
    await stage.run(_TASK, {**_WINDOW, "start": "2026-03-02T08:30:00Z", "end": "2026-03-02T12:00:00Z"})
    assert _subjects(adopted) == ["Maintenance in an hour"]
