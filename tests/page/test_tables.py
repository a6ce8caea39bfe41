"""Tables that people read all day: a head that stays, columns that are chosen, and the same list on a telephone."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import sign_in
from tests.page.serving import Served


@pytest.mark.parametrize(("path", "column"), [("/runs", "Queued"), ("/audit", "Who")])
def test_the_head_of_a_table_stays_below_the_top_bar(
    page: Page, seeded: dict[str, str], path: str, column: str
) -> None:
    page.set_viewport_size({"width": 1300, "height": 360})
    page.goto(f"/p/default{path}")
    head = page.get_by_role("columnheader", name=column)
    before = head.bounding_box()
    page.get_by_role("row").last.scroll_into_view_if_needed()
    expect(head).to_be_in_viewport(ratio=1)
    bar, after = page.get_by_role("banner").bounding_box(), head.bounding_box()
    assert bar
    assert before
    assert after
    assert before["y"] > after["y"], "the table was scrolled"
    assert 0 <= after["y"] - (bar["y"] + bar["height"]) < 12


def test_columns_are_left_out_by_keys_and_stay_so_for_this_person(page: Page, seeded: dict[str, str]) -> None:
    page.goto("/p/default/runs")
    cost = page.get_by_role("columnheader", name="Cost")
    expect(cost).to_be_visible()
    page.get_by_role("button", name="Columns").focus()
    page.keyboard.press("Enter")
    chosen = page.get_by_role("menuitemcheckbox")
    expect(chosen.first).to_be_visible()
    assert "Task" not in chosen.all_inner_texts(), "a row always tells what it is"
    while not chosen.filter(has_text="Cost").evaluate("one => one === document.activeElement"):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(chosen.filter(has_text="Cost")).not_to_be_checked()
    expect(cost).to_have_count(0)
    page.keyboard.press("Escape")
    page.reload()
    expect(page.get_by_role("columnheader", name="Tokens")).to_be_visible()
    expect(cost).to_have_count(0)
    expect(page.get_by_role("row").nth(1).get_by_role("cell")).to_have_count(8)
    page.goto("/p/default/tasks")
    expect(page.get_by_role("columnheader", name="Spend, 14 d")).to_be_visible()
    page.goto("/p/default/runs")
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("menuitem", name="Show all").click()
    expect(cost).to_be_visible()


def test_a_list_tells_the_title_of_a_task_and_its_name(page: Page, seeded: dict[str, str]) -> None:
    for path in ("/runs?task=health-check", "/schedule", ""):
        page.goto(f"/p/default{path}")
        expect(page.get_by_role("link", name=re.compile("^Health check health-check")).first).to_be_visible()


def test_on_a_telephone_a_conversation_has_the_screen_for_itself(
    browser: Browser, served: Served, seeded: dict[str, str]
) -> None:
    with browser.new_context(base_url=served.url, viewport={"width": 390, "height": 844}) as context:
        sign_in(context, served)
        page = context.new_page()
        page.goto("/p/default/chat")
        list_of_all = page.get_by_role("navigation", name="Conversations")
        expect(page.get_by_role("heading", name="Chat", level=1)).to_be_visible()
        expect(list_of_all).to_be_hidden()
        page.get_by_role("link", name="All conversations").click()
        expect(page.get_by_role("heading", name="Conversations", level=1)).to_be_visible()
        page.get_by_role("textbox", name="Search conversations").fill("region")
        expect(page).to_have_url(re.compile("q=region"))
        list_of_all.get_by_role("link", name=re.compile("Orders by region")).click()
        expect(page.get_by_role("region", name="What was said")).to_be_visible()
        expect(list_of_all).to_be_hidden()
        page.get_by_role("link", name="All conversations").click()
        expect(list_of_all).to_be_visible()
