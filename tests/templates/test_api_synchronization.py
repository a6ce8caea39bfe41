"""Items of an API that pages, limits its rate, fails and changes meanwhile, into a real database."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from errands.core.outcomes import RunStatus
from errands.services.views import RunView
from tests.templates.stage import Outside, Stage
from tests.tools.loopback import Request, Web, response

_PAGE = 10


@dataclass
class Api:
    """Orders in the order of their changes, ten a page; a cursor is a place in that list."""

    items: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Cursors, in the order in which they came."""
    answers: dict[str, list[bytes]] = field(default_factory=dict)
    """What is answered instead, once each, by cursor."""
    tokens: set[str] = field(default_factory=set)

    def add(self, number: int, minute: int, total: float = 1) -> None:
        self.items.append(
            {"id": number, "updated_at": f"2026-03-02T{7 + minute // 60:02}:{minute % 60:02}:00Z", "total": total}
        )

    def __call__(self, request: Request) -> bytes:
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.target).query).items()}
        cursor = query.get("cursor", "")
        self.asked.append(cursor)
        self.tokens.add(request.headers["authorization"])
        if self.answers.get(cursor):
            return self.answers[cursor].pop(0)
        changed = [one for one in self.items if one["updated_at"] > query.get("since", "")]
        begin = int(cursor or 0)
        more = begin + _PAGE < len(changed)
        page = {"items": changed[begin : begin + _PAGE], "next": str(begin + _PAGE) if more else None}
        return response(json.dumps(page), content_type="application/json")


@pytest.fixture
async def api(stage: Stage, web: Web, two_databases: tuple[Outside, Outside]) -> Api:
    made = Api()
    for number in range(35):
        made.add(number, number)
    web.routes["/orders"] = made
    await stage.secret("API_TOKEN", "token-of-the-api")
    await stage.secret("ITEMS_DB", two_databases[0].url)
    await stage.adopt("api-synchronization", url=web.url("/orders"), page_size=_PAGE, table="orders")
    return made


async def patiently(stage: Stage) -> RunView:
    """A run through all of its waits."""
    ran = await stage.run("synchronize-api")
    while not ran.status.final:
        await stage.forward(timedelta(minutes=10))
        ran = await stage.rests(ran.id)
    return ran


async def test_pages_come_at_the_pace_of_the_api_and_later_only_what_changed(
    stage: Stage, api: Api, two_databases: tuple[Outside, Outside]
) -> None:
    api.answers["10"] = [response("slow down", 429, retry_after="30"), response("later", 503)]
    first = await patiently(stage)
    assert first.status is RunStatus.SUCCEEDED, first.error
    assert first.output == {"pages": 4, "items": 35, "changed": 35, "since": "2026-03-02T07:34:00Z"}
    assert api.asked == ["", "10", "10", "10", "20", "30"]
    assert api.tokens == {"Bearer token-of-the-api"}
    api.items[3] |= {"updated_at": "2026-03-02T08:00:00Z", "total": 99}
    api.add(100, 61)
    second = await patiently(stage)
    assert second.output == {"pages": 1, "items": 2, "changed": 2, "since": "2026-03-02T08:01:00Z"}
    assert (await patiently(stage)).output == {"pages": 1, "items": 0, "changed": 0, "since": "2026-03-02T08:01:00Z"}
    orders = two_databases[0]
    assert await orders.value("select count(*) from orders") == 36
    assert await orders.value("select item ->> 'total' from orders where id = '3'") == "99"


async def test_a_run_goes_on_at_the_page_where_the_last_one_stopped(
    stage: Stage, api: Api, two_databases: tuple[Outside, Outside]
) -> None:
    api.answers["20"] = [response("broken", 500)] * 8
    stopped = await patiently(stage)
    assert stopped.status is RunStatus.FAILED
    assert api.asked == ["", "10", *["20"] * 8]
    assert await two_databases[0].value("select count(*) from orders") == 20
    api.asked.clear()
    went_on = await patiently(stage)
    assert went_on.output == {"pages": 2, "items": 15, "changed": 15, "since": "2026-03-02T07:34:00Z"}
    assert api.asked == ["20", "30"]
    assert await two_databases[0].value("select count(*) from orders") == 35


async def test_an_older_state_of_an_item_never_replaces_a_newer_one(
    stage: Stage, api: Api, two_databases: tuple[Outside, Outside]
) -> None:
    """An item that changes while the pages are turned comes twice."""
    api.items.insert(0, {"id": 34, "updated_at": "2026-03-02T09:00:00Z", "total": 500})
    ran = await patiently(stage)
    assert isinstance(ran.output, dict)
    assert (ran.output["items"], ran.output["since"]) == (36, "2026-03-02T09:00:00Z")
    assert await two_databases[0].value("select item ->> 'total' from orders where id = '34'") == "500"


async def test_a_cursor_that_the_api_has_forgotten_begins_at_the_first_page(stage: Stage, api: Api) -> None:
    api.answers["20"] = [response("broken", 500)] * 8 + [response("gone", 410)]
    await patiently(stage)
    api.asked.clear()
    ran = await patiently(stage)
    assert ran.status is RunStatus.SUCCEEDED, ran.error
    assert api.asked == ["20", "", "10", "20", "30"]
