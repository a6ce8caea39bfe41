"""Coming in: the first start, signing in and out, and a session that ends while somebody works."""

from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import NewDatabase
from tests.page.serving import ADMIN, PASSWORD, Served, serve


def test_the_first_starts_link_makes_the_administrator_and_leads_home(
    browser: Browser, new_database: NewDatabase, tmp_path: Path
) -> None:
    with serve(new_database(), tmp_path, administrator=False) as served:
        assert served.setup is not None
        page = browser.new_page()
        page.goto(served.setup)
        page.get_by_label("Name").fill("ana")
        page.get_by_label("Password", exact=True).fill("short")
        page.get_by_role("button", name="Make the administrator").click()
        assert page.get_by_label("Password", exact=True).evaluate("field => field.validity.tooShort")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Make the administrator").click()
        expect(page.get_by_role("heading", name="This project has no task yet")).to_be_visible()
        page.goto(served.setup)
        page.get_by_label("Name").fill("eve")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Make the administrator").click()
        expect(page.get_by_role("alert")).to_be_visible()
        page.close()


def test_who_is_not_signed_in_signs_in_and_is_where_the_link_led(
    browser: Browser, served: Served, seeded: dict[str, str]
) -> None:
    page = browser.new_page(base_url=served.url)
    page.goto("/p/default/runs?status=failed")
    page.get_by_label("Name").fill(ADMIN)
    page.get_by_label("Password", exact=True).fill("not the password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    expect(page).to_have_url(f"{served.url}/p/default/runs?status=failed")
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto("/p/default/runs")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.close()


def test_a_link_cannot_lead_elsewhere_after_the_sign_in(browser: Browser, served: Served) -> None:
    page = browser.new_page(base_url=served.url)
    page.goto("/sign-in?next=//evil.example/x")
    page.get_by_label("Name").fill(ADMIN)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("navigation", name="Screens")).to_be_visible()
    assert page.url.startswith(served.url)
    page.close()


def test_a_session_that_ends_loses_nothing_that_was_typed(page: Page, served: Served, seeded: dict[str, str]) -> None:
    page.goto("/p/default/tasks/regional-report/run")
    page.get_by_label("note").fill("Typed before the session ended")
    page.context.clear_cookies()
    # Asks to sign in at the next answer, whether it is to this click or to what the page looks up by itself before it.
    page.get_by_role("button", name="Start the run").dispatch_event("click")
    dialog = page.get_by_role("dialog", name="Your session has ended")
    dialog.get_by_label("Name").fill(ADMIN)
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in", exact=True).click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("note")).to_have_value("Typed before the session ended")


def test_the_page_is_served_as_its_policy_asks(served: Served) -> None:
    html = {"Accept": "text/html"}
    index = served.client.get("/p/default/runs", headers=html)
    again = served.client.get("/", headers=html)
    policy = index.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert policy != again.headers["content-security-policy"], "each answer has a nonce of its own"
    assert index.headers["cache-control"] == "no-cache"
    script = index.text.partition('src="/assets/')[2].partition('"')[0]
    asset = served.client.get(f"/assets/{script}")
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert asset.headers["content-encoding"] == "gzip"
    assert asset.headers["x-content-type-options"] == "nosniff"
    for path, accept in (("/assets/none.js", "*/*"), ("/api/v1/none", "text/html")):
        missing = httpx.get(f"{served.url}{path}", headers={"Accept": accept})
        assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")
