"""What starts a task by itself, from its screen: backfills with their count first, deliveries, addresses. And what
runs are given: kept arguments, backtests of versions."""

import re

import httpx
from playwright.sync_api import Page, expect

from tests.page.serving import Served

_HOOKED = """
task: hooked
description: Runs when somebody calls.
grants: {secrets: [HOOK]}
steps: [{id: got, python: "payload"}]
triggers: [{id: hook, webhook: {token: "secret:HOOK"}}]
"""
_NIGHTLY = """
task: catching-up
description: Runs every night.
params: {region: {type: string, default: emea}, limit: {type: integer, default: 3}}
steps: [{id: done, python: "region + str(limit)"}]
output: "{{ done }}"
triggers: [{id: nightly, schedule: {daily: "02:30", timezone: Europe/Berlin}}]
"""


def _apply(served: Served, source: str) -> None:
    served.ask("POST", "/projects/default/files", {"files": [{"name": "triggers.yaml", "source": source}]})


def test_past_times_are_made_up_for_after_they_were_counted(page: Page, served: Served, seeded: dict[str, str]) -> None:
    _apply(served, _NIGHTLY)
    page.goto("/p/default/tasks/catching-up?tab=triggers")
    page.get_by_role("button", name="Make up for past times …").click()
    dialog = page.get_by_role("dialog", name="Make up for past times of nightly")
    dialog.get_by_label("From").fill("2026-03-28")
    dialog.get_by_label("Until, not included").fill("2026-03-31")
    expect(dialog.get_by_role("status")).to_contain_text("3 runs would be started")
    dialog.get_by_role("button", name="Start 3 runs").click()
    expect(page.get_by_role("group", name="Backfill of nightly")).to_contain_text("3 of 3 runs started")
    expect(page.get_by_role("group", name="Backfill of nightly")).to_contain_text("done")


def test_what_came_to_a_webhook_is_told_with_what_became_of_it(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    served.ask("PUT", "/projects/default/secrets/HOOK", {"value": "quite secret"})
    _apply(served, _HOOKED)
    (trigger,) = served.ask("GET", "/projects/default/triggers?task=hooked")["items"]
    path = httpx.URL(trigger["address"]).path
    assert served.client.post(path, json={"n": 1}).status_code == 401
    good = {"Authorization": "Bearer quite secret"}
    assert served.client.post(path, json={"n": 1}, headers=good).is_success
    page.goto("/p/default/tasks/hooked?tab=triggers")
    table = page.get_by_role("table", name="What came to hook")
    expect(table.get_by_role("cell", name="refused")).to_be_visible()
    expect(table.get_by_role("link", name="run")).to_be_visible()
    expect(page.get_by_label("Address of hook")).to_contain_text(path)
    page.get_by_role("button", name="New address …").click()
    page.get_by_role("dialog").get_by_role("button", name="New address").click()
    expect(page.get_by_label("Address of hook")).not_to_contain_text(path)
    assert served.client.post(path, json={"n": 1}, headers=good).status_code == 401


def test_arguments_are_kept_under_a_name_and_filled_in_again(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    _apply(served, _NIGHTLY)
    page.goto("/p/default/tasks/catching-up/run")
    page.get_by_label("region").fill("apac")
    page.get_by_label("limit").fill("7")
    page.get_by_role("button", name="Saved arguments").click()
    page.get_by_role("menuitem", name="Save these arguments …").click()
    page.get_by_role("dialog", name="Save these arguments").get_by_label("Name").fill("The far east")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.goto("/p/default/tasks/catching-up/run")
    expect(page.get_by_label("region")).to_have_value("emea")
    page.get_by_role("button", name="Saved arguments").click()
    page.get_by_role("menuitem", name="The far east").click()
    expect(page.get_by_label("region")).to_have_value("apac")
    expect(page.get_by_label("limit")).to_have_value("7")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_label("Output of the run")).to_have_text("apac7")


def test_a_version_is_tried_on_the_last_runs_before_it_is_published(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    source = _NIGHTLY.replace("catching-up", "tried").replace("triggers:", "tags: [x]\ntriggers:")
    _apply(served, source)
    served.start("tried", wait="20s")
    _apply(served, source.replace("region + str(limit)", "region + '!'"))
    page.goto("/p/default/tasks/tried?tab=versions")
    page.get_by_role("button", name="Backtest").first.click()
    dialog = page.get_by_role("dialog", name="Backtest of v2")
    dialog.get_by_role("button", name="Try it").click()
    result = dialog.get_by_role("region", name="Result of the backtest")
    expect(result).to_contain_text("Of 1 run 0 come out the same, 1 differ")
    result.get_by_text("differs", exact=True).click()
    expect(result).to_contain_text(re.compile("emea!"))
