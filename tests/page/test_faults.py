"""Bad input and faults: what the page says and keeps when the server, the network, a person or a text is at odds with it.

| Fault | Test |
| --- | --- |
| Expired session | `test_doors.py`: `test_a_session_that_ends_loses_nothing_that_was_typed`; `test_chat.py`: `test_what_is_typed_outlives_a_reload_and_the_end_of_the_session` |
| Server restart | `test_a_run_is_caught_up_with_after_the_server_was_started_anew` here; a cut connection in `test_chat.py` |
| 403 | `test_what_nobody_allowed_says_who_can` here; `test_managing.py` |
| 404 | `test_what_is_not_there_is_told_with_a_way_on` here |
| 409 and 412 | `test_an_answer_that_comes_second_is_told` here; edits in `test_editor.py`, `test_agents_and_tools.py` |
| 422, the field marked | `test_what_the_server_refuses_is_marked_at_its_field` here; forms in `test_agents_and_tools.py`, `test_accounts.py` |
| Slow answers | `test_a_slow_answer_shows_the_outline_of_what_comes` here |
| Empty lists | `test_an_empty_project_says_what_would_be_there` here |
| 300 characters, right to left | `test_names_of_300_characters_and_from_right_to_left_hold` here; `test_agents_and_tools.py` |
| Script and Markdown in every field | `test_injections.py` |
| Content-Security-Policy | `test_doors.py`: `test_the_page_is_served_as_its_policy_asks` |
"""  # noqa: E501  (a table)

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.page.conftest import SCREEN, NewDatabase, sign_in, visit
from tests.page.seeding import SLOW, SYNC
from tests.page.serving import ADMIN, PASSWORD, Served, serve

_PASSWORD = "staple battery horse correct"
_ASKS = "task: asks\ndescription: Asks.\nsteps: [{id: ok, approve: {question: Really?}}]\n"


def _apply(served: Served, *sources: str) -> None:
    files = [{"name": f"f{place}.yaml", "source": source} for place, source in enumerate(sources)]
    served.ask("POST", "/projects/default/files", {"files": files})


def _settled(page: Page) -> None:
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    expect(page.get_by_role("status", name="Loading")).to_have_count(0)


def test_a_run_is_caught_up_with_after_the_server_was_started_anew(
    browser: Browser, new_database: NewDatabase, tmp_path: Path
) -> None:
    database = new_database()
    with browser.new_context(viewport=SCREEN) as context:
        page = context.new_page()
        with serve(database, tmp_path) as first:
            _apply(first, SLOW, SYNC)
            run = first.start("maintenance-window")
            first.until(run, "waiting")
            came = context.request.post(
                f"{first.url}/api/v1/session",
                data={"name": ADMIN, "password": PASSWORD},
                headers={"Origin": first.url},
            )
            assert came.ok, came.text()
            page.goto(f"{first.url}/p/default/runs/{run}")
            expect(page.get_by_text("Waiting", exact=True).first).to_be_visible()
            port, cookies = int(first.url.rpartition(":")[2]), first.client.cookies
        expect(page.get_by_text("The server does not answer.")).to_be_visible()
        expect(page.get_by_role("treeitem", name="opened")).to_be_visible()
        with serve(database, tmp_path, administrator=False, port=port) as again:
            again.client.cookies = cookies
            again.ask("POST", "/projects/default/events", {"name": "window-open", "key": "main"})
            expect(page.get_by_text("Succeeded", exact=True).first).to_be_visible()
            expect(page.get_by_text("The server does not answer.")).to_be_hidden()
            expect(page.get_by_label("Output", exact=True).or_(page.get_by_text("told")).first).to_be_visible()
            page.get_by_role("navigation", name="Screens").get_by_role("link", name="Runs").click()
            expect(page.get_by_role("row")).to_have_count(2)
            again.start("daily-sync", {"customers": 1}, wait="20s")
            expect(page.get_by_role("row")).to_have_count(3)


def test_what_nobody_allowed_says_who_can(browser: Browser, served: Served, seeded: dict[str, str]) -> None:
    served.ask("POST", "/people/iris", {"title": "Iris", "password": _PASSWORD})
    served.ask("PUT", "/projects/default/members/user:iris", {"role": "viewer"})
    with browser.new_context(base_url=served.url) as hers:
        sign_in(hers, served, "iris", _PASSWORD)
        page = hers.new_page()
        for path in ("/secrets", "/audit"):
            page.goto(f"/p/default{path}")
            expect(page.get_by_role("heading", name="You may not see this")).to_be_visible()
            expect(page.get_by_role("alert")).to_contain_text("Request")
        page.goto("/p/default/new-agent")
        expect(page.get_by_text("Ask an owner of project default")).to_be_visible()
        page.goto("/p/elsewhere/tasks")
        expect(page.get_by_role("alert").first).to_be_visible()
    served.ask("DELETE", "/projects/default/members/user:iris")


@pytest.mark.parametrize(
    "path", ["/tasks/nothing", "/tasks/nothing/edit", "/runs/run_0192f3c4a1b2", "/agents/nobody", "/templates/none"]
)
def test_what_is_not_there_is_told_with_a_way_on(page: Page, served: Served, seeded: dict[str, str], path: str) -> None:
    page.goto(f"/p/default{path}")
    told = page.get_by_role("alert").first
    expect(told.get_by_role("heading", name="Not found")).to_be_visible()
    expect(told).to_contain_text("Request")
    page.get_by_role("navigation", name="Screens").get_by_role("link", name="Tasks").click()
    expect(page.get_by_role("heading", name="Tasks", level=1)).to_be_visible()


def test_an_answer_that_comes_second_is_told(page: Page, served: Served, seeded: dict[str, str]) -> None:
    _apply(served, _ASKS)
    run = served.start("asks")
    served.until(run, "waiting")
    (asked,) = [one for one in served.ask("GET", "/projects/default/approvals")["items"] if one["run"] == run]
    page.goto(f"/p/default/inbox?approval={asked['id']}")
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    # The page is told of it late: it still sees the question as it was.
    before = served.ask("GET", f"/approvals/{asked['id']}")
    page.route("**/api/v1/approvals/*", lambda route: route.fulfill(json=before))
    served.ask("POST", f"/approvals/{asked['id']}/answer", {"choice": "reject"})
    page.get_by_label("Note").fill("Yes, please")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("alert").filter(has_text="Somebody was first")).to_be_visible()
    expect(page.get_by_label("Note")).to_have_value("Yes, please")


def test_what_the_server_refuses_is_marked_at_its_field(page: Page, served: Served, seeded: dict[str, str]) -> None:
    page.goto("/p/default/tasks/regional-report/run")
    page.get_by_label("limit").fill("5000")
    page.get_by_label("note").fill("Typed")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_label("limit")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("combobox", name="region")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("note")).to_have_value("Typed")
    expect(page.get_by_label("note")).not_to_have_attribute("aria-invalid", "true")


def test_a_slow_answer_shows_the_outline_of_what_comes(page: Page, served: Served, seeded: dict[str, str]) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/api/v1/projects/default/tasks?*", hold)
    page.goto("/p/default/tasks")
    expect(page.get_by_role("heading", name="Tasks", level=1)).to_be_visible()
    expect(page.get_by_role("status", name="Loading")).to_be_visible()
    expect(page.get_by_role("heading", name="This could not be loaded")).to_have_count(0)
    for route in held:
        route.continue_()
    page.unroute("**/api/v1/projects/default/tasks?*")
    expect(page.get_by_role("link", name="Regional sales report", exact=True)).to_be_visible()
    expect(page.get_by_role("status", name="Loading")).to_have_count(0)


_EMPTY = {
    "": "This project has no task yet",
    "/chat": "Say what should happen",
    "/tasks": "no task",
    "/runs": "run",
    "/schedule": "Nothing starts by itself",
    "/calendars": "No calendar is kept here",
    "/inbox": "Nothing waits for you",
    "/alarms": "",
    "/alarms?tab=channels": "",
    "/insights": "Nothing ran in these days",
    "/agents": "No agent works here yet",
    "/models": "",
    "/tools": "",
    "/tools/servers": "No tool server is connected",
    "/secrets": "No secret here yet",
    "/members": "",
    "/audit": "",
}


def test_an_empty_project_says_what_would_be_there(browser: Browser, new_database: NewDatabase, tmp_path: Path) -> None:
    with (
        serve(new_database(), tmp_path) as served,
        browser.new_context(base_url=served.url, viewport=SCREEN) as context,
    ):
        sign_in(context, served)
        page = context.new_page()
        page.goto("/p/default")
        for path, said in _EMPTY.items():
            visit(page, f"/p/default{path}")
            _settled(page)
            expect(page.get_by_role("heading", name="This could not be loaded")).to_have_count(0)
            expect(page.get_by_role("main")).to_contain_text(said)


_WIDER = """() => {
    const main = document.querySelector('main')
    if (main.scrollWidth <= main.clientWidth && document.documentElement.scrollWidth <= innerWidth) return []
    const room = main.getBoundingClientRect().right
    const own = (one) => getComputedStyle(one).overflowX !== 'visible'
    const scrolls = (one) => one && one !== main && (own(one) || scrolls(one.parentElement))
    return [...main.querySelectorAll('*')]
        .filter((one) => one.getBoundingClientRect().right > room && !scrolls(one.parentElement))
        .map((one) => `${one.tagName} ${one.className} ${(one.innerText ?? '').slice(0, 30)}`)
}"""
"""What is wider than there is room for."""


def test_names_of_300_characters_and_from_right_to_left_hold(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    words, long = "اقرأ التقرير ثم لخصه " * 15, "a" * 300
    for name, title in (("right-to-left", words), ("endless", long)):
        source = f"""
task: {name}
title: {title!r}
description: {title!r}
tags: [{name}]
params: {{one: {{type: string, title: {title!r}, default: {title!r}}}}}
grants: {{tools: [log]}}
steps:
  - {{id: said, title: {title!r}, python: one}}
  - {{id: told, tool: log, with: {{message: "{{{{ said }}}}"}}}}
  - {{id: ok, title: {title!r}, approve: {{question: {title!r}, choices: [yes_please]}}}}
output: "{{{{ said }}}}"
"""
        _apply(served, source)
        run = served.start(name)
        served.until(run, "waiting")
        paths = ("", "/tasks", "/runs", f"/runs/{run}?step=said", f"/runs/{run}?step=told&pane=logs", "/inbox?all=true")
        of_task = (f"/tasks/{name}", f"/tasks/{name}/run", f"/tasks/{name}/edit", f"/tasks/{name}?tab=versions")
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 844})
            page.goto("/p/default")
            for path in (*paths, *of_task):
                visit(page, f"/p/default{path}")
                _settled(page)
                assert page.evaluate(_WIDER) == [], f"{path} at {width}"
        served.ask("POST", f"/runs/{run}/cancel", {})
        served.ask("DELETE", f"/projects/default/tasks/{name}")
