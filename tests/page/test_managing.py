"""Managing: a member and what the role holds, a secret, a token, the audit log, schedules."""

import httpx
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import sign_in
from tests.page.serving import Served

_PASSWORD = "staple battery horse correct"


def test_a_member_is_given_a_role_and_sees_what_it_holds(
    browser: Browser, page: Page, served: Served, seeded: dict[str, str]
) -> None:
    served.ask("POST", "/people/vera", {"title": "Vera", "password": _PASSWORD})
    page.goto("/p/default/members")
    page.get_by_role("combobox", name="Name").fill("vera")
    page.get_by_role("button", name="Give the role").click()
    expect(page.get_by_role("cell", name="Vera")).to_be_visible()
    with browser.new_context(base_url=served.url) as hers:
        sign_in(hers, served, "vera", _PASSWORD)
        other = hers.new_page()
        other.goto("/p/default/tasks/daily-sync")
        expect(other.get_by_role("heading", name="Daily synchronization")).to_be_visible()
        expect(other.get_by_role("tab", name="Versions")).to_be_visible()
        for act in ("Run", "Edit", "Pause"):
            expect(other.get_by_role("link", name=act, exact=True)).to_have_count(0)
            expect(other.get_by_role("button", name=act, exact=True)).to_have_count(0)
        other.goto("/p/default/secrets")
        expect(other.get_by_role("heading", name="You may not see this")).to_be_visible()
    page.get_by_role("row", name="Vera").get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("cell", name="Vera")).to_have_count(0)


def test_a_secret_is_kept_and_never_shown_again(page: Page, served: Served, seeded: dict[str, str]) -> None:
    page.goto("/p/default/secrets")
    page.get_by_label("Name").fill("CHANNEL")
    page.get_by_label("Value").fill("s3cret-value")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("cell", name="CHANNEL", exact=True)).to_be_visible()
    assert "s3cret-value" not in page.content()
    page.get_by_role("row", name="CHANNEL").get_by_role("button", name="Tasks that may use CHANNEL").click()
    tasks = page.get_by_role("dialog", name="Tasks that may use CHANNEL").get_by_label("Only these tasks")
    tasks.fill("daily-sync")
    tasks.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name="CHANNEL")).to_contain_text("daily-sync")
    page.get_by_label("Name").fill("CHANNEL")
    expect(page.get_by_text("what it holds now is replaced")).to_be_visible()
    expect(page.get_by_role("button", name="Replace the value")).to_be_visible()
    page.get_by_role("row", name="CHANNEL").get_by_role("button", name="Forget").click()
    page.get_by_role("button", name="Forget it").click()
    expect(page.get_by_role("heading", name="No secret here yet")).to_be_visible()


def test_a_token_is_shown_once_and_works_until_it_is_revoked(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    page.goto("/p/default/settings")
    page.get_by_label("Name").fill("nightly import")
    page.get_by_role("button", name="Make a token").click()
    token = page.get_by_label("The new token").inner_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{served.url}/api/v1/projects", headers=headers).json() == ["default"]
    page.reload()
    expect(page.get_by_role("cell", name="nightly import")).to_be_visible()
    assert token not in page.content()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("cell", name="nightly import")).to_have_count(0)
    assert httpx.get(f"{served.url}/api/v1/projects", headers=headers).status_code == 401


def test_the_audit_log_is_filtered_and_verified(page: Page, served: Served, seeded: dict[str, str]) -> None:
    page.goto("/p/default/audit?verb=task.run")
    expect(page.get_by_role("cell", name="task.run").first).to_be_visible()
    expect(page.get_by_role("cell", name="task.edit")).to_have_count(0)
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("status").filter(has_text="Intact")).to_be_visible()


def test_a_calendar_is_closed_and_removed(page: Page, served: Served, seeded: dict[str, str]) -> None:
    page.goto("/p/default/calendars")
    page.get_by_label("Calendar", exact=True).fill("freeze")
    page.get_by_label("Closed from").fill("2027-12-24T00:00")
    page.get_by_label("until").fill("2027-12-27T00:00")
    page.get_by_label("Note").fill("Holidays")
    page.get_by_role("button", name="Close it then").click()
    expect(page.get_by_role("row", name="2027-12-24 00:00 2027-12-27 00:00 Holidays")).to_be_visible()
    (kept,) = served.ask("GET", "/projects/default/calendars")
    assert kept["periods"][0]["start"] == "2027-12-23T23:00:00Z"
    theirs = {"start": "2027-05-01T00:00:00Z", "end": "2027-05-02T00:00:00Z"}
    headers, both = {"If-Match": f'"{kept["digest"]}"'}, {"periods": [*kept["periods"], theirs]}
    assert served.client.put("/api/v1/projects/default/calendars/freeze", json=both, headers=headers).is_success
    page.get_by_label("Closed from").fill("2028-12-24T00:00")
    page.get_by_label("until").fill("2028-12-27T00:00")
    page.get_by_role("button", name="Close it then").click()
    expect(page.get_by_role("alert", name="Somebody has changed freeze meanwhile")).to_be_visible()
    expect(page.get_by_label("Closed from")).to_have_value("2028-12-24T00:00")
    expect(page.get_by_role("row", name="2027-05-01")).to_be_visible()
    page.get_by_role("button", name="Close it then").click()
    expect(page.get_by_role("row", name="2028-12-24")).to_be_visible()
    expect(page.get_by_role("row", name="2027-05-01")).to_be_visible()
    page.get_by_role("row", name="2027-05-01").get_by_role("button", name="Take out").click()
    page.get_by_role("dialog").get_by_role("button", name="Take it out").click()
    expect(page.get_by_role("row", name="2027-05-01")).to_have_count(0)
    expect(page.get_by_role("row", name="2028-12-24")).to_be_visible()
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", name="No calendar is kept here")).to_be_visible()


def test_a_schedule_is_tried_before_it_is_written(page: Page, served: Served, seeded: dict[str, str]) -> None:
    page.goto("/p/default/schedule")
    expect(page.get_by_role("link", name="regional-report")).to_be_visible()
    page.get_by_label("Time", exact=True).fill("07:45")
    expect(page.get_by_text("Every day at 07:45, Europe/Berlin")).to_be_visible()
    expect(page.get_by_role("list", name="Next firings").get_by_role("listitem")).to_have_count(10)
    page.get_by_label("Zone").fill("Mars/Base")
    expect(page.get_by_role("alert")).to_contain_text("Mars/Base")
