"""Running and watching: the form, the run as it goes on, cancel, rerun, answers, the list and its filters."""

import re

from playwright.sync_api import Page, expect

from tests.page.serving import Served


def test_a_run_is_started_by_its_form_and_answered_from_the_inbox(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    page.goto("/p/default/tasks/regional-report")
    page.get_by_role("link", name="Run", exact=True).click()
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("alert")).to_contain_text("No run was started")
    page.get_by_role("combobox", name="region").click()
    page.get_by_role("option", name="apac").click()
    page.get_by_label("limit").fill("7")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_text("waits for an answer")).to_be_visible()
    expect(page.get_by_role("treeitem", name=re.compile("Waiting Ask the sales leads approval"))).to_be_visible()
    page.get_by_role("link", name="Open the question").click()
    expect(page.get_by_text("Send this to all apac managers?").last).to_be_visible()
    page.get_by_label("Note").fill("Good work")
    page.reload()
    expect(page.get_by_label("Note")).to_have_value("Good work")
    page.get_by_role("button", name="Drop").click()
    expect(page.get_by_text("Answered: Drop. The run goes on.")).to_be_visible()
    page.get_by_role("article", name="Question").get_by_role("link", name="Regional sales report").click()
    expect(page.get_by_text("Succeeded").first).to_be_visible()
    expect(page.get_by_label("Output of the run")).to_have_text("drop")


def test_a_run_moves_by_itself_until_it_is_cancelled(page: Page, served: Served, seeded: dict[str, str]) -> None:
    run = served.start("slow-transform")
    page.goto(f"/p/default/runs/{run}")
    rounds = page.get_by_role("treeitem", name=re.compile("turned python"))
    expect(rounds.nth(1)).to_be_visible()
    before = rounds.count()
    expect(rounds.nth(before)).to_be_visible()
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_label("Reason").fill("Seen enough")
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.get_by_text("Cancelled", exact=True).first).to_be_visible()
    expect(page.get_by_text("Seen enough").first).to_be_visible()


def test_a_step_shows_what_it_was_given_and_what_came_of_it(page: Page, seeded: dict[str, str]) -> None:
    page.goto(f"/p/default/runs/{seeded['synced']}")
    page.get_by_role("treeitem", name=re.compile("each for each")).click()
    expect(page).to_have_url(re.compile("step=each"))
    expect(page.get_by_label("Output", exact=True).first).to_contain_text("moved Customer 0")
    page.get_by_role("treeitem", name=re.compile("moved tool")).first.click()
    page.get_by_role("tab", name="Logs").click()
    expect(page.get_by_role("log")).to_contain_text("moved Customer 0")
    page.get_by_role("tab", name="Input").click()
    expect(page.get_by_label("Input", exact=True).first).to_contain_text("moved Customer 0")
    page.reload()
    expect(page.get_by_label("Input", exact=True).first).to_contain_text("moved Customer 0")


def test_the_steps_are_walked_with_the_keyboard(page: Page, seeded: dict[str, str]) -> None:
    page.goto(f"/p/default/runs/{seeded['synced']}?step=list")
    tree = page.get_by_role("tree", name="Steps")
    expect(tree.get_by_role("treeitem")).to_have_count(14)
    tree.focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("region", name="Step each")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(tree.get_by_role("treeitem")).to_have_count(2)
    page.keyboard.press("ArrowRight")
    expect(tree.get_by_role("treeitem")).to_have_count(14)
    page.keyboard.press("End")
    expect(page.get_by_role("region", name="Step each[11].moved")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("region", name="Step each", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Step each")).to_be_hidden()


def test_a_rerun_says_beforehand_what_it_would_do(page: Page, served: Served, seeded: dict[str, str]) -> None:
    page.goto(f"/p/default/runs/{seeded['synced']}?step=each")
    page.get_by_role("button", name="Rerun").click()
    page.get_by_role("menuitem", name="From each").click()
    dialog = page.get_by_role("dialog", name="Rerun from each?")
    expect(dialog).to_contain_text("the records of 1 step before it")
    dialog.get_by_role("button", name="Rerun").click()
    expect(page.get_by_text("rerun from each of another run")).to_be_visible()
    expect(page.get_by_text("Succeeded").first).to_be_visible()


def test_home_asks_before_what_failed_is_done_again(page: Page, served: Served, seeded: dict[str, str]) -> None:
    served.start("health-check", {"broken": True}, wait="20s")
    page.goto("/p/default")
    failed = page.get_by_role("region", name="Failed lately")
    failed.get_by_role("button", name="Rerun health-check").first.click()
    dialog = page.get_by_role("dialog", name="Rerun from the beginning?")
    expect(dialog).to_contain_text("Nothing outside would be done a second time.")
    dialog.get_by_role("button", name="Leave it").click()
    expect(dialog).to_have_count(0)
    expect(failed.get_by_role("button", name="Rerun health-check").first).to_be_focused()
    failed.get_by_role("link", name="All failed runs").click()
    expect(page).to_have_url(re.compile("status=failed"))


def test_why_a_run_failed_is_told_where_it_failed(page: Page, served: Served, seeded: dict[str, str]) -> None:
    served.start("health-check", {"broken": True}, wait="20s")
    page.goto("/p/default")
    failed = page.get_by_role("region", name="Failed lately")
    failed.get_by_role("link", name=re.compile("health-check")).first.click()
    expect(page.get_by_role("alert")).to_contain_text("Failed at judged")
    expect(page.get_by_role("alert")).to_contain_text("the shop answered")


def test_the_list_is_filtered_by_its_address(page: Page, seeded: dict[str, str]) -> None:
    page.goto("/p/default/runs")
    rows = page.get_by_role("row")
    expect(rows.nth(3)).to_be_visible()
    page.get_by_role("combobox", name="Outcome").click()
    page.get_by_role("option", name="Failed").click()
    expect(page).to_have_url(re.compile("status=failed"))
    expect(page.get_by_role("cell", name="Succeeded")).to_have_count(0)
    expect(page.get_by_role("link", name="health-check").first).to_be_visible()
    page.go_back()
    page.goto("/p/default/runs?task=daily-sync")
    expect(page.get_by_role("link", name="daily-sync").first).to_be_visible()
    expect(page.get_by_role("link", name="health-check")).to_have_count(0)


def test_the_list_is_walked_and_its_runs_repeated_with_the_keyboard(page: Page, seeded: dict[str, str]) -> None:
    page.goto("/p/default/runs?task=health-check&status=failed")
    expect(page.get_by_role("link", name="health-check").first).to_be_visible()
    page.keyboard.press("j")
    expect(page.get_by_role("row").nth(1).get_by_role("link")).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_role("region", name="Chosen runs")).to_contain_text("1 run chosen")
    page.keyboard.press("x")
    expect(page.get_by_role("region", name="Chosen runs")).to_be_hidden()
    page.keyboard.press("r")
    page.get_by_role("dialog", name="Rerun 1 run?").get_by_role("button", name="Leave it").click()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/runs/run_"))
    expect(page).to_have_title(re.compile("Failed · health-check · Errands"))
    expect(page.locator("link[rel=icon]")).to_have_attribute("href", re.compile("^data:image/svg"))


def test_new_runs_are_told_and_do_not_move_what_lies_under_the_pointer(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    page.goto("/p/default/runs?task=daily-sync")
    newest = page.get_by_role("row").nth(1)
    before = newest.get_by_role("link").get_attribute("href")
    newest.hover()
    served.start("daily-sync", {"customers": 1}, wait="20s")
    told = page.get_by_role("button", name="1 new run")
    expect(told).to_be_visible()
    assert newest.get_by_role("link").get_attribute("href") == before
    told.click()
    expect(newest.get_by_role("link")).not_to_have_attribute("href", str(before))


def test_a_run_is_found_by_its_id_in_the_palette(page: Page, seeded: dict[str, str]) -> None:
    page.goto("/p/default")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    page.keyboard.press("Control+k")
    page.get_by_role("textbox", name="Search").fill(seeded["failed"][-8:])
    page.get_by_text(f"Open the run {seeded['failed'][-8:]}").click()
    expect(page.get_by_role("heading", name="health-check")).to_be_visible()


def test_a_new_run_appears_in_the_list_by_itself(page: Page, served: Served, seeded: dict[str, str]) -> None:
    page.goto("/p/default/runs?task=daily-sync")
    rows = page.get_by_role("row")
    expect(page.get_by_role("link", name="daily-sync").first).to_be_visible()
    before = rows.count()
    served.start("daily-sync", {"customers": 1}, wait="20s")
    expect(rows).to_have_count(before + 1)


def test_files_are_shown_without_being_run(page: Page, seeded: dict[str, str]) -> None:
    page.goto(f"/p/default/runs/{seeded['asking']}")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("table")).to_contain_text("lamp")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download report.md").click()
    assert download.value.suggested_filename == "report.md"


def test_what_people_and_models_write_is_text(page: Page, served: Served) -> None:
    script = "<img src=x onerror=document.title=1><script>document.title=1</script>"
    picture = "![seen](https://evil.example/pixel.png) [go](javascript:alert(1))"
    source = f"""
task: hostile
title: {script!r}
description: {script!r}
params: {{name: {{type: string, title: {script!r}, default: x}}}}
steps:
  - id: asked
    title: {script!r}
    approve: {{question: {(script + " " + picture)!r}, choices: ["go_on"]}}
"""
    served.ask("POST", "/projects/default/files", {"files": [{"name": "hostile.yaml", "source": source}]})
    run = served.start("hostile", {"name": script})
    served.until(run, "waiting")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in (
        "",
        "/tasks",
        "/tasks/hostile",
        "/tasks/hostile?tab=yaml",
        "/tasks/hostile/run",
        f"/runs/{run}",
        "/inbox?all=true",
    ):
        page.goto(f"/p/default{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        assert page.locator("img[src=x]").count() == 0
        assert page.title() != "1"
        assert page.locator("a[href^='javascript:']").count() == 0
    assert [url for url in asked if not url.startswith((served.url, "blob:", "data:"))] == []
    served.ask("POST", f"/runs/{run}/cancel", {})
