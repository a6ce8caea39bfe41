"""Every screen is usable by everybody: no violation that axe finds, in light and dark, wide and on a telephone."""

import json
from collections.abc import Mapping
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import SCREEN, sign_in, visit
from tests.page.serving import Served

SCREENS = {
    "home": "/p/default",
    "chat": "/p/default/chat",
    "thread": "/p/default/chat/{thread}",
    "tasks": "/p/default/tasks",
    "task": "/p/default/tasks/regional-report",
    "yaml": "/p/default/tasks/regional-report?tab=yaml",
    "versions": "/p/default/tasks/daily-sync?tab=versions",
    "triggers": "/p/default/tasks/regional-report?tab=triggers",
    "edit": "/p/default/tasks/regional-report/edit",
    "new-task": "/p/default/new-task",
    "templates": "/p/default/templates",
    "template": "/p/default/templates/report-generation",
    "run-form": "/p/default/tasks/regional-report/run",
    "runs": "/p/default/runs",
    "run": "/p/default/runs/{synced}",
    "step": "/p/default/runs/{synced}?step=each",
    "failed": "/p/default/runs/{failed}?step=judged",
    "waiting": "/p/default/runs/{asking}",
    "compare": "/p/default/runs/{synced}/compare",
    "archived": "/p/default/tasks?archived=true",
    "access": "/p/default/tasks/regional-report?tab=access",
    "inbox": "/p/default/inbox",
    "alarms": "/p/default/alarms",
    "channels": "/p/default/alarms?tab=channels",
    "alarm-rules": "/p/default/alarms?tab=rules",
    "agents": "/p/default/agents",
    "agent": "/p/default/agents/analyst",
    "new-agent": "/p/default/new-agent",
    "models": "/p/default/models",
    "model": "/p/default/models/fast?of=server",
    "new-model": "/p/default/new-model",
    "tools": "/p/default/tools",
    "tool": "/p/default/tools?tool=http.request",
    "tool-servers": "/p/default/tools/servers",
    "tool-server": "/p/default/tools/servers/crm",
    "new-tool-server": "/p/default/tools/new-server",
    "schedule": "/p/default/schedule",
    "calendars": "/p/default/calendars",
    "insights": "/p/default/insights",
    "secrets": "/p/default/secrets",
    "members": "/p/default/members",
    "accounts": "/p/default/members/accounts",
    "audit": "/p/default/audit",
    "settings": "/p/default/settings",
    "lost": "/p/default/nowhere",
}


Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
_AT_REST = """() => Promise.all(
    document.getAnimations()
        .filter((one) => one.effect.getComputedTiming().endTime !== Infinity)
        .map((one) => one.finished.catch(() => undefined)),
).then(() => undefined)"""


@pytest.fixture(scope="module")
def found(
    browser: Browser, served: Served, seeded: dict[str, str], axe: str
) -> Mapping[Scheme, Mapping[str, list[str]]]:
    """What axe finds on each screen. One walk for both schemes: whoever changes it sees the same page change."""
    found: dict[Scheme, dict[str, list[str]]] = {scheme: {} for scheme in SCHEMES}
    with browser.new_context(base_url=served.url, viewport=SCREEN, bypass_csp=True) as context:
        context.set_default_timeout(30_000)
        sign_in(context, served)
        page = context.new_page()
        page.goto("/")
        settled(page)
        for name, path in SCREENS.items():
            visit(page, path.format_map(seeded))
            settled(page)
            for scheme in SCHEMES:
                found[scheme][name] = violations(page, axe, scheme)
        context.clear_cookies()
        page.goto("/sign-in")
        settled(page)
        for scheme in SCHEMES:
            found[scheme]["sign-in"] = violations(page, axe, scheme)
    return found


@pytest.mark.timeout(600)  # about forty screens, each looked at by hundreds of rules
@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_screen_has_a_violation(found: Mapping[Scheme, Mapping[str, list[str]]], scheme: Scheme) -> None:
    assert len(found[scheme]) == len(SCREENS) + 1
    assert {name: said for name, said in found[scheme].items() if said} == {}


def settled(page: Page) -> None:
    """Wait until a screen shows what it is about."""
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    expect(page.get_by_role("status", name="Loading")).to_have_count(0)


def violations(page: Page, axe: str, scheme: Scheme) -> list[str]:
    """What axe finds on the screen that is shown: the rule, and the first element that breaks it."""
    page.emulate_media(color_scheme=scheme)
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
    page.evaluate(_AT_REST)
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:160]} {json.dumps(one['nodes'][0]['any'][:1])[:300]}" for one in found
    ]


@pytest.mark.parametrize(
    "path",
    [
        SCREENS[name]
        for name in (
            "home",
            "chat",
            "thread",
            "runs",
            "run",
            "step",
            "inbox",
            "run-form",
            "task",
            "alarms",
            "agent",
            "tool-server",
        )
    ],
)
def test_nothing_is_wider_than_a_telephone(browser: Browser, served: Served, seeded: dict[str, str], path: str) -> None:
    with browser.new_context(base_url=served.url, viewport={"width": 390, "height": 844}) as context:
        sign_in(context, served)
        page = context.new_page()
        page.goto(path.format_map(seeded))
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        for part in ("html", "main"):
            assert page.locator(part).evaluate("one => one.scrollWidth - one.clientWidth") == 0
        cut = "all => all.filter((one) => one.parentElement.scrollWidth > one.parentElement.clientWidth).length"
        assert page.locator("main table").evaluate_all(cut) == 0, "no column of a table is cut off"


def test_every_screen_is_two_touches_away_on_a_telephone(
    browser: Browser, served: Served, seeded: dict[str, str]
) -> None:
    with browser.new_context(base_url=served.url, viewport={"width": 390, "height": 844}) as context:
        sign_in(context, served)
        page = context.new_page()
        page.goto("/p/default")
        bar = page.get_by_role("navigation", name="Screens")
        expect(bar.get_by_role("link")).to_have_count(4)
        bar.get_by_role("button", name="More").click()
        bar.get_by_role("link", name="Settings").click()
        expect(page.get_by_role("heading", name="Settings", level=1)).to_be_visible()
        expect(bar.get_by_role("link")).to_have_count(4)
