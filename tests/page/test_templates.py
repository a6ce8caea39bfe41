"""Templates in the page: tried with samples, asked by a form, shown before anything changes, adopted."""

from playwright.sync_api import Page, expect

from tests.page.serving import Served


def test_a_template_is_tried_and_adopted(page: Page, served: Served, seeded: dict[str, str]) -> None:
    page.goto("/p/default/templates")
    page.get_by_role("link", name="Report generation").click()
    expect(page.get_by_role("img", name="Steps of Weekly report")).to_be_visible()
    page.get_by_role("button", name="Try it with sample data").click()
    result = page.get_by_role("region", name="Result of the trial")
    expect(result.get_by_text("Succeeded")).to_be_visible()
    with page.expect_download() as made:
        result.get_by_role("link", name="report-2026-03-02.html").click()
    assert "Tea carries the week" in made.value.path().read_text()

    page.get_by_role("button", name="Show what changes").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was changed")
    recipients = page.get_by_label("recipients").first
    recipients.fill("ana@example.com")
    recipients.press("Enter")
    page.get_by_role("button", name="Show what changes").click()
    changes = page.get_by_role("region", name="What changes")
    expect(changes).to_contain_text("weekly-report: will be new")
    expect(changes).to_contain_text("REPORT_DB, SMTP")
    expect(changes.get_by_role("button", name="Adopt and publish")).to_be_disabled()
    changes.get_by_role("button", name="Save as a draft").click()
    page.wait_for_url("**/p/default/tasks/weekly-report")
    expect(page.get_by_role("heading", name="Weekly report")).to_be_visible()
    (draft,) = [one for one in served.ask("GET", "/projects/default/tasks")["items"] if one["name"] == "weekly-report"]
    assert draft["published"] is None
    assert "default: [ana@example.com]" in served.ask("GET", "/projects/default/tasks/weekly-report/source")["source"]
    served.ask("DELETE", "/projects/default/tasks/weekly-report")
