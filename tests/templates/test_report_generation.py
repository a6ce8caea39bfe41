"""The weekly report on a real database and a real mail server."""

import asyncpg

from errands.agents import Answer
from errands.core.outcomes import RunStatus
from tests.templates.stage import PROJECT, ROOT, Stage
from tests.tools.mail_server import MailServer

_ORDERS = [
    ("2026-02-16", "Tea", "400"),
    ("2026-02-19", "Coffee", "1100"),
    ("2026-02-23", "Tea", "650.50"),
    ("2026-02-25", "Coffee", "980"),
    ("2026-03-01", "Cocoa <b>", "310"),
]


async def _orders(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("create table orders (day date, product text, amount numeric(12, 2))")
    for day, product, amount in _ORDERS:
        await connection.execute(
            "insert into orders values ($1::text::date, $2, $3::text::numeric)", day, product, amount
        )
    await connection.close()


async def test_the_week_is_queried_charted_summed_up_and_mailed_and_comes_every_monday(
    stage: Stage, mail: MailServer, database_url: str
) -> None:
    await _orders(database_url)
    await stage.secret("REPORT_DB", database_url)
    stage.model.turns = (Answer({"headline": "Coffee falls", "text": "Coffee fell by 11 %. Cocoa is new."}),)
    await stage.adopt("report-generation", recipients=["ana@example.com", "bo@example.com"], timezone="Europe/Berlin")
    ran = await stage.run("weekly-report", {"until": "2026-03-02"})
    assert ran.status is RunStatus.SUCCEEDED, ran.error
    assert ran.output == {
        "sent_to": ["ana@example.com", "bo@example.com"],
        "total": 1940.5,
        "change": 29.4,
        "report": ran.artifacts[0].id,
    }
    assert "Cocoa <b>" in stage.model.prompts[0]
    message = mail.message()
    assert message["Subject"] == "Weekly sales: Coffee falls"
    names = {part.get_filename(): part.get_content() for part in message.iter_attachments()}
    html, chart = str(names["report-2026-03-02.html"]), names["chart.svg"]
    assert "<td>Cocoa &lt;b&gt;</td>" in html
    assert "data:image/svg+xml;base64," in html
    assert b"<svg" in (chart if isinstance(chart, bytes) else str(chart).encode())
    body = message.get_body(("plain",))
    assert body is not None
    assert "Coffee fell by 11 %." in body.get_content()
    (firing,) = (await stage.services.triggers.list(ROOT, PROJECT, ["weekly-report"])).items
    assert firing.sentence is not None
    assert "Monday" in firing.sentence


async def test_a_week_without_figures_asks_no_model_and_sends_nothing(
    stage: Stage, mail: MailServer, database_url: str
) -> None:
    await _orders(database_url)
    await stage.secret("REPORT_DB", database_url)
    await stage.adopt("report-generation", recipients=["ana@example.com"])
    ran = await stage.run("weekly-report", {"until": "2026-06-01"})
    assert ran.output == "No figures between 2026-05-25 and 2026-06-01; nothing was sent"
    assert (stage.model.asked, mail.taken) == (0, [])
