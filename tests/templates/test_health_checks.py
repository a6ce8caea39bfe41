"""Health checks of fifty addresses on a real server: people hear of changes alone, and of uptime once a week."""

import json

from errands.core.outcomes import RunStatus
from errands.core.values import Json
from tests.templates.stage import Stage
from tests.tools.loopback import Web
from tests.tools.mail_server import MailServer

_TASK = "health-checks"


def _told(web: Web) -> list[str]:
    """Titles of the alerts so far."""
    return [json.loads(one.body)["title"] for one in web.requests if one.target == "/alerts"]


async def test_fifty_addresses_are_looked_at_and_only_changes_are_told(
    stage: Stage, web: Web, mail: MailServer
) -> None:
    endpoints: list[Json] = [web.url(f"/service/{number}") for number in range(50)]
    for number in range(50):
        web.answer(f"/service/{number}", "fine")
    web.answer("/alerts")
    await stage.secret("ALERT_CHANNEL", f"json://{web.host}/alerts")
    adopted = await stage.adopt(_TASK, endpoints=endpoints, recipients=["ops@example.com"], patience=2)
    assert f"hosts: [{web.host}]" in adopted.files[0].source.replace('"', "")

    async def look(**arguments: Json) -> Json:
        ran = await stage.run(_TASK, arguments)
        assert ran.status is RunStatus.SUCCEEDED, ran.error
        return ran.output

    assert await look() == {"down": [], "changes": []}
    assert sum(one.target.startswith("/service/") for one in web.requests) == 50
    web.answer("/service/7", "broken", 500)
    assert await look() == {"down": [], "changes": []}
    assert _told(web) == []
    await look()
    assert _told(web) == [f"Down: {endpoints[7]}"]
    await look()
    await look()
    assert len(_told(web)) == 1
    web.answer("/service/7", "fine")
    await look()
    assert _told(web)[1:] == [f"Up again: {endpoints[7]}"]

    await look(report=True)
    message = mail.message()
    assert message["Subject"] == "Uptime: 49 of 50 always up"
    body = message.get_body(("plain",))
    assert body is not None
    row = next(line.split() for line in body.get_content().splitlines() if line.startswith(f"{endpoints[7]} "))
    assert row[1:3] == ["42.857", "7"]
    await look(report=True)
    assert mail.message()["Subject"] == "Uptime: 50 of 50 always up", "it counts anew after a report"
