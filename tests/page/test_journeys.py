"""Twelve journeys through the page, each from its beginning to what somebody wanted to reach.

| Journey | Test |
| --- | --- |
| From the first start to the first run | `test_from_the_first_start_to_the_first_run` here |
| Build a task in the editor | `test_editor.py`: `test_a_task_is_edited_step_by_step_tried_and_published` |
| In YAML | `test_editor.py`: `test_a_new_task_is_written_as_yaml_with_keys_to_choose_from` |
| In the chat | `test_chat.py`: `test_a_model_builds_a_task_that_is_published_run_and_answered_on_its_cards`, and without a model `test_a_task_is_built_by_commands_chosen_with_the_keyboard` |
| Schedule it | `test_a_task_is_given_a_schedule_that_shows_when_it_starts` here |
| Watch, cancel, rerun from a step | `test_a_run_is_watched_cancelled_and_repeated_from_a_step` here |
| Approve | `test_runs.py`: `test_a_run_is_started_by_its_form_and_answered_from_the_inbox` |
| Find why a run was skipped | `test_why_a_planned_run_was_skipped_is_found` here |
| Compare and roll back versions | `test_versions_are_compared_and_the_earlier_one_is_brought_back` here |
| Grant a member a role and see it hold | `test_managing.py`: `test_a_member_is_given_a_role_and_sees_what_it_holds`, by a group `test_agents_and_tools.py`: `test_a_group_is_given_a_role_and_its_people_hold_it_until_a_task_narrows_it` |
| Secret and tool server | `test_agents_and_tools.py`: `test_a_tool_server_is_connected_tested_and_a_changed_tool_is_accepted` |
| Read insights and export | `test_insights_lead_to_what_failed_and_runs_are_taken_along` here |
"""  # noqa: E501  (a table)

import csv
import re
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import NewDatabase
from tests.page.serving import PASSWORD, Served, serve

_PLAIN = """
task: {name}
description: Says how much there is.
params: {{region: {{type: string, default: emea}}}}
steps:
  - {{id: orders, python: "[1, 2, 3]"}}
  - {{id: told, python: "region + ': ' + str(len(orders))"}}
output: "{{{{ told }}}}"
"""
_WAITS = """
task: nightly-load
description: Loads what came in, and waits until it is released.
steps:
  - {id: released, wait_for: {event: release, timeout: 1d}}
triggers:
  - {id: often, schedule: {every: 1s}}
"""


def _apply(served: Served, *sources: str) -> None:
    files = [{"name": f"j{place}.yaml", "source": source} for place, source in enumerate(sources)]
    served.ask("POST", "/projects/default/files", {"files": files})


def test_from_the_first_start_to_the_first_run(browser: Browser, new_database: NewDatabase, tmp_path: Path) -> None:
    with (
        serve(new_database(), tmp_path, administrator=False) as served,
        browser.new_context(base_url=served.url) as context,
    ):
        assert served.setup is not None
        page = context.new_page()
        page.goto(served.setup)
        page.get_by_label("Name").fill("ana")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Make the administrator").click()
        expect(page.get_by_role("heading", name="This project has no task yet")).to_be_visible()
        hints = page.get_by_role("list", name="Ways to a task of your own").get_by_role("link")
        expect(hints).to_contain_text(["Begin with a template", "Write one in the editor", "Describe it in the chat"])
        page.get_by_role("button", name="Run a sample task").click()
        expect(page.get_by_role("heading", name="hello", level=1)).to_be_visible()
        expect(page.get_by_text("Succeeded", exact=True).first).to_be_visible(timeout=60_000)
        expect(page.get_by_label("Output of the run")).to_contain_text("Hello, World!")
        page.get_by_role("link", name="Home").click()
        expect(page.get_by_role("region", name="14 days")).to_contain_text("100 %")


def test_a_task_is_given_a_schedule_that_shows_when_it_starts(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    _apply(served, _PLAIN.format(name="scheduled"))
    page.goto("/p/default/tasks/scheduled?tab=triggers")
    expect(page.get_by_role("heading", name="Nothing starts this task by itself")).to_be_visible()
    page.get_by_role("button", name="Add a schedule").click()
    dialog = page.get_by_role("dialog", name="A schedule for scheduled")
    dialog.get_by_role("combobox", name="Rhythm").click()
    page.get_by_role("option", name="On days of the week").click()
    days = dialog.get_by_role("combobox", name="Days")
    for day in ("mon", "thu"):
        days.fill(day)
        days.press("Enter")
    days.press("Tab")
    dialog.get_by_label("Time", exact=True).fill("07:45")
    expect(dialog.get_by_text("Every Monday and Thursday at 07:45, Europe/Berlin")).to_be_visible()
    expect(dialog.get_by_role("list", name="Next firings").get_by_role("listitem")).to_have_count(10)
    dialog.get_by_label("Name of the trigger").fill("mornings")
    dialog.get_by_role("button", name="Put it into the draft").click()
    expect(page.get_by_role("heading", name="Edit scheduled")).to_be_visible()
    page.get_by_role("button", name="Save …").click()
    expect(page.get_by_label("What changes")).to_contain_text("mornings")
    page.get_by_role("button", name="Save and publish").click()
    page.get_by_role("tab", name="Triggers").click()
    trigger = page.get_by_role("region", name="Trigger mornings")
    expect(trigger.get_by_role("list", name="Next firings").get_by_role("listitem")).to_have_count(10)
    (kept,) = served.ask("GET", "/projects/default/triggers?task=scheduled")["items"]
    assert (kept["name"], kept["timezone"], kept["enabled"]) == ("mornings", "Europe/Berlin", True)
    trigger.get_by_role("button", name="Switch off").click()
    expect(trigger.get_by_role("button", name="Switch on")).to_be_visible()
    page.get_by_role("link", name="Schedule", exact=True).click()
    expect(page.get_by_role("row", name=re.compile("scheduled mornings held"))).to_be_visible()


def test_a_run_is_watched_cancelled_and_repeated_from_a_step(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    page.goto("/p/default/tasks/slow-transform")
    page.get_by_role("link", name="Run", exact=True).click()
    page.get_by_role("button", name="Start the run").click()
    rounds = page.get_by_role("treeitem", name=re.compile("turned python"))
    expect(rounds.nth(1)).to_be_visible()
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_label("Reason").fill("Once more, please")
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.get_by_text("Cancelled", exact=True).first).to_be_visible()
    page.get_by_role("treeitem", name=re.compile("rounds_done repeat")).click()
    page.get_by_role("button", name="Rerun").click()
    page.get_by_role("menuitem", name="From rounds_done").click()
    page.get_by_role("dialog", name="Rerun from rounds_done?").get_by_role("button", name="Rerun").click()
    expect(page.get_by_text("rerun from rounds_done of another run")).to_be_visible()
    expect(rounds.nth(1)).to_be_visible()
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.get_by_text("Cancelled", exact=True).first).to_be_visible()


def test_why_a_planned_run_was_skipped_is_found(page: Page, served: Served, seeded: dict[str, str]) -> None:
    _apply(served, _WAITS)
    page.goto("/p/default/schedule")
    page.get_by_role("link", name="nightly-load").click()
    ledger = page.get_by_role("region", name="What became of planned times")
    skipped = ledger.get_by_role("row").filter(has_text="skipped").first
    expect(skipped).to_contain_text("an earlier run was still active", timeout=30_000)
    page.get_by_role("region", name="Trigger often").get_by_role("button", name="Switch off").click()
    skipped.get_by_role("link").click()
    why = page.get_by_role("region", name="Why it ran")
    expect(why).to_contain_text("by schedule “often”")
    expect(why).to_contain_text("an earlier run was still active")
    page.go_back()
    ledger.get_by_role("row").filter(has_text="started").last.get_by_role("link").click()
    served.ask("POST", "/projects/default/events", {"name": "release"})
    expect(page.get_by_text("Succeeded", exact=True).first).to_be_visible()
    served.ask("POST", "/projects/default/tasks/nightly-load/archive", {})


def test_versions_are_compared_and_the_earlier_one_is_brought_back(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    first = _PLAIN.format(name="rolled")
    _apply(served, first)
    _apply(served, first.replace("[1, 2, 3]", "[1, 2]"))
    page.goto("/p/default/tasks/rolled?tab=versions")
    shown = page.get_by_label("Differences between v1 and v2")
    expect(shown).to_contain_text("- ")
    expect(shown).to_contain_text("[1, 2]")
    page.get_by_role("button", name="Roll back to it").click()
    dialog = page.get_by_role("dialog", name="Publish v1?")
    expect(dialog.get_by_label("Differences between v2 and v1")).to_contain_text("[1, 2, 3]")
    dialog.get_by_label("Message").fill("Three are wanted")
    dialog.get_by_role("button", name="Publish v1").click()
    expect(page.get_by_text("v1 published").first).to_be_visible()
    run = served.start("rolled", wait="20s")
    assert served.ask("GET", f"/runs/{run}")["output"] == "emea: 3"
    page.goto("/p/default/audit?verb=task.publish")
    page.get_by_role("row").filter(has_text="rolled").first.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Three are wanted")).to_be_visible()


def test_insights_lead_to_what_failed_and_runs_are_taken_along(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    page.goto("/p/default")
    page.get_by_role("link", name="Insights").click()
    page.get_by_text("7 days", exact=True).click()
    expect(page).to_have_url(re.compile("days=7"))
    page.get_by_text("Most runs", exact=True).click()
    row = (
        page.get_by_role("region", name="Tasks")
        .get_by_role("row")
        .filter(has=page.get_by_role("link", name="health-check", exact=True))
    )
    expect(row).to_be_visible()
    page.get_by_text("By person", exact=True).click()
    expect(page.get_by_role("table", name="Who starts runs").get_by_role("row")).not_to_have_count(1)
    page.get_by_text("By model", exact=True).click()
    expect(page.get_by_role("region", name="Models")).to_be_visible()
    page.get_by_text("By task", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export these runs").click()
    lines = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert seeded["failed"] in [line["id"] for line in lines]
    assert {"task", "status"} <= set(lines[0])
    row.get_by_role("link", name=re.compile(r"^\d+$")).last.click()
    expect(page).to_have_url(re.compile("status=failed"))
    expect(page.get_by_role("link", name="health-check").first).to_be_visible()
    expect(page.get_by_role("cell", name="Succeeded")).to_have_count(0)
