"""Doing something to many runs or tasks at once, and views that are kept."""

import re

from playwright.sync_api import Page, expect

from tests.page.serving import Served

_WAITING = "task: holding\ndescription: Waits.\ntags: [many]\nsteps: [{wait: 1d}]\n"
_FAILING = """
task: flawed
description: Fails at its second step.
tags: [many]
steps:
  - {id: good, python: "1"}
  - {id: bad, python: "good / 0"}
"""


def _apply(served: Served, *sources: str) -> None:
    files = [{"name": f"many-{place}.yaml", "source": source} for place, source in enumerate(sources)]
    served.ask("POST", "/projects/default/files", {"files": files})


def test_chosen_runs_are_cancelled_together_after_they_were_counted(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    _apply(served, _WAITING)
    started = [served.start("holding") for _ in range(4)]
    page.goto("/p/default/runs?task=holding")
    page.get_by_role("checkbox", name=re.compile("Choose the run")).first.check()
    bar = page.get_by_role("region", name="Chosen runs")
    expect(bar).to_contain_text("1 run chosen")
    bar.get_by_role("button", name="Choose all that fit").click()
    expect(bar).to_contain_text("4 runs chosen")
    bar.get_by_role("button", name="Cancel …").click()
    dialog = page.get_by_role("dialog", name="Cancel 4 runs?")
    expect(dialog).to_contain_text("4 of holding")
    dialog.get_by_role("button", name="Cancel 4 runs").click()
    expect(page.get_by_role("cell", name="Cancelled", exact=True)).to_have_count(4)
    assert {served.until(run, "cancelled") for run in started} == {"cancelled"}


def test_failed_runs_are_repeated_from_where_each_failed(page: Page, served: Served, seeded: dict[str, str]) -> None:
    _apply(served, _FAILING)
    for _ in range(2):
        served.start("flawed", wait="20s")
    page.goto("/p/default/runs?task=flawed&status=failed")
    page.get_by_role("checkbox", name="Choose all that are shown").check()
    page.get_by_role("button", name="Rerun …").click()
    dialog = page.get_by_role("dialog", name="Rerun 2 runs?")
    expect(dialog.get_by_label("What failed, and what hangs on it (2 runs)")).to_be_checked()
    dialog.get_by_role("button", name="Start 2 runs").click()
    expect(page.get_by_role("row")).to_have_count(5)
    reruns = served.ask("GET", "/projects/default/runs?task=flawed&limit=2")["items"]
    assert [served.ask("GET", f"/runs/{one['id']}")["rerun_from"] for one in reruns] == ["@failed", "@failed"]


def test_two_chosen_runs_are_compared(page: Page, served: Served, seeded: dict[str, str]) -> None:
    _apply(served, _FAILING)
    for _ in range(2):
        served.start("flawed", wait="20s")
    page.goto("/p/default/runs?task=flawed")
    for place in range(2):
        page.get_by_role("checkbox", name=re.compile("Choose the run")).nth(place).check()
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare two runs")).to_be_visible()
    expect(page.get_by_role("table", name="Both runs")).to_contain_text("Failed")


def test_a_view_of_runs_is_kept_under_a_name_and_found_again(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    page.goto("/p/default/runs?status=failed&days=7")
    page.get_by_role("button", name="Views").click()
    page.get_by_role("menuitem", name="Save this view …").click()
    page.get_by_role("dialog", name="Save this view").get_by_label("Name").fill("Failed this week")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.goto("/p/default/runs")
    page.get_by_role("button", name="Views").click()
    page.get_by_role("menuitem", name="Failed this week").click()
    expect(page).to_have_url(re.compile("status=failed"))
    assert served.ask("GET", "/projects/default/saved/runs")[0]["value"] == {"status": "failed", "days": 7}
    page.get_by_role("button", name="Views").click()
    page.get_by_role("button", name="Forget Failed this week").click()
    expect(page.get_by_text("Failed this week is forgotten")).to_be_visible()
    assert served.ask("GET", "/projects/default/saved/runs") == []


def test_tasks_are_found_by_tag_paused_and_resumed_together(page: Page, served: Served, seeded: dict[str, str]) -> None:
    _apply(served, _WAITING, _FAILING)
    page.goto("/p/default/tasks")
    # Typed into quicker than the address follows: no letter is lost, and the caret stays where it was put.
    filtered = page.get_by_role("textbox", name="Filter tasks")
    filtered.press_sequentially("hoing")
    for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft", "l", "d"):
        page.keyboard.press(key)
    expect(filtered).to_have_value("holding")
    expect(page).to_have_url(re.compile("q=holding"))
    expect(page.get_by_role("row")).to_have_count(2)
    filtered.clear()
    page.get_by_role("combobox", name="Tags").click()
    page.get_by_role("option", name="many").click()
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("tags="))
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_role("checkbox", name="Choose all that fit").check()
    bar = page.get_by_role("region", name="Chosen tasks")
    expect(bar).to_contain_text("2 tasks chosen")
    bar.get_by_role("button", name="Pause …").click()
    dialog = page.get_by_role("dialog", name="Pause 2 tasks?")
    dialog.get_by_label("Note").fill("Until Monday")
    dialog.get_by_role("button", name="Pause 2 tasks").click()
    expect(page.get_by_text("paused: Until Monday")).to_have_count(2)
    page.get_by_role("checkbox", name="Choose all that fit").check()
    bar.get_by_role("button", name="Resume …").click()
    page.get_by_role("button", name="Resume 2 tasks").click()
    expect(page.get_by_text("paused: Until Monday")).to_have_count(0)


def test_a_task_is_deleted_with_time_to_bring_it_back(page: Page, served: Served, seeded: dict[str, str]) -> None:
    _apply(served, _WAITING.replace("holding", "passing"))
    page.goto("/p/default/tasks/passing")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Delete …").click()
    page.get_by_role("button", name="Delete it").click()
    notice = page.get_by_role("alert").filter(has_text="This task is deleted")
    expect(notice).to_contain_text("It is removed with its runs in")
    expect(page.get_by_role("link", name="Run", exact=True)).to_have_count(0)
    page.goto("/p/default/tasks?archived=true")
    expect(page.get_by_role("link", name="passing")).to_be_visible()
    page.get_by_role("link", name="passing").click()
    page.get_by_role("button", name="Bring it back").click()
    expect(page.get_by_text("passing is back")).to_be_visible()
    assert served.ask("GET", "/projects/default/tasks/passing")["remove_at"] is None
