"""What the pictures show beyond the screens as they are opened: things in use, and the states that every screen has."""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from playwright.sync_api import Page, Route, expect

from tests.agents.fake_provider import FakeProvider, Writer, calls, provider, says
from tests.chat.scripted import ScriptedModel
from tests.page.loopback import aside
from tests.page.serving import PASSWORD, Served
from tests.page.test_screens import SCREENS

_HERE = "/projects/default"
VIEWER = "vera"
EMPTY = "/p/quiet"
"""Of a project in which there is nothing yet."""
_BRIEF = """
task: customer-brief
title: Brief on a customer
description: Looks a customer up and writes what matters before the call.
tags: [sales]
params: {customer: {type: string, default: Contoso}}
grants: {tools: [log, time.convert]}
steps:
  - {id: brief, prompt: "What should I know about **{{ customer }}** before the call?", agent: clerk}
output: "{{ brief }}"
"""
_CLERK = """
agent: clerk
description: Looks things up and says them briefly.
model: told
instructions: Be brief. Say where each figure comes from.
tools: [log, time.convert]
"""
_ANSWER = """Contoso renewed in **March** for two years.

| Quarter | Orders | Change |
| --- | ---: | ---: |
| Q2 | 118 | +4 % |
| Q3 | 131 | +11 % |

Ask about the open invoice of 12 October: *EUR 4,210*, 43 days late."""
_MODEL = (
    "model: told\nprovider: openai-compatible\nname: fake-large\nbase_url: {url}\nprice: {{input: 3, output: 15}}\n"
)
_WORDY = "Bericht über die außerordentlich umfangreichen Lieferkettenverzögerungen der vergangenen Geschäftsjahre " * 2
_LONG = f"""
task: {"a-" + "very-" * 12}long-name
title: {_WORDY.strip()[:190]!r}
description: {"اقرأ التقرير ثم لخصه " * 9!r}
tags: [quite-a-long-tag-for-such-a-task, supply-chain, emea]
steps:
  - id: {"step_with_a_name_" * 3}that_goes_on
    title: {_WORDY.strip()[:120]!r}
    python: |
      int("unexpected value in " + "a/very/long/path/without/spaces/" * 9)
"""
_COUNT = """
task: order-count
title: Count of orders
description: Counts the orders of a region and asks whether to tell.
params: {region: {type: string, enum: [emea, amer, apac], description: Sales region}}
steps:
  - {id: orders, python: "{'emea': 5, 'amer': 3, 'apac': 8}[region]"}
  - id: ok
    approve: {question: "Tell {{ region }} of {{ orders }} orders?", choices: [tell, keep quiet]}
output: "{{ ok['choice'] }}"
"""


@dataclass(frozen=True)
class Shot:
    """One picture: where, as whom, and what is done before it is taken."""

    path: str
    act: Callable[[Page], None] | None = None
    who: Literal["administrator", "viewer", "nobody"] = "administrator"
    full: bool = True
    """As high as the content asks for; else one window."""


class Silent:
    """A model that never answers: its run goes on for as long as pictures are taken."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    async def __call__(self, writer: Writer) -> None:
        self.asked.set()
        await asyncio.Event().wait()


def _palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.get_by_role("textbox", name="Search").fill("report")
    expect(page.get_by_text("Run Regional sales report")).to_be_visible()


def _yaml(page: Page) -> None:
    page.get_by_text("YAML", exact=True).click()
    expect(page.get_by_role("textbox", name="Task file")).to_be_visible()


def _draft(page: Page) -> None:
    page.get_by_role("button", name=re.compile("Sum by product")).click()
    form = page.get_by_role("region", name="Fields of totals")
    form.get_by_label("python").fill("{row['product']: row['amuont'] for row in ordrs}")
    form.get_by_label("title").focus()
    expect(page.get_by_role("region", name="Problems")).to_be_visible()


def _rerun(page: Page) -> None:
    page.get_by_role("button", name="Rerun").click()
    page.get_by_role("menuitem").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()


def _choose_runs(page: Page) -> None:
    for number in (1, 2, 3):
        page.get_by_role("checkbox").nth(number).click()


def _schedule(page: Page) -> None:
    page.get_by_label("Time", exact=True).fill("07:45")
    expect(page.get_by_role("list", name="Next firings").get_by_role("listitem").first).to_contain_text("07:45")


def _token(page: Page) -> None:
    page.get_by_label("Name").fill("nightly import")
    page.get_by_role("button", name="Make a token").click()
    page.get_by_label("The new token").evaluate("one => one.textContent = 'errands_EkztJk4mShownOnce7Qw2'")


def _never(route: Route) -> None:
    """No answer comes while the picture is taken."""


def _missing(route: Route) -> None:
    told = {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "The database did not answer within 5 s.",
        "hint": "Try again; the server's log knows more.",
        "request_id": "req_0192f3c4a1b27c3e",
        "problems": [],
    }
    route.fulfill(status=500, json=told)


def _broken(page: Page) -> None:
    page.route(re.compile(r"/projects/default/runs\?"), _missing)
    page.reload()
    expect(page.get_by_role("button", name="Try again").first).to_be_visible()


def _slow(page: Page) -> None:
    page.route(re.compile(r"/projects/default/runs\?"), _never)
    page.reload()
    expect(page.locator(".mantine-Skeleton-root").first).to_be_visible()


def _offline(page: Page) -> None:
    page.route("**/api/**", lambda route: route.abort())
    page.get_by_role("link", name="Tasks").first.click()
    expect(page.get_by_text("The server does not answer.").first).to_be_visible()


def _wrong(page: Page) -> None:
    page.get_by_label("Name").fill("ana")
    page.get_by_label("Password", exact=True).fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()


SHOTS: dict[str, Shot] = {
    # First, while it does run: a request to a model has a time limit.
    "running": Shot("/p/default/runs/{working}"),
    **{name: Shot(path) for name, path in SCREENS.items()},
    "palette": Shot(SCREENS["home"], _palette, full=False),
    "agent-step": Shot("/p/default/runs/{brief}?step=brief&pane=messages"),
    "wide-run": Shot("/p/default/runs/{wide}"),
    "talk": Shot("/p/default/chat/{talk}"),
    "edit-yaml": Shot(SCREENS["edit"], _yaml),
    "edit-step": Shot(SCREENS["edit"], _draft),
    "rerun": Shot("/p/default/runs/{synced}", _rerun, full=False),
    "chosen-runs": Shot("/p/default/runs", _choose_runs),
    "compare-with": Shot("/p/default/runs/{wide}/compare?with={synced}"),
    "runs-of-task": Shot("/p/default/tasks/health-check?tab=runs"),
    "schedule-tried": Shot("/p/default/schedule", _schedule),
    "home-long": Shot("/p/long"),
    "tasks-long": Shot("/p/long/tasks"),
    "task-long": Shot("/p/long/tasks/{long_name}"),
    "runs-long": Shot("/p/long/runs"),
    "run-long": Shot("/p/long/runs/{long}"),
    "token": Shot("/p/default/settings", _token),
    "home-empty": Shot(EMPTY),
    **{
        f"{name}-empty": Shot(f"{EMPTY}/{name}")
        for name in (
            "chat",
            "tasks",
            "runs",
            "inbox",
            "alarms",
            "insights",
            "schedule",
            "agents",
            "models",
            "calendars",
            "secrets",
        )
    },
    "error": Shot("/p/default/runs", _broken, full=False),
    "loading": Shot("/p/default/runs", _slow, full=False),
    "offline": Shot("/p/default", _offline, full=False),
    "forbidden": Shot("/p/default/secrets", who="viewer", full=False),
    "home-viewer": Shot("/p/default", who="viewer"),
    "set-up": Shot("/setup?link=from-the-first-start", who="nobody", full=False),
    "sign-in": Shot("/sign-in", who="nobody", full=False),
    "sign-in-refused": Shot("/sign-in", _wrong, who="nobody", full=False),
}


@contextmanager
def filled(served: Served, runs: dict[str, str]) -> Iterator[dict[str, str]]:
    """What `SHOTS` need beside what the tests' project holds; ids by what they show. A model answers meanwhile."""
    served.ask("PUT", "/projects/quiet", {"title": "Quiet"})
    served.ask("POST", f"/people/{VIEWER}", {"title": "Vera Lind", "password": PASSWORD})
    served.ask("PUT", f"{_HERE}/members/user:{VIEWER}", {"role": "viewer"})
    for name, value in (("SALES_DB", "postgresql://reader@db/sales"), ("SMTP_PASSWORD", "not a real one")):
        served.ask("PUT", f"{_HERE}/secrets/{name}", {"value": value})
    served.ask("PUT", f"{_HERE}/calendars/holidays", {"periods": _closed()})
    with aside(provider) as fake:
        yield {**runs, **_runs(served, fake), "talk": _talk(served, fake)}


def _closed() -> list[dict[str, str]]:
    """The year's end and a release, in the weeks to come."""
    today = datetime.now(UTC).replace(hour=23, minute=0, second=0, microsecond=0)
    planned = ((9, 2, "Release 4.2"), (27, 6, "Between the years"))
    return [
        {
            "start": (today + timedelta(days=begin)).isoformat(),
            "end": (today + timedelta(days=begin + long)).isoformat(),
            "note": note,
        }
        for begin, long, note in planned
    ]


def _runs(served: Served, fake: FakeProvider) -> dict[str, str]:
    files = {"told": _MODEL.format(url=fake.url), "clerk": _CLERK, "brief": _BRIEF, "count": _COUNT}
    listed = [{"name": f"{name}.yaml", "source": source} for name, source in files.items()]
    served.ask("POST", f"{_HERE}/files", {"files": listed})
    served.ask("PUT", "/projects/long", {"title": "Long names"})
    served.ask("POST", "/projects/long/files", {"files": [{"name": "long.yaml", "source": _LONG}]})
    (long,) = served.ask("GET", "/projects/long/tasks")["items"]
    look = calls(
        ("log", '{"message": "looked Contoso up"}'),
        ("time_convert", '{"at": "2026-11-26T09:00", "timezone": "Europe/Berlin"}'),
    )
    fake.behaviours = [look, says(_ANSWER)]
    found = {
        "brief": served.start("customer-brief", wait="30s"),
        "wide": served.start("daily-sync", {"customers": 300}, wait="60s"),
        "long": served.ask("POST", f"/projects/long/tasks/{long['name']}/runs?wait=30s", {})["id"],
        "long_name": long["name"],
    }
    fake.bodies.clear()
    silent = Silent()
    fake.behaviours = [silent]
    found["working"] = served.start("customer-brief", {"customer": "Fabrikam"})
    assert silent.asked.wait(30)
    return found


def _talk(served: Served, fake: FakeProvider) -> str:
    """A conversation with a model that drafts a task; its id."""
    model = ScriptedModel(fake)
    fake.bodies.clear()
    thread = str(served.ask("POST", f"{_HERE}/threads", {"title": "Count our orders"})["id"])
    said = "Here is a draft. **Try it** before you publish it: it asks before anybody is told."
    model.then(model.uses("draft", source=_COUNT, message="First draft"), said)
    message = {"role": "user", "parts": [{"type": "text", "text": "Count our orders by region, please"}]}
    path = f"/api/v1/projects/default/threads/{thread}/messages"
    answer = served.client.post(path, json={"message": message})
    assert answer.is_success, answer.text
    return thread
