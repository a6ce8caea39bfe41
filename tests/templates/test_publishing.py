"""One article to three real servers at once, one of which fails at first: only that one is tried again."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from errands.core.outcomes import RunStatus
from errands.core.values import Json
from errands.services.views import RunView
from tests.templates.stage import ROOT, Stage
from tests.tools.loopback import Request, Web, response

_NAMES = ("blog", "shop", "letter")


@dataclass
class Place:
    """Takes articles, each key once."""

    name: str
    answers: list[bytes] = field(default_factory=list)
    """What is answered first."""
    takes_anyway: bool = False
    """Also what is then answered with an error has been published."""
    articles: dict[str, Any] = field(default_factory=dict)
    asked: int = 0

    def __call__(self, request: Request) -> bytes:
        self.asked += 1
        assert request.headers["authorization"] == "Bearer token-of-the-places"
        if self.takes_anyway or not self.answers:
            self.articles.setdefault(request.headers["idempotency-key"], []).append(json.loads(request.body))
        if self.answers:
            return self.answers.pop(0)
        return response(json.dumps({"url": f"https://{self.name}.example/1"}), 201, content_type="application/json")


@pytest.fixture
async def places(stage: Stage, web: Web) -> dict[str, Place]:
    made = {name: Place(name) for name in _NAMES}
    for name, place in made.items():
        web.routes[f"/{name}"] = place
    await stage.secret("PUBLISH_TOKEN", "token-of-the-places")
    targets: list[Json] = [{"name": name, "url": web.url(f"/{name}")} for name in _NAMES]
    await stage.adopt("publishing", targets=targets)
    return made


def _article(**more: Json) -> dict[str, Json]:
    return {"slug": "spring", "title": "Spring", "text": "Fresh **tea**.", **more}


async def through(stage: Stage, run: str) -> RunView:
    """The run through all waits between its attempts."""
    ran = await stage.rests(run)
    while not ran.status.final:
        await stage.forward(timedelta(minutes=10))
        ran = await stage.rests(run)
    return ran


async def test_only_what_failed_is_published_again(stage: Stage, places: dict[str, Place]) -> None:
    places["shop"].answers = [response("away", 503)] * 4
    first = await through(stage, await stage.start("publish-article", _article(approval=False)))
    assert first.status is RunStatus.FAILED
    assert first.error is not None
    assert first.error.message.startswith("Published to 2 of 3; not to shop.")
    assert [place.asked for place in places.values()] == [1, 4, 1]
    assert isinstance(first.output, dict)
    assert first.output["published"] == [
        {"name": "blog", "status": "published", "detail": "https://blog.example/1"},
        {"name": "letter", "status": "published", "detail": "https://letter.example/1"},
    ]
    again = await stage.services.runs.rerun(ROOT, first.id, from_step="@failed")
    second = await through(stage, again.id)
    assert second.status is RunStatus.SUCCEEDED, second.error
    assert isinstance(second.output, dict)
    assert [one["name"] for one in second.output["published"]] == list(_NAMES)
    assert [place.asked for place in places.values()] == [1, 5, 1]
    assert [place.articles for place in places.values()] == [
        {"spring": [{"slug": "spring", "title": "Spring", "text": "Fresh **tea**."}]}
    ] * 3


async def test_a_place_that_had_it_already_gets_the_same_key_again(stage: Stage, places: dict[str, Place]) -> None:
    places["blog"].answers = [response("lost", 502)] * 4
    places["blog"].takes_anyway = True
    first = await through(stage, await stage.start("publish-article", _article(approval=False)))
    again = await stage.services.runs.rerun(ROOT, first.id, from_step="@failed")
    assert (await through(stage, again.id)).status is RunStatus.SUCCEEDED
    assert list(places["blog"].articles) == ["spring"]


async def test_nothing_goes_out_before_a_yes_and_nothing_after_a_no(stage: Stage, places: dict[str, Place]) -> None:
    asked = await stage.run("publish-article", _article())
    assert [place.asked for place in places.values()] == [0, 0, 0]
    await stage.services.approvals.answer(ROOT, asked.id, choice="drop", form={})
    dropped = await stage.ends(asked.id)
    assert dropped.output == {"published": [], "failed": [], "dropped": True}
    other = await stage.run("publish-article", _article())
    await stage.services.approvals.answer(ROOT, other.id, choice="publish", form={})
    assert (await stage.ends(other.id)).status is RunStatus.SUCCEEDED
    assert [place.asked for place in places.values()] == [1, 1, 1]
