"""Accounts of the server and projects, made and looked after on the page."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import NewDatabase, sign_in
from tests.page.serving import Served, serve

_PASSWORD = "staple battery horse correct"


@pytest.fixture(scope="module")
def served(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of its own, for projects cannot be taken away again."""
    with serve(new_database(), tmp_path_factory.mktemp("home")) as started:
        yield started


def test_an_account_is_made_its_person_comes_in_and_is_shut_out(browser: Browser, page: Page, served: Served) -> None:
    page.goto("/p/default/members")
    page.get_by_text("Accounts of the server", exact=True).click()
    name = page.get_by_label("Name to sign in with")
    name.fill("Not a name!")
    page.get_by_role("button", name="Make the account").click()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("cannot be the name of a person")).to_be_visible()
    name.fill("ana")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_text("There is an account ana already.")).to_be_visible()
    name.fill("nora")
    page.get_by_label("Shown as").fill("Nora Berg")
    page.get_by_label("Mail").fill("nora@example.com")
    page.get_by_role("button", name="Make the account").click()
    dialog = page.get_by_role("dialog", name="A link for nora")
    link = dialog.get_by_label("Link for nora").inner_text().strip()
    assert link.startswith(f"{served.url}/password?link=")
    dialog.get_by_role("button", name="Close").click()
    row = page.get_by_role("table", name="Accounts").get_by_role("row", name="Nora Berg")
    expect(row).to_contain_text("nora@example.com")
    expect(row).to_contain_text("has chosen no password yet")
    page.reload()
    expect(row).to_be_visible()
    assert link.partition("link=")[2] not in page.content()
    with browser.new_context(base_url=served.url) as hers:
        other = hers.new_page()
        other.goto(link)
        other.get_by_label("Password", exact=True).fill(_PASSWORD)
        other.get_by_role("button", name="Choose it and sign in").click()
        expect(other.get_by_role("heading", name="You are in no project yet")).to_be_visible()
        other.goto(link)
        other.get_by_label("Password", exact=True).fill(_PASSWORD)
        other.get_by_role("button", name="Choose it and sign in").click()
        expect(other.get_by_role("alert")).to_be_visible()
        row.get_by_role("button", name="Close").click()
        page.get_by_role("dialog").get_by_role("button", name="Close it").click()
        expect(row).to_contain_text("closed")
        assert hers.request.get("/api/v1/me").status == 401, "sessions end at once"
    row.get_by_role("button", name="Let nora in again").click()
    expect(row).not_to_contain_text("closed")
    with browser.new_context(base_url=served.url) as hers:
        sign_in(hers, served, "nora", _PASSWORD)


def test_a_password_is_chosen_anew_with_a_link_and_a_role_on_the_server_is_given(
    browser: Browser, page: Page, served: Served
) -> None:
    served.ask("POST", "/people/otto", {"title": "Otto", "password": _PASSWORD})
    served.ask("PUT", "/projects/default/members/user:otto", {"role": "viewer"})
    page.goto("/p/default/members/accounts")
    row = page.get_by_role("table", name="Accounts").get_by_role("row", name="Otto")
    row.get_by_role("button", name="Link to a new password for otto").click()
    link = page.get_by_role("dialog").get_by_label("Link for otto").inner_text().strip()
    page.keyboard.press("Escape")
    row.get_by_role("combobox", name="Role of otto on the server").click()
    page.get_by_role("option", name="Auditor: reads the log").click()
    expect(page.get_by_text("otto is auditor now")).to_be_visible()
    with browser.new_context(base_url=served.url) as his:
        other = his.new_page()
        other.goto(link)
        other.get_by_label("Password", exact=True).fill(_PASSWORD[::-1])
        other.get_by_role("button", name="Choose it and sign in").click()
        expect(other.get_by_role("link", name="Audit")).to_be_visible()
        other.goto("/p/default/members/accounts")
        expect(other.get_by_role("table", name="Accounts").get_by_role("row", name="Otto")).to_be_visible()
        expect(other.get_by_role("button", name="Make the account")).to_have_count(0)
        expect(other.get_by_role("button", name=re.compile("New password|Close"))).to_have_count(0)


def test_a_project_is_made_and_owned_by_whoever_makes_it(page: Page, served: Served) -> None:
    page.goto("/p/default")
    page.get_by_role("button", name="default, project: choose another").click()
    page.get_by_role("menuitem", name="New project …").click()
    dialog = page.get_by_role("dialog", name="New project")
    dialog.get_by_label("Name").fill("default")
    dialog.get_by_role("button", name="Make the project").click()
    expect(dialog.get_by_text("There is a project default already.")).to_be_visible()
    dialog.get_by_label("Name").fill("marketing")
    dialog.get_by_role("button", name="Make the project").click()
    expect(page).to_have_url(re.compile("/p/marketing$"))
    expect(page.get_by_role("heading", name="This project has no task yet")).to_be_visible()
    (member,) = served.ask("GET", "/projects/marketing/members")
    assert (member["reference"], member["role"]) == ("user:ana", "owner")


def test_the_server_tells_an_administrator_whether_it_is_in_order(page: Page, served: Served) -> None:
    page.goto("/p/default/settings")
    checks = page.get_by_role("table", name="Checks of the server")
    expect(checks.get_by_role("row", name=re.compile("in order database"))).to_contain_text("PostgreSQL")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download it").click()
    assert download.value.suggested_filename.endswith(".zip")


def test_an_auditor_who_is_in_no_project_reads_the_audit_log_of_the_server(browser: Browser, served: Served) -> None:
    served.ask("POST", "/people/audra", {"server_role": "auditor", "password": _PASSWORD})
    with browser.new_context(base_url=served.url) as hers:
        sign_in(hers, served, "audra", _PASSWORD)
        page = hers.new_page()
        page.goto("/")
        page.get_by_role("link", name="Open the audit log").click()
        expect(page.get_by_role("heading", name="Audit")).to_be_visible()
        expect(page.get_by_role("table").get_by_role("row", name="audra").first).to_be_visible()
        page.get_by_role("button", name="Verify").click()
        expect(page.get_by_role("status")).to_contain_text("Intact")
        page.get_by_role("button", name="Your account").click()
        page.get_by_role("menuitem", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_who_is_in_no_project_and_looks_nothing_through_can_only_leave(browser: Browser, served: Served) -> None:
    served.ask("POST", "/people/lone", {"password": _PASSWORD})
    with browser.new_context(base_url=served.url) as theirs:
        sign_in(theirs, served, "lone", _PASSWORD)
        page = theirs.new_page()
        page.goto("/")
        expect(page.get_by_role("heading", name="You are in no project yet")).to_be_visible()
        expect(page.get_by_role("link", name="Open the audit log")).to_have_count(0)
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
